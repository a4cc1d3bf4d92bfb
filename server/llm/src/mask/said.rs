//! Said: values that are secret because of what stands before them: headers, cookies, the user of a command, and passwords under
//! their names. Such values are short, so the words around them and their own letters must both say so.

use super::{MASK, Masked, entropy, is_placeholder};
use regex::Regex;
use std::sync::LazyLock;

/// A header with its scheme (RFC 7235), in a message, a program or a command.
const HEADER: &str = r#"(?i)(?P<before>\b(?:proxy-)?authorization\\?["'`]?\s{0,3}(?:[:=,]|=>)\s{0,3}\\?["'`]?(?:bearer|basic|token|digest|apikey|negotiate)\s{1,3})(?P<value>[A-Za-z0-9+/_.~=:-]{8,})"#;

/// A header of cookies (RFC 6265), whole.
const COOKIE: &str = r#"(?i)(?P<before>\b(?:set-)?cookie2?\\?["'`]?\s{0,3}(?::|,|=>)\s{0,3}\\?["'`]?)(?P<value>[a-z0-9_.%-]{1,64}=[^\s"'`\\;]+(?:;\s?[^\s"'`\\;]+)*)"#;

/// The user of a command with its password.
const USER: &str = r#"(?P<before>\b(?:curl|curlie|http|https|xh|wget)\b[^\n|]*?\s(?:-u|-a|-U|--user|--auth|--proxy-user)(?:\s{1,3}|=)?\\?["']?[^\s:"'\\/]+:)(?P<value>[^\s"'`\\$<>{}]{3,})"#;

/// A name that says password. Short ones stand alone or behind a border.
const NAME: &str = r"(?:(?i:[a-z0-9_.-]{0,40}(?:passwd|password|passphrase|passcode|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key)[a-z0-9_-]{0,20})|(?i:(?:\b|[a-z0-9_.-]{0,40}[_.-])(?:pass|pwd|pw))|\b[a-zA-Z0-9_]{0,40}[a-z0-9](?:Pass|Pwd))";

/// What gives it a value.
const SIGN: &str = r#"\\?["'`]?\s{0,3}(?::=|=>|[:=])\s{0,3}"#;

/// The value as a literal; as a word, with the sign that may follow a word of a program.
const LITERAL: &str = r#"(?P<value>[^\s"'`\\]{8,})\\?["'`]"#;
const WORD: &str = r#"(?P<value>[^\s"'`\\,;&|(){}<>\[\]]{8,})(?P<after>[({\[<]?)"#;

/// Attributes of cookies, which are no secrets.
const ATTRIBUTES: [&str; 6] = [
    "path", "domain", "expires", "max-age", "samesite", "version",
];

static HEADERS: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(HEADER));
static COOKIES: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(COOKIE));
static USERS: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(USER));
static LITERALS: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!(r#"(?P<before>{NAME}{SIGN}\\?["'`])(?:{LITERAL})"#)));
static WORDS: LazyLock<Option<Regex>> =
    LazyLock::new(|| compiled(&format!("(?P<before>{NAME}{SIGN})(?:{WORD})")));

/// Borders of words are those of ASCII, as names are.
fn compiled(pattern: &str) -> Option<Regex> {
    Regex::new(&pattern.replace(r"\b", r"(?-u:\b)")).ok()
}

/// The text without them.
pub(super) fn swept(text: Masked<'_>) -> Masked<'_> {
    let text = text.replaced(&HEADERS, |found| {
        is_credential(&found["value"]).then(|| format!("{}{MASK}", &found["before"]))
    });
    let text = text.replaced(&COOKIES, |found| {
        let pairs: Vec<String> = found["value"].split(';').map(pair).collect();
        Some(format!("{}{}", &found["before"], pairs.join(";")))
    });
    let text = text.replaced(&USERS, |found| {
        (!is_placeholder(&found["value"])).then(|| format!("{}{MASK}", &found["before"]))
    });
    let text = text.replaced(&LITERALS, |found| {
        let value = &found["value"];
        let end = &found[0][found["before"].len() + value.len()..];
        is_password(value).then(|| format!("{}{MASK}{end}", &found["before"]))
    });
    text.replaced(&WORDS, |found| {
        let value = found["value"].trim_end_matches(['.', ':', '!', '?']);
        let end = &found[0][found["before"].len() + value.len()..];
        (found["after"].is_empty() && is_password_word(value))
            .then(|| format!("{}{MASK}{end}", &found["before"]))
    })
}

/// A cookie without its value, where that looks like more than a setting.
fn pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value))
            if is_credential(value)
                && !ATTRIBUTES.contains(&name.trim().to_ascii_lowercase().as_str()) =>
        {
            format!("{name}={MASK}")
        }
        _ => pair.to_owned(),
    }
}

