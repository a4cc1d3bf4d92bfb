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
    if is_sample(extension) || is_source(extension) {
        return false;
    }
    is_environment(name)
        || name.starts_with("credentials")
        || (name.starts_with("id_") && !name.contains('.'))
        || matches!(
            extension,
            "pem" | "key" | "p12" | "pfx" | "jks" | "keystore" | "kdbx" | "tfstate"
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
    const NAMES: [&str; 17] = [
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
    ];
    let pattern = pattern.to_lowercase();
    let last = pattern.rsplit('/').next().unwrap_or_default();
    if last.bytes().all(|byte| byte == b'*') {
        return false;
    }
    let pieces = pieces(last.as_bytes());
    NAMES.iter().any(|name| matches(&pieces, name.as_bytes()))
}

/// A piece of a pattern.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Run,
    One,
    Byte(u8),
}

/// `*` is any run, `?` any character, and `[…]` too: a set that is read too widely only asks more often.
fn pieces(pattern: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let [first, after @ ..] = rest {
        rest = after;
        pieces.push(match (first, after) {
            (b'*', _) => Piece::Run,
            (b'?', _) => Piece::One,
            (b'\\', [byte, after @ ..]) => {
                rest = after;
                Piece::Byte(*byte)
            }
            // The first character of a set may be its closing bracket.
            (b'[', [_, more @ ..]) => match more.iter().position(|byte| *byte == b']') {
                Some(end) => {
                    rest = &more[end + 1..];
                    Piece::One
                }
                None => Piece::Byte(b'['),
            },
            _ => Piece::Byte(*first),
        });
    }
    pieces
}

/// Steps back to the last run only, so that no pattern takes long.
fn matches(pieces: &[Piece], name: &[u8]) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut run = None;
    while at < name.len() {
        match pieces.get(piece) {
            Some(Piece::Run) => {
                run = Some((piece, at));
                piece += 1;
            }
            Some(one) if *one == Piece::One || *one == Piece::Byte(name[at]) => {
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

fn is_sample(extension: &str) -> bool {
    matches!(
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
            ("*", false),
            ("src/**", false),
            ("*.rs", false),
            ("*.json", false),
            ("[", false),
            ("[]", false),
            ("a\\", false),
        ] {
            assert_eq!(picks_secrets(pattern), want, "{pattern}");
        }
        // No pattern takes long.
        assert!(!picks_secrets(&format!("{}!", "*".repeat(16_000))));
        assert!(!picks_secrets(&"*e".repeat(8_000)));
    }
}
