//! Secrets: files whose names say that they hold keys or passwords.
//!
//! Invariant: one rule decides for every surface (what the agent reads, what policy asks about, what commands are shown), so that
//! no door is wider than another.

/// Whether the name of the file at `path` (`/`-separated; relative to the workspace, so that folders above it do not count) says
/// that it holds keys or passwords. Letter case does not matter. Samples (`.env.example`), public keys and source code do not.
pub fn is_secret_path(path: &str) -> bool {
    let path = path.to_lowercase();
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if is_sample(name, extension) {
        return false;
    }
    // Before the sources: tools write what an environment holds as programs too, `.env.local.php` for one.
    if is_environment(name) {
        return true;
    }
    if is_source(extension) {
        return false;
    }
    name.starts_with("credentials")
        || name.starts_with("secrets.")
        || is_environment_of(name)
        || name.contains(".tfvars")
        || name.contains(".tfstate")
        || (name.starts_with("id_") && !name.contains('.'))
        || matches!(
            extension,
            "pem" | "key" | "p12" | "pfx" | "jks" | "keystore" | "kdbx"
        )
        || matches!(
            name,
            ".npmrc"
                | ".netrc"
                | "_netrc"
                | ".pypirc"
                | ".pgpass"
                | ".git-credentials"
                | ".htpasswd"
                | ".envrc"
        )
        || path.split('/').any(is_secret_folder)
}

/// Whether all that lies in a folder of this name is secret.
pub(crate) fn is_secret_folder(name: &str) -> bool {
    matches!(name.to_lowercase().as_str(), ".ssh" | ".gnupg" | ".aws")
}

/// Whether a pattern of shell kind (`*`, `?`, `[…]`) picks out files with secret names. One that takes any name is as a folder:
/// it names nothing.
pub(crate) fn picks_secrets(pattern: &str) -> bool {
    const NAMES: [&str; 20] = [
        ".env",
        ".env.local",
        ".env.production",
        ".envrc",
        ".npmrc",
        ".netrc",
        ".pypirc",
        ".pgpass",
        ".git-credentials",
        ".htpasswd",
        "credentials",
        "id_rsa",
        "id_ed25519",
        "server.pem",
        "server.key",
        "store.p12",
        "terraform.tfstate",
        "terraform.tfvars",
        "prod.env",
        "secrets.",
    ];
    let pattern = pattern.to_lowercase();
    let last = pattern.rsplit('/').next().unwrap_or_default();
    if last.bytes().all(|byte| byte == b'*') {
        return false;
    }
    NAMES.iter().any(|name| matches_name(last, name))
}

/// Whether a pattern of shell kind takes this name, or could: a set in brackets is read as any character. A character is one of
/// the text or one byte of it, for either may be what the shell's locale says.
pub(crate) fn matches_name(pattern: &str, name: &str) -> bool {
    let bytes = |text: &str| text.bytes().map(char::from).collect::<Vec<char>>();
    let chars = |text: &str| text.chars().collect::<Vec<char>>();
    matches(&pieces(&chars(pattern)), &chars(name))
        || (!(pattern.is_ascii() && name.is_ascii())
            && matches(&pieces(&bytes(pattern)), &bytes(name)))
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Run,
    One,
    Char(char),
}

/// `*` is any run, `?` any character, and `[…]` too: a set that is read too widely only asks more often.
fn pieces(pattern: &[char]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let [first, after @ ..] = rest {
        rest = after;
        pieces.push(match (first, after) {
            ('*', _) => Piece::Run,
            ('?', _) => Piece::One,
            ('\\', [c, after @ ..]) => {
                rest = after;
                Piece::Char(*c)
            }
            ('[', inner) => match set(inner) {
                Set::Ends(after) => {
                    rest = after;
                    Piece::One
                }
                // Where the set ends is not for us to say, so that anything may follow.
                Set::Unclear => {
                    pieces.push(Piece::Run);
                    return pieces;
                }
                Set::None => Piece::Char('['),
            },
            _ => Piece::Char(*first),
        });
    }
    pieces
}

/// What follows an opening bracket.
enum Set<'a> {
    /// A set, and then this.
    Ends(&'a [char]),
    /// One with classes, escapes or a bracket of its own.
    Unclear,
    /// No set.
    None,
}

fn set(inner: &[char]) -> Set<'_> {
    let negated = usize::from(matches!(inner, ['!' | '^', ..]));
    // The first character of a set may be its closing bracket.
    let from = negated + 1;
    match inner.iter().skip(from).position(|c| *c == ']') {
        Some(_) if inner[..from].contains(&']') => Set::Unclear,
        Some(length)
            if inner[..from + length]
                .iter()
                .any(|c| matches!(c, '[' | '\\')) =>
        {
            Set::Unclear
        }
        Some(length) => Set::Ends(&inner[from + length + 1..]),
        None => Set::None,
    }
}

