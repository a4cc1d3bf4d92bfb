//! Outputs of runners, each with what is read from it beside it; and outputs that mean harm. Those of libtest, rustc, pytest, unittest,
//! node, Jest, Vitest, Mocha, Perl's Test::More and make are recorded; those of go, Maven, Gradle, GoogleTest, CTest, RSpec, Minitest,
//! PHPUnit, dotnet, Deno and nextest are written from their documentation.

use super::*;
use expect_test::expect_file;
use std::fmt::Write;
use std::time::{Duration, Instant};

fn told(reading: &Reading) -> String {
    let mut out = format!(
        "passed {:?} failed {:?} {:?}\n",
        reading.passed, reading.failed, reading.extent
    );
    for case in reading.build.iter().chain(&reading.cases) {
        let suite = case.suite.as_deref().unwrap_or("-");
        let place = match &case.place {
            Some(place) => format!("{}:{}", place.path, place.line),
            None => "-".to_owned(),
        };
        let message = case.message.as_deref().unwrap_or("-").replace('\n', "\\n");
        let _ = writeln!(
            out,
            "{:?} | {} | {suite} | {place} | {message}",
            case.outcome, case.name
        );
    }
    out
}

macro_rules! recorded {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let text = include_str!(concat!("recorded/", stringify!($name), ".txt"));
            expect_file![concat!("recorded/", stringify!($name), ".cases")].assert_eq(&told(&read(text, &[])));
        }
    )*};
}

recorded! {
    libtest libtest_quiet libtest_stopped rustc pytest pytest_verbose pytest_collection unittest unittest_verbose
    node_tap node_spec perl_tap make_tap jest jest_verbose mocha vitest vitest_verbose go go_verbose go_json surefire
    gradle gtest ctest rspec words nextest minitest phpunit dotnet deno
}

#[test]
fn junit_as_a_file_and_among_the_output() {
    let xml = include_str!("recorded/pytest.xml");
    let mut alone = junit::read(xml);
    alone.settle();
    expect_file!["recorded/pytest_xml.cases"].assert_eq(&told(&alone));
    let mixed = read(&format!("building\n{xml}\ndone\n"), &[]);
    assert_eq!(mixed.cases, alone.cases);
}

#[test]
fn files_count_where_they_know_of_no_fewer_failures() {
    let xml = include_str!("recorded/pytest.xml").to_owned();
    let text = include_str!("recorded/surefire.txt");
    let reading = read(text, std::slice::from_ref(&xml));
    assert_eq!((reading.cases.len(), reading.failing().count()), (8, 4));
    let more = include_str!("recorded/libtest.txt");
    assert_eq!(read(more, &[xml]).failing().count(), 6);
    assert_eq!(
        read(more, &["<testsuite><testcase".to_owned()])
            .failing()
            .count(),
        6
    );
}

#[test]
fn several_forms_in_one_output_are_added_up() {
    let text = concat!(
        include_str!("recorded/libtest.txt"),
        "\n",
        include_str!("recorded/node_tap.txt")
    );
    let reading = read(text, &[]);
    assert_eq!((reading.passed, reading.failed), (Some(6), Some(9)));
    let names: Vec<&str> = reading.failing().map(|case| case.name.as_str()).collect();
    assert!(
        names.contains(&"tests::bad") && names.contains(&"bad sum"),
        "{names:?}"
    );
}

#[test]
fn equal_names_of_several_programs_are_told_apart() {
    let reading = read(include_str!("recorded/libtest.txt"), &[]);
    let labels: Vec<String> = reading
        .cases
        .iter()
        .map(|case| reading.label(case))
        .collect();
    assert!(labels.contains(&"good (one)".to_owned()), "{labels:?}");
    assert!(labels.contains(&"good (two)".to_owned()), "{labels:?}");
    assert!(labels.contains(&"tests::bad".to_owned()), "{labels:?}");
}

#[test]
fn escape_codes_and_carriage_returns_do_not_hide_a_test() {
    let reading = read(
        "running 1 test\r\ntest a ... \u{1b}[31mFAILED\u{1b}[0m\r\n\r\ntest result: FAILED. 0 passed; 1 failed; 0 ignored;\r\n",
        &[],
    );
    assert_eq!(reading.failing().count(), 1);
}

