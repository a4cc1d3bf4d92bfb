//! Secrets: files that may hold keys or passwords; they are never listed, searched, read or written for the agent.

use crate::path::RelPath;

/// Whether the file's name says that it holds keys or passwords. Samples (`.env.example`) and public keys do not.
pub fn is_secret(path: &RelPath) -> bool {
    let name = path.name().to_ascii_lowercase();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    if matches!(
        extension,
        "example" | "sample" | "template" | "dist" | "pub"
    ) {
        return false;
    }
    if is_source(extension) {
        return false;
    }
    name == ".env"
        || name.starts_with(".env.")
        || name.starts_with("credentials")
        || (name.starts_with("id_") && !name.contains('.'))
        || matches!(
            extension,
            "pem" | "p12" | "pfx" | "jks" | "keystore" | "kdbx"
        )
        || matches!(
            name.as_str(),
            ".npmrc"
                | ".netrc"
                | "_netrc"
                | ".pypirc"
                | ".pgpass"
                | ".git-credentials"
                | ".htpasswd"
                | ".envrc"
        )
        || path
            .as_str()
            .split('/')
            .any(|part| matches!(part, ".ssh" | ".gnupg" | ".aws"))
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
            (".env.example", false),
            ("server.pem", true),
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
            ("src/main.rs", false),
            ("environment.md", false),
        ] {
            assert_eq!(is_secret(&RelPath::new(path).unwrap()), want, "{path}");
        }
    }
}
