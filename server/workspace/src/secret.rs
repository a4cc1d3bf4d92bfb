//! Secrets: files that may hold keys or passwords; they are never listed, searched, read or written for the agent. Which those are
//! is for `sandbox` to say, so that commands see as little of them as the agent does.

use crate::path::RelPath;

/// Whether the file's name says that it holds keys or passwords, as [`sandbox::is_secret_path`]. Samples (`.env.example`) and
/// public keys do not.
pub fn is_secret(path: &RelPath) -> bool {
    sandbox::is_secret_path(path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agent_and_its_commands_are_kept_from_the_same_files() {
        for (path, want) in [
            (".env", true),
            ("tls/server.key", true),
            (".ssh/config", true),
            (".env.example", false),
            ("src/credentials.rs", false),
        ] {
            assert_eq!(is_secret(&RelPath::new(path).unwrap()), want, "{path}");
        }
    }
}