/// What a client shows to a server: letters of both cases inside, or with digits.
fn is_credential(value: &str) -> bool {
    let lower = value.to_lowercase();
    let is_named = ["token", "secret", "apikey", "api_key", "auth", "credential"]
        .iter()
        .any(|word| lower.contains(word));
    let has = |test: fn(&char) -> bool| value.chars().skip(1).any(|c| test(&c));
    let is_mixed = has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    value.len() >= 8
        && !is_named
        && !is_placeholder(value)
        && value.chars().any(|c| c.is_ascii_alphabetic())
        && (is_mixed || (has(char::is_ascii_digit) && turns(value) >= 2))
        && entropy(value) >= 2.5
}

/// A password between quotes.
fn is_password(value: &str) -> bool {
    let is_a_place = value.starts_with(['/', '.', '$', '%', '@'])
        || value.starts_with("#/")
        || ["://", "::", "()", "${", "{{", "{}", "%s", "%d", "#{"]
            .iter()
            .any(|sign| value.contains(sign));
    if is_a_place || is_placeholder(value) || entropy(value) < 2.5 {
        return false;
    }
    let is_drawn = |part: &str| turns(part) >= 3;
    value.split(['_', '-', '.']).any(is_drawn) || (kinds(value) >= 3 && has_sign(value))
}

