//! Masks: keys in texts. What looks like a key of a known service, a private key, or a value that is named as a secret and looks
//! drawn at random, is replaced before a model or a history sees the text.
//!
//! Invariant: the same text gives the same masked text, and masking it again changes nothing.

mod known;
mod masked;
mod said;

pub use known::Known;
pub use masked::Masked;

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// What stands for a key. It means nothing in any file: a text that holds it is not to be written.
pub const MASK: &str = "[MASKED_SECRET]";

/// Shapes of keys, by the services' own documentation: a beginning that nothing else has, then the alphabet and the length.
const SHAPES: [&str; 28] = [
    r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{16}\b",
    r"\bABSK[A-Za-z0-9+/]{109,}={0,2}",
    r"\bgh[pousr]_[A-Za-z0-9]{36,}\b",
    r"\bgithub_pat_[A-Za-z0-9_]{22,}\b",
    r"\bgl(?:pat|ptt|rt|dt|soat|cbt|agent|oas|ft|imt|ffct)-[A-Za-z0-9_-]{20,}",
    r"\bxapp-\d-[A-Z0-9]+-\d+-[A-Za-z0-9]+",
    r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{40,60}",
    r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{10,}\b",
    r"\bsk-(?:ant|or|proj|svcacct|admin)-[A-Za-z0-9_-]{20,}",
    r"\bAIza[A-Za-z0-9_-]{35}",
    r"\bGOCSPX-[A-Za-z0-9_-]{28}",
    r"\bya29\.[A-Za-z0-9_-]{30,}",
    r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-AgE[A-Za-z0-9_-]{50,}",
    r"\brubygems_[a-f0-9]{48}\b",
    r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{35,50}",
    r"\bsq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,43}",
    r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b",
    r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    r"\bdapi[a-f0-9]{32}\b",
    r"\bATATT3[A-Za-z0-9_=-]{50,}",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
    r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b",
    r"https://(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,}",
    r"(?:AccountKey|SharedAccessKey|SharedSecret)=[A-Za-z0-9+/]{40,}={0,2}",
    r"\b1//0[A-Za-z0-9_-]{40,}",
    r"\bGR1348941[A-Za-z0-9_-]{20}\b",
];

/// Shapes whose beginning also other words have: they count where the rest looks drawn at random.
const LIKELY: [&str; 16] = [
    r"\bsk-[A-Za-z0-9]{20,}\b",
    r"\bxox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}",
    r"\bwhsec_[A-Za-z0-9+/]{24,64}",
    r"\b(?:gsk_|xai-|pplx-|fw_|r8_|tvly-|csk-|nvapi-)[A-Za-z0-9_-]{20,}",
    r"\b(?:hf|api_org)_[A-Za-z]{30,40}\b",
    r"\b(?:SK|AC)[0-9a-f]{32}\b",
    r"\bkey-[0-9a-f]{32}\b",
    r"\bEAAA[A-Za-z0-9_-]{60}\b",
    r"\bdp\.(?:pt|st|ct|scim|audit)\.[A-Za-z0-9._-]{40,64}",
    r"\b(?:lin_api|lin_oauth|ntn|secret)_[A-Za-z0-9]{40,64}\b",
    r"\b(?:pul-|glsa_|glc_|tskey-|phc_|sntry[su]_|rdme_|figd_|fio-u-|PMAK-|NR[AJ][KS]-|CCIPAT_|pscale_(?:tkn|pw|oauth)_|dckr_[po]at_|sgp_|shippo_(?:live|test)_|EZ[AT]K|FlyV1\s|fm2_|vcp_|rnd_|sbp_|re_|cfut_|v1\.0-)[A-Za-z0-9_.=+/-]{24,}",
    r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b",
    r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}\b",
    r"\b[a-f0-9]{32}-us\d{1,2}\b",
    r"\bEAA[A-Z][A-Za-z0-9]{90,}\b",
    r"\bops_eyJ[A-Za-z0-9_-]{200,}",
];

/// A private key, as far as it is there: its first line with what follows in its alphabet, or the lines before its last. The signs
/// around the lines of a literal belong to it.
const PEM: &str = r#"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----(?:[A-Za-z0-9+/=\s"',+`]|(?:Proc-Type|DEK-Info|Version|Comment): [^\n]*)*(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----)?|(?:[A-Za-z0-9+/=]{20,}[\s"',+`\\n]{1,12})*[A-Za-z0-9+/=]{4,}[\s"',+`\\n]{1,12}-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"#;

