//! Testing: which command runs the project's tests, what its output says, and whose its failures are. The exit code decides; where it
//! is not 0, a comparison with the tests of the files without the patch tells the patch's own failures from the others.

mod absent;
mod attempt;
mod baseline;
mod discover;
mod ended;
mod explain;
mod lost;
mod places;
mod repair;
mod report;
mod run;
mod standing;
mod steps;
mod wanted;

pub use discover::{Found, discover, thorough};
pub use repair::{Progress, Step, blamed, request};
pub use run::run;

/// Whether a path names tests, by the habits of the common languages.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| {
        let words: Vec<&str> = part.split(['.', '_', '-']).collect();
        words.iter().any(|word| {
            matches!(
                *word,
                "test" | "tests" | "spec" | "specs" | "conftest" | "__tests__"
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_their_names() {
        for (path, test) in [
            ("tests/cart.rs", true),
            ("src/cart_test.go", true),
            ("web/cart.spec.ts", true),
            ("test_cart.py", true),
            ("src/contest.rs", false),
            ("src/latest/inspect.rs", false),
        ] {
            assert_eq!(is_test(path), test, "{path}");
        }
    }
}