/// A password without quotes: what could be a name, a place or a sum of a program is none.
fn is_password_word(value: &str) -> bool {
    let starts_well = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_a_name = value.contains('.')
        && value
            .split('.')
            .all(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    value.starts_with(starts_well)
        && !is_a_name
        && value.chars().any(|c| c.is_ascii_alphabetic())
        && !value.contains(['/', '*', '=', ':'])
        && is_password(value)
}

/// How often letters and digits follow each other directly: rare in words and names.
fn turns(value: &str) -> usize {
    let bytes = value.as_bytes();
    bytes
        .windows(2)
        .filter(|two| {
            (two[0].is_ascii_alphabetic() && two[1].is_ascii_digit())
                || (two[0].is_ascii_digit() && two[1].is_ascii_alphabetic())
        })
        .count()
}

/// Small letters, capitals, digits, other signs: how many of these.
fn kinds(value: &str) -> usize {
    let has = |test: fn(&char) -> bool| usize::from(value.chars().any(|c| test(&c)));
    has(char::is_ascii_lowercase)
        + has(char::is_ascii_uppercase)
        + has(char::is_ascii_digit)
        + usize::from(has_sign(value))
}

fn has_sign(value: &str) -> bool {
    value.contains(|c: char| "!#$%&@^*+~?=".contains(c))
}

#[cfg(test)]
mod tests {
    use super::super::{MASK, mask};
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        let all = [&HEADERS, &COOKIES, &USERS, &LITERALS, &WORDS];
        assert!(all.into_iter().all(|it| it.is_some()));
    }

    #[test]
    fn what_is_said_to_be_secret_is_masked() {
        for (text, secret) in [
            ("Authorization: Bearer 9f8aB7c6D5", "9f8aB7c6D5"),
            (
                "Authorization: Basic YWRtaW46aHVudGVyMg==",
                "YWRtaW46aHVudGVyMg",
            ),
            (
                "curl -H 'Authorization: Bearer zK81xPq0aa' http://x",
                "zK81xPq0aa",
            ),
            (r#"{"Authorization": "Basic dTpwYXNzd2Q="}"#, "dTpwYXNzd2Q"),
            (
                r#"h.insert("authorization", "Bearer qX9wLm2Zk")"#,
                "qX9wLm2Zk",
            ),
            ("Cookie: session=8f3kd9x2mQ; theme=dark", "8f3kd9x2mQ"),
            (
                "Set-Cookie: sid=s%3Aj29xk3Lq; Path=/; HttpOnly",
                "s%3Aj29xk3Lq",
            ),
            (
                "curl -H \"Cookie: a=b; session=kJ82mxPq01\" x",
                "kJ82mxPq01",
            ),
            ("curl -u admin:s3cr3tpw https://h/x", "s3cr3tpw"),
            ("curl -sS --user 'admin:open sesame' x", "admin:open"),
            ("curl https://h -uadmin:kittens9", "kittens9"),
            ("SMTP_PASS=k3Vq8zT1", "k3Vq8zT1"),
            ("pwd=Zx81kdkW2", "Zx81kdkW2"),
            ("Server=db;Uid=app;Pwd=q8W2e7R1t;", "q8W2e7R1t"),
            ("DB_PASSWORD=k9Xv2mQ7pL4w", "k9Xv2mQ7pL4w"),
            ("DB_PASSWORD=\"k9Xv2mQ7pL4w\"", "k9Xv2mQ7pL4w"),
            ("password: \"x#9!kd$%Lw\"", "x#9!kd$%Lw"),
            ("password: 'P@ssw0rd!77'", "P@ssw0rd!77"),
            ("smtpPass = 'k3Vq8zT1'", "k3Vq8zT1"),
            ("db password: Tr0ub4dorAndThree9", "Tr0ub4dorAndThree9"),
            ("dbPassword=hunter2hunter2", "hunter2hunter2"),
            ("https://h/x?password=a1b2c3d4e5&x=1", "a1b2c3d4e5"),
            (r#"{\"password\": \"k9Xv2mQ7pL4w\"}"#, "k9Xv2mQ7pL4w"),
        ] {
            let masked = mask(text);
            if text.contains("open sesame") {
                assert!(masked.contains(MASK), "{text} -> {masked}");
            } else {
                assert!(!masked.contains(secret), "{text} -> {masked}");
            }
            assert_eq!(mask(&masked), masked, "again");
        }
    }

    #[test]
    fn code_and_words_are_left_alone() {
        for text in [
            "password: String,",
            "pass = true",
            "token: usize",
            "cd src && pwd",
            "pwd; ls -la",
            "pwd = os.getcwd()",
            "PWD=/home/dev/project1/a2b3",
            "pass: Option<Sha256Hash>",
            "bypass=a1b2c3d4e5",
            "let password = hash2md5x3(input);",
            "let token = tokens2list[0];",
            "password = sha256sum_of_file",
            "token = self.lexer2.next3.value4x5",
            "secret = Sha256Hasher::new()",
            "password: ${DB_PASSWORD}",
            "password: $DB_PASSWORD_1a2b3c",
            "password = \"{{ vault_db_password }}\"",
            "password: \"#/components/schemas/Login2a3b\"",
            "\"password\": \"Enter your secret word!\"",
            "\"token\": \"refresh-token-v2\"",
            "password: \"/login/v2/reset3x4\"",
            "Authorization: Bearer <token>",
            "Authorization: Bearer accessToken",
            "Authorization: Basic Authentication",
            "\"Authorization\": \"Bearer \" + token",
            "Authorization: Bearer ${API_TOKEN}",
            "cookie: HashMap<String, String>",
            "let cookie = parse_cookie(&header);",
            "Cookie: theme=dark; lang=en-GB",
            "Set-Cookie: lang=en; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
            "curl -u \"$USER:$PASS\" https://h",
            "curl -u user:password https://h",
            "curl -o out.txt https://h:8080/x",
            "token_count = 128_000",
            "pass1 = compile(source)",
            "tokens: Vec<Token3d>",
            "password_hash = argon2id_v19_default",
        ] {
            assert_eq!(mask(text), text);
        }
    }
}
