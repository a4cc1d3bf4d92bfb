//! Wanted: whether a task asks for a test that failed before it to pass. Then that failure is the task's business, whoever
//! brought it in; in doubt it is.

use protocol::{TaskRequest, TestFailure};

/// Whether the words of the request name the test or its file, or speak of tests that fail or shall pass.
pub fn asks_for(request: &TaskRequest, failure: &TestFailure) -> bool {
    let mut said = request.prompt.to_lowercase();
    for diagnostic in request.target.iter().flat_map(|target| &target.diagnostics) {
        said.push('\n');
        said.push_str(&diagnostic.to_lowercase());
    }
    speaks_of_red_tests(&said) || names(&said, failure)
}

fn names(said: &str, failure: &TestFailure) -> bool {
    let last = |text: &str| {
        let text = text.rsplit(" > ").next().unwrap_or(text);
        let text = text.split(" (").next().unwrap_or(text);
        text.rsplit(['.', ':', '/'])
            .next()
            .unwrap_or(text)
            .trim()
            .to_lowercase()
    };
    let (name, full) = (last(&failure.name), failure.name.to_lowercase());
    // A failure in a source that the task is about is not yet its own.
    let file = failure.path.as_deref().filter(|path| super::is_test(path));
    let file = file.map(|path| path.rsplit('/').next().unwrap_or(path).to_lowercase());
    let has = |word: &str| word.len() >= 4 && contains_word(said, word);
    // A name that is a plain word may stand in any request.
    let is_plain = |name: &str| name.chars().all(char::is_alphabetic);
    let told = |name: &str| has(name) && (!is_plain(name) || speaks_of(said, &TESTS));
    told(&name) || told(&full) || file.is_some_and(|file| has(&file))
}

/// Whether a word stands in a text with no letter right before or behind it.
pub fn contains_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part)
    })
}

const TESTS: [&str; 7] = ["test", "tests", "suite", "suites", "specs", "spec", "ci"];
const RED: [&str; 8] = [
    "fail", "fails", "failing", "failed", "failure", "failures", "red", "broken",
];
/// What is done to what is broken.
const MEND: [&str; 10] = [
    "fix",
    "fixes",
    "fixing",
    "repair",
    "repairs",
    "repairing",
    "mend",
    "mends",
    "mending",
    "unbreak",
];
const GREEN: [&str; 8] = [
    "green", "pass", "passes", "passing", "succeed", "succeeds", "work", "working",
];
/// Who asks to keep the tests green does not ask to mend those that are red.
const KEEP: [&str; 9] = [
    "keep", "keeps", "keeping", "still", "stay", "stays", "remain", "continue", "break",
];
/// Who adds a test speaks of one that is not there yet.
const ADD: [&str; 10] = [
    "add", "adds", "adding", "write", "writes", "create", "new", "extend", "cover", "covers",
];
const TAKE_OUT: [&str; 14] = [
    "remove", "removes", "removing", "delete", "deletes", "deleting", "drop", "drops", "dropping",
    "retire", "skip", "disable", "ignore", "take",
];

/// Where the words for a thing end.
const BEHIND: [&str; 14] = [
    "in", "from", "of", "when", "where", "so", "if", "by", "at", "for", "with", "until", "because",
    "to",
];

/// Parts of the text that each say one thing.
fn phrases(said: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| matches!(c, ';' | '\n' | '!' | '?' | ',' | ':');
    // A point within a name ends nothing.
    said.split(ends)
        .flat_map(|part| part.split(". "))
        .flat_map(|part| part.split(" and add "))
        .flat_map(|part| part.split(" and write "))
}

fn speaks_of_red_tests(said: &str) -> bool {
    phrases(said).any(|phrase| {
        let has = |words: &[&str]| speaks_of(phrase, words);
        if !has(&TESTS) {
            return false;
        }
        let shall_pass = has(&GREEN) && !has(&KEEP);
        has(&RED) || ((shall_pass || has(&MEND)) && !has(&ADD))
    })
}

