//! Genre: what a path holds for one who asks in plain words: code, tests and generated code, or what is not code.

use serde::{Deserialize, Serialize};

use crate::test_path;

/// What a file is likely to be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Genre {
    /// Code that does something.
    Code,
    /// Tests, examples, benchmarks and generated code.
    Test,
    /// Documents, data and settings.
    Prose,
}

/// Ends of names that are code. Any other file is judged as prose: documents, data and settings have no end of ends.
const CODE: &[&str] = &[
    "ada", "adb", "ads", "asm", "awk", "bash", "bat", "bzl", "c", "c++", "cc", "cjs", "clj",
    "cljs", "cls", "cmake", "coffee", "cpp", "cr", "cs", "cts", "cu", "cxx", "d", "dart", "ea",
    "el", "elm", "erl", "ex", "exs", "f", "f90", "fish", "for", "frag", "fs", "fsx", "gleam",
    "glsl", "go", "gql", "gradle", "graphql", "groovy", "h", "hh", "hpp", "hs", "hxx", "ino",
    "java", "jl", "js", "jsx", "kt", "kts", "l", "lean", "lisp", "lua", "m", "metal", "mjs", "mk",
    "ml", "mli", "mm", "mojo", "mts", "nim", "nix", "nu", "odin", "pas", "php", "pl", "pm",
    "proto", "ps1", "psm1", "purs", "py", "pyi", "pyx", "r", "rake", "rb", "re", "res", "rkt",
    "rs", "s", "sc", "scala", "scm", "sh", "sol", "sql", "sv", "svelte", "swift", "tcl", "tf",
    "thrift", "ts", "tsx", "v", "vala", "vb", "vert", "vhd", "vim", "vue", "wat", "wgsl", "y",
    "zig", "zsh",
];

/// Names without an end that are code.
const NAMES: &[&str] = &[
    "Jenkinsfile",
    "Justfile",
    "Makefile",
    "Rakefile",
    "justfile",
];

/// The genre of `path`.
pub(crate) fn of(path: &str) -> Genre {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_code = match name.rsplit_once('.') {
        Some((_, end)) => CODE
            .binary_search(&end.to_ascii_lowercase().as_str())
            .is_ok(),
        None => NAMES.contains(&name),
    };
    match (is_code, test_path::is_test(path)) {
        (false, _) => Genre::Prose,
        (true, true) => Genre::Test,
        (true, false) => Genre::Code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(CODE.is_sorted() && NAMES.is_sorted());
    }

    #[test]
    fn paths_have_a_genre() {
        for (path, genre) in [
            ("src/main.rs", Genre::Code),
            ("a/b.sql", Genre::Code),
            ("Makefile", Genre::Code),
            ("tests/a.rs", Genre::Test),
            ("docs/a.md", Genre::Prose),
            ("tests/a.json", Genre::Prose),
            (".gitignore", Genre::Prose),
            ("LICENSE-MIT", Genre::Prose),
            ("README", Genre::Prose),
            ("Cargo.toml", Genre::Prose),
            ("man/tool.1", Genre::Prose),
            ("", Genre::Prose),
        ] {
            assert_eq!(of(path), genre, "{path}");
        }
    }
}
