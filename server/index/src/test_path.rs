//! Test path: whether a path holds tests, examples or generated code, which a task in plain words rarely means.

/// Folders of tests, benchmarks, samples and generated code.
const FOLDERS: &[&str] = &[
    "__tests__",
    "acceptance",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "e2e",
    "example",
    "examples",
    "fixture",
    "fixtures",
    "fuzz",
    "gen",
    "generated",
    "integration",
    "mock",
    "mocks",
    "playground",
    "spec",
    "test",
    "test-data",
    "test-utils",
    "test_data",
    "testdata",
    "testing",
    "tests",
    "testutil",
    "testutils",
];

/// Whether `path` belongs to tests or to generated code.
pub(crate) fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let mut folders = folders.split('/');
    folders.any(is_test_folder) || is_test_name(name)
}

fn is_test_folder(folder: &str) -> bool {
    FOLDERS.binary_search(&folder).is_ok()
        || folder.ends_with("_test")
        || folder.ends_with("_tests")
        || folder.ends_with("-tests")
}

fn is_test_name(name: &str) -> bool {
    let (stem, _) = name.rsplit_once('.').unwrap_or((name, ""));
    let parted = |word: &str| {
        stem == word
            || stem
                .strip_suffix(word)
                .is_some_and(|rest| rest.ends_with(['_', '-', '.']))
            || stem
                .strip_prefix(word)
                .is_some_and(|rest| rest.starts_with(['_', '-', '.']))
    };
    ["test", "tests", "mock", "mocks", "generated", "conftest"]
        .into_iter()
        .any(parted)
        || [".spec", ".bench", ".d", ".pb", ".pb.gw", "_string"]
            .into_iter()
            .any(|end| stem.ends_with(end))
        || stem.starts_with("zz_generated")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_sorted() {
        assert!(FOLDERS.is_sorted());
    }

    #[test]
    fn paths_of_tests_are_told_from_others() {
        for path in [
            "tests/cli.rs",
            "a/testdata/x.go",
            "a/b_test.go",
            "src/parser/tests.rs",
            "pkg/test_parse.py",
            "web/a.spec.ts",
            "api/v1.pb.go",
            "crates/x/benches/y.rs",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in [
            "src/main.rs",
            "src/latest.rs",
            "src/attestation.go",
            "contest/winner.rs",
            "src/testimony.rs",
            "",
        ] {
            assert!(!is_test(path), "{path}");
        }
    }
}