/// A line of a private key alone: as long as such lines are, and drawn at random.
const PEM_LINE: &str = r#"(?m)^(?P<before>(?:\S{0,200}\d[:|]\s{0,2})?[ \t"'+`]{0,12})(?P<value>[A-Za-z0-9+/]{64}(?:[A-Za-z0-9+/]{6}(?:[A-Za-z0-9+/]{6})?)?)(?:\\n)?[ \t"'+`,;)]{0,8}$"#;

/// A name that says secret, a sign that gives it a value, and the value.
const NAMED: &str = r#"(?i)(?P<name>[a-z0-9_.-]{0,40}(?:api[_-]?key|secret|token|passwd|password|private[_-]?key|access[_-]?key|auth[_-]?key|client[_-]?secret|credential)[a-z0-9_-]{0,20}["']?\s{0,3}(?::=|=>|[:=])\s{0,3}(?:bearer\s+|basic\s+)?["'`]?)(?P<value>[A-Za-z0-9+/_.=~-]{16,})"#;

/// A password in an address.
const ADDRESS: &str = r#"(?P<before>\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"'<>]{0,100}:)(?P<value>[^\s/@"'<>{}$]{3,100})@"#;

/// Bits a character below which a value was not drawn at random.
const RANDOM: f64 = 3.5;
/// The same for a line of base64, of which a random one has about 5.2.
const RANDOM_LINE: f64 = 4.7;

static KEYS: LazyLock<Option<Regex>> = LazyLock::new(|| any(&SHAPES));
static LIKELIES: LazyLock<Option<Regex>> = LazyLock::new(|| any(&LIKELY));
static PEMS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PEM).ok());
static PEM_LINES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PEM_LINE).ok());
static VALUES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(NAMED).ok());
static ADDRESSES: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ADDRESS).ok());

/// One pattern of many. Borders of words are those of ASCII: keys have no other letters.
fn any(shapes: &[&str]) -> Option<Regex> {
    Regex::new(&shapes.join("|").replace(r"\b", r"(?-u:\b)")).ok()
}

/// The text with [`MASK`] for every key in it.
pub fn mask(text: &str) -> Cow<'_, str> {
    swept(Masked::new(text)).into_text()
}