/// Steps back to the last run only, so that no pattern takes long.
fn matches(pieces: &[Piece], name: &[char]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut run = None;
    while at < name.len() {
        match pieces.get(piece) {
            Some(Piece::Run) => {
                run = Some((piece, at));
                piece += 1;
            }
            Some(one) if *one == Piece::One || *one == Piece::Char(name[at]) => {
                piece += 1;
                at += 1;
            }
            _ => match run {
                Some((since, from)) => {
                    run = Some((since, from + 1));
                    (piece, at) = (since + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::Run)
}

/// `.env`, `.env.local`, `.env-prod`, `.env2`; not `.environment`.
fn is_environment(name: &str) -> bool {
    name.strip_prefix(".env")
        .is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphabetic()))
}

/// `prod.env` and its like. What git is told to leave out, `:!.env` or `:(exclude).env`, is no such name.
fn is_environment_of(name: &str) -> bool {
    name.strip_suffix(".env")
        .is_some_and(|of| !of.starts_with([':', '!', '^']) && !of.ends_with([')', '!', '^']))
}

fn is_sample(name: &str, extension: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    matches!(stem, "example" | "sample" | "template")
        || matches!(
            extension,
            "example" | "sample" | "template" | "dist" | "pub"
        )
}

/// Source code about credentials is code, not a credential.
fn is_source(extension: &str) -> bool {
    matches!(
        extension,
        "rs" | "go"
            | "py"
            | "pyi"
            | "js"
            | "jsx"
            | "ts"
            | "tsx"
            | "java"
            | "kt"
            | "c"
            | "h"
            | "cc"
            | "cpp"
            | "hpp"
            | "cs"
            | "rb"
            | "php"
            | "swift"
            | "scala"
            | "md"
            | "html"
            | "css"
            | "vue"
            | "svelte"
            | "lua"
            | "ex"
            | "exs"
            | "hs"
            | "ml"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_by_name() {
        for (path, want) in [
            (".env", true),
            ("app/.env.local", true),
            (".env-prod", true),
            (".ENV", true),
            (".env.example", false),
            (".envoy.yaml", false),
            ("server.pem", true),
            ("tls/server.key", true),
            ("key", false),
            ("src/key.rs", false),
            ("id_rsa", true),
            ("id_ed25519", true),
            ("id_ed25519.pub", false),
            ("src/id_map.rs", false),
            ("cert.p12", true),
            (".npmrc", true),
            ("x/.netrc", true),
            ("credentials.json", true),
            ("prod.env", true),
            ("conf/docker.env", true),
            ("example.env", false),
            (".env.local.php", true),
            (".env.notes.md", true),
            ("secrets.yaml", true),
            ("config/secrets.yml", true),
            ("secrets.rs", false),
            ("secrets/readme.txt", false),
            ("secret.yaml", false),
            ("terraform.tfvars", true),
            ("prod.auto.tfvars.json", true),
            ("terraform.tfvars.example", false),
            ("terraform.tfstate.backup", true),
            ("env.d.ts", false),
            ("environment.ts", false),
            ("src/credentials.rs", false),
            (".ssh/config", true),
            (".AWS/config", true),
            ("terraform.tfstate", true),
            ("src/main.rs", false),
            ("environment.md", false),
            ("", false),
        ] {
            assert_eq!(is_secret_path(path), want, "{path}");
        }
    }

    #[test]
    fn patterns_that_pick_secrets() {
        for (pattern, want) in [
            (".env*", true),
            ("**/.en?", true),
            ("*.pe[m]", true),
            ("conf/*.KEY", true),
            ("id_*", true),
            ("*.env", true),
            ("secrets.*", true),
            ("*.tfvars", true),
            (".[[:alpha:]]nv", true),
            (".[[=e=]]nv", true),
            (".[!]x]nv", true),
            (".[^]]nv", true),
            (".[]e]nv", true),
            ("*", false),
            ("src/**", false),
            ("*.rs", false),
            ("*.json", false),
            ("*.yaml", false),
            ("[", false),
            ("[]", false),
            ("a\\", false),
        ] {
            assert_eq!(picks_secrets(pattern), want, "{pattern}");
        }
        for (pattern, name, want) in [
            ("a?.txt", "a\u{e9}.txt", true),
            ("a??.txt", "a\u{e9}.txt", true),
            ("a???.txt", "a\u{e9}.txt", false),
            ("[ab].txt", "a.txt", true),
            ("[ab", "[ab", true),
            ("a[.]txt", "b.txt", false),
        ] {
            assert_eq!(matches_name(pattern, name), want, "{pattern} {name}");
        }
        // No pattern takes long.
        assert!(!picks_secrets(&format!("{}!", "*".repeat(16_000))));
        assert!(!picks_secrets(&"*e".repeat(8_000)));
    }
}