#[test]
fn a_program_that_dies_is_not_a_whole_run() {
    for text in [
        "running 2 tests\ntest a ... FAILED\nerror: test failed\nCaused by: process didn't exit successfully: `x` (signal: 11, SIGSEGV: invalid memory reference)",
        "running 2 tests\ntest a ... FAILED\n",
        "TAP version 13\n1..3\nnot ok 1 - a\n",
        "not ok 1 - a\n1..1\nSegmentation fault (core dumped)\n",
        "FAILED t.py::x - boom\n=== 2 failed, 3 passed in 0.1s ===",
    ] {
        let reading = read(text, &[]);
        assert_eq!(reading.extent, Extent::Cut, "{text}");
        assert_eq!(reading.failing().count(), 1, "{text}");
    }
}

#[test]
fn words_are_no_tests() {
    for text in [
        "it has passed already",
        "",
        "error: no such file\n",
        "warning: x: y\n3 in a row\n",
    ] {
        assert_eq!(read(text, &[]), Reading::default(), "{text}");
    }
}

#[test]
fn hostile_output_is_read_in_linear_time_and_bounded() {
    let pieces = [
        "test x ... FAILED\n",
        "---- x stdout ----\n",
        "running 1 test\n",
        "FAILED a.py::b[[[[[ - ]]]]] - \n",
        "not ok 1 - x\n  ---\n",
        "# Subtest: x\n",
        "    # Subtest: y\n        ok 1 - z\n",
        "  ● a › b\n",
        "FAIL a > b\n",
        "<testsuite><testcase name='x'>\n",
        "<?xml?>\n",
        "--- FAIL: T/a/b (0.00s)\n",
        "  1) x\n",
        "test at a:1:1\n✖ b\n",
        "FAIL x: y\n",
        "error: a\n",
        "======\nFAIL: a (b)\n",
        "Test Suites: 1 failed\n",
        "  1 passing (1ms)\n  1 failing\n",
        "ℹ tests 1\n✖ failing tests:\n",
        " Test Files  1\n",
        "1..2\n",
        "rspec ./a.rb:1 # x\n",
        "  1) Failure:\nA#b [c:1]:\n",
        "1) A::b\n",
        "  Failed a [1 ms]\n",
        "Nextest run ID\n  FAIL [ 1s] a b\nthread 'b' panicked at c:1:1:\n",
        "1/2 Test #1: a ...***Failed\n",
        "<<< FAILURE! Time elapsed:\n",
        "x Time elapsed: 1 <<< FAILURE!\n",
        "Reactor Summary\n",
        "error: could not compile `a`\n",
        "\u{1b}[[[[",
        "((((((((((((((((",
    ];
    let size = 1 << 19;
    for piece in pieces {
        let text = format!("{}{}", pieces.concat(), piece.repeat(size / piece.len()));
        let start = Instant::now();
        let reading = read(&text, &[]);
        let spent = start.elapsed();
        assert!(spent < Duration::from_secs(10), "{piece:?} took {spent:?}");
        assert!(reading.cases.len() <= CASES);
        let longest = reading.cases.iter().map(|case| case.name.len()).max();
        assert!(longest.unwrap_or(0) <= NAME + 4);
    }
}

#[test]
fn an_escape_code_that_is_not_closed_hides_nothing() {
    for (text, plain, open) in [
        ("a\u{1b}[31mb\u{1b}[0m\n", "ab\n", false),
        ("\u{1b}]0;title\u{7}a\n", "a\n", false),
        (
            "\u{1b}]8;;x\u{1b}\\a\u{1b}]8;;\u{1b}\\\nb\n",
            "a\nb\n",
            false,
        ),
        (
            "\u{1b}]0;not ok 1 - a\nnot ok 2 - b\n",
            "]0;not ok 1 - a\nnot ok 2 - b\n",
            true,
        ),
        ("\u{1b}Pnot ok 1 - a\nb\n", "Pnot ok 1 - a\nb\n", true),
        ("\u{9d}0;a\nb\n", "0;a\nb\n", true),
        ("é\u{1b}[1mü\r\nb\r", "éü\nb\n", false),
    ] {
        assert_eq!(plain_text(text), plain, "{text:?}");
        assert_eq!(swallows(text), open, "{text:?}");
    }
}