/// Whether the task asks to take out, or to leave out, a test of this name: it names it, or something that it is named after, or
/// speaks of tests.
pub fn takes_out(request: &TaskRequest, name: &str) -> bool {
    let name = name.to_lowercase();
    let parts: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let names =
        |word: &str| word.len() >= 4 && (parts.contains(&word) || contains_word(&name, word));
    taken_out(&request.prompt.to_lowercase()).any(|word| TESTS.contains(&word) || names(word))
}

/// Whether the task asks to take out tests.
pub fn takes_out_tests(request: &TaskRequest) -> bool {
    taken_out(&request.prompt.to_lowercase()).any(|word| TESTS.contains(&word))
}

/// The words that say what is to be taken out: those behind the verb, up to where or why.
fn taken_out(said: &str) -> impl Iterator<Item = &str> {
    phrases(said).flat_map(|phrase| {
        words(phrase)
            .skip_while(|word| !TAKE_OUT.contains(word))
            .skip(1)
            .take_while(|word| !BEHIND.contains(word))
    })
}

fn words(said: &str) -> impl Iterator<Item = &str> {
    said.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '\'')
        .filter(|word| !word.is_empty())
}

fn speaks_of(said: &str, wanted: &[&str]) -> bool {
    words(said).any(|word| wanted.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Standing;

    #[test]
    fn a_task_asks_for_a_test_by_its_name_or_by_speaking_of_red_tests() {
        let failure = TestFailure {
            name: "cart::tests::rounds_to_the_cent".into(),
            standing: Standing::PreExisting,
            message: None,
            path: Some("tests/cart.rs".into()),
            line: Some(3),
        };
        for (prompt, asks) in [
            ("Make the failing test in tests/cart.rs pass", true),
            ("mend rounds_to_the_cent", true),
            ("look at cart.rs, the sum is wrong", true),
            ("The tests should be green", true),
            ("Add a function that halves, with a test", false),
            ("rename rounds_to_the_cents_now", false),
            ("pass the price by reference", false),
            ("halve the sum and keep the tests passing", false),
            ("halve the sum so that the tests pass", true),
            ("in src/lib.rs, halve the sum", false),
            ("Fix the tests", true),
            ("Repair the unit tests", true),
            ("get all tests working", true),
            ("the test suite does not work, mend it", true),
            ("CI is red", true),
            (
                "check that the argument is positive before you pass it on",
                false,
            ),
            (
                "Raise ValueError when the lookup failed, and add a test",
                false,
            ),
            (
                "Raise ValueError when the lookup failed and add a test",
                false,
            ),
            ("Fix the rounding. Cover it by tests", false),
            ("Fix the rounding, add new tests", false),
        ] {
            let request = TaskRequest {
                prompt: prompt.into(),
                ..TaskRequest::default()
            };
            assert_eq!(asks_for(&request, &failure), asks, "{prompt}");
        }
        // A unit test stands in the source that is worked on, and may have any word for its name.
        let failure = TestFailure {
            name: "tests::works".into(),
            path: Some("src/lib.rs".into()),
            ..failure
        };
        for (prompt, asks) in [
            ("see that src/lib.rs works with two numbers", false),
            ("mend the test works", true),
            ("mend tests::works", true),
        ] {
            let request = TaskRequest {
                prompt: prompt.into(),
                ..TaskRequest::default()
            };
            assert_eq!(asks_for(&request, &failure), asks, "{prompt}");
        }
    }

    #[test]
    fn a_task_may_ask_to_take_tests_out() {
        for (prompt, name, asks) in [
            ("take three out", "t::three", true),
            (
                "Remove the function halve and its use",
                "cart::test_halve",
                true,
            ),
            ("delete the obsolete tests", "t::any", true),
            ("skip the test of the network", "t::any", true),
            ("remove the bug in halve", "cart::test_halve", false),
            ("drop the zero so that the tests pass", "t::any", false),
            ("halve the sum", "cart::test_halve", false),
        ] {
            let request = TaskRequest {
                prompt: prompt.into(),
                ..TaskRequest::default()
            };
            assert_eq!(takes_out(&request, name), asks, "{prompt}");
        }
    }
}