fn swept(text: Masked<'_>) -> Masked<'_> {
    // Line by line, so that places in the text stay where they are.
    let text = text.replaced(&PEMS, |found| {
        let lines = found[0].matches('\n').count();
        Some(vec![MASK; lines + 1].join("\n"))
    });
    let text = text.replaced(&PEM_LINES, |found| {
        (entropy(&found["value"]) >= RANDOM_LINE).then(|| format!("{}{MASK}", &found["before"]))
    });
    let text = text.replaced(&KEYS, |_| Some(MASK.to_owned()));
    let text = text.replaced(&LIKELIES, |found| {
        (entropy(&found[0]) >= RANDOM && !is_placeholder(&found[0])).then(|| MASK.to_owned())
    });
    let text = text.replaced(&VALUES, |found| {
        let value = &found["value"];
        looks_random(value).then(|| format!("{}{MASK}", &found["name"]))
    });
    let text = said::swept(text);
    text.replaced(&ADDRESSES, |found| {
        let value = &found["value"];
        (!is_placeholder(value)).then(|| format!("{}{MASK}@", &found["before"]))
    })
}

/// Letters and digits mixed with much entropy (Shannon, bits a character), and no word of a language or a program.
fn looks_random(value: &str) -> bool {
    let has = |test: fn(&char) -> bool| value.chars().any(|c| test(&c));
    has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && !is_placeholder(value)
        && !value.contains("::")
        && !value.contains("()")
        && value
            .split(['.', '/', '-', '_'])
            .any(|part| part.len() >= 12)
        && entropy(value) >= RANDOM
}

fn is_placeholder(value: &str) -> bool {
    let lower = value.to_lowercase();
    [
        "example",
        "placeholder",
        "changeme",
        "your",
        "xxxx",
        "****",
        "password",
        "dummy",
        "masked_secret",
        "test1234",
        "<",
        "user",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

fn entropy(value: &str) -> f64 {
    let mut counts = [0u32; 256];
    value
        .bytes()
        .for_each(|byte| counts[usize::from(byte)] += 1);
    let length = value.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / length;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drawn anew each run, so that no test knows the key.
    fn drawn(alphabet: &str, length: usize, mut seed: u64) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length)
            .map(|_| {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                alphabet[(seed >> 33) as usize % alphabet.len()]
            })
            .collect()
    }

    #[test]
    fn every_shape_is_a_pattern() {
        for shape in SHAPES.into_iter().chain(LIKELY) {
            assert!(any(&[shape]).is_some(), "{shape}");
        }
        assert!(
            [&KEYS, &LIKELIES, &VALUES, &ADDRESSES]
                .into_iter()
                .all(|it| it.is_some())
        );
    }

    #[test]
    fn keys_of_services_are_masked_wherever_they_stand() {
        let word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let hex = "0123456789abcdef";
        for seed in 1..20 {
            for key in [
                format!("AKIA{}", drawn(upper, 16, seed)),
                format!("ghp_{}", drawn(word, 36, seed)),
                format!("github_pat_{}", drawn(word, 60, seed)),
                format!("glpat-{}", drawn(word, 20, seed)),
                format!("xoxb-{}", drawn(word, 40, seed)),
                format!("sk_live_{}", drawn(word, 24, seed)),
                format!("sk-ant-api03-{}", drawn(word, 90, seed)),
                format!("sk-proj-{}", drawn(word, 60, seed)),
                format!("AIza{}", drawn(word, 35, seed)),
                format!("npm_{}", drawn(word, 36, seed)),
                format!("SG.{}.{}", drawn(word, 22, seed), drawn(word, 43, seed)),
                format!("dop_v1_{}", drawn(hex, 64, seed)),
                format!(
                    "eyJ{}.eyJ{}.{}",
                    drawn(word, 20, seed),
                    drawn(word, 30, seed),
                    drawn(word, 40, seed)
                ),
                format!(
                    "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
                    drawn(word, 600, seed)
                ),
                format!("hvs.{}", drawn(word, 90, seed)),
            ] {
                for text in [
                    key.clone(),
                    format!("let k = \"{key}\";\n"),
                    format!("a: {key}, b"),
                ] {
                    let masked = mask(&text);
                    assert!(
                        !masked.contains(&key) && masked.contains(MASK),
                        "{text} -> {masked}"
                    );
                    assert_eq!(mask(&masked), masked);
                }
            }
            let value = format!("{}7a", drawn(word, 30, seed));
            for text in [
                format!("API_KEY={value}"),
                format!("\"client_secret\": \"{value}\""),
                format!("password = '{value}'"),
                format!("Authorization token: Bearer {value}"),
            ] {
                assert!(!mask(&text).contains(&value), "{text} -> {}", mask(&text));
            }
            let text = format!("postgres://app:{value}@db.local/x");
            assert_eq!(mask(&text), format!("postgres://app:{MASK}@db.local/x"));
        }
    }

    #[test]
    fn a_private_key_is_masked_whole_or_in_part_and_nothing_after_it() {
        let word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let body: Vec<String> = (1..6).map(|seed| drawn(word, 64, seed * 77)).collect();
        let key = format!(
            "a = 1\n-----BEGIN PRIVATE KEY-----\n{}\nqR7k==\n-----END PRIVATE KEY-----\nlet done = after(the_key);\n",
            body.join("\n")
        );
        let masked = mask(&key);
        assert!(
            masked.starts_with("a = 1\n") && masked.ends_with("\nlet done = after(the_key);\n"),
            "{masked}"
        );
        assert_eq!(masked.lines().count(), key.lines().count());
        // Any cut of it, as a search or a tail shows it.
        for skip in 0..8 {
            let part: Vec<&str> = key.lines().skip(skip).collect();
            let masked = mask(&part.join("\n")).into_owned();
            assert!(
                body.iter().all(|line| !masked.contains(line.as_str())),
                "{masked}"
            );
        }
        for line in &body {
            assert!(
                !mask(&format!("12:    \"{line}\\n\"")).contains(&line[..40])
                    || !mask(line).contains(&line[..40])
            );
        }
        // A first line alone takes nothing with it that is no key.
        let text = "# -----BEGIN PRIVATE KEY-----\ndef f(x):\n    return os.system(x)\n";
        assert!(mask(text).contains("return os.system(x)"), "{}", mask(text));
    }

    #[test]
    fn ordinary_code_is_left_alone() {
        for text in [
            "let token = next_token(&mut stream)?;",
            "const MAX_TOKENS: usize = 128 * 1024;",
            "password = get_password_from_environment()",
            "let secret_key = config.providers.main.secret_key_path;",
            "api_key: \"YOUR_API_KEY_GOES_HERE_1234\"",
            "https://user:password@example.com/",
            "https://localhost:8080/a@b",
            "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "token_type = refresh_token_endpoint_v2",
            "skip-ahead-of-everything-that-is-long",
            "pub use approval::{Approval, ApprovalOption};",
            "task-list-of-everything",
            "fly_over_the_hills_and_far_away_we_go",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
