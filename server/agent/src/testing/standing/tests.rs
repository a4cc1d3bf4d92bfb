//! Standings, by outputs as the runners print them.

use super::*;

const PATCH: Patch<'_> = Patch {
    files: Vec::new(),
    takes_out: &|name| name == "removed",
};

fn reading(words: &str) -> Reading {
    crate::testing::report::read(words, &[])
}

fn libtest(cases: &[(&str, &str)]) -> String {
    let mut out = format!("running {} tests\n", cases.len());
    for (name, end) in cases {
        out.push_str(&format!("test {name} ... {end}\n"));
    }
    let failed = cases.iter().filter(|(_, end)| *end == "FAILED").count();
    out.push_str(&format!(
        "\ntest result: x. {} passed; {failed} failed; 0 ignored;\n",
        cases.len() - failed
    ));
    out
}

fn told(compared: &Compared) -> String {
    let failing = compared
        .failing
        .iter()
        .map(|(case, standing)| format!("{} {standing:?}", case.name));
    let fixed = compared.fixed.iter().map(|name| format!("{name} Fixed"));
    failing.chain(fixed).collect::<Vec<_>>().join(", ")
}

fn compared(before: &str, after: &str) -> (String, Option<&'static str>) {
    let baseline = Baseline::of(&reading(before), Reach::End, 101);
    let after = reading(after);
    let compared = compare(&after, Some(&baseline), &PATCH);
    (told(&compared), doubt(&after, &baseline, Some(101)))
}

#[test]
fn each_failure_has_its_standing() {
    let before = libtest(&[
        ("old", "FAILED"),
        ("mended", "FAILED"),
        ("good", "ok"),
        ("removed", "ok"),
    ]);
    let after = libtest(&[
        ("old", "FAILED"),
        ("mended", "ok"),
        ("good", "FAILED"),
        ("new", "FAILED"),
    ]);
    let (told, _) = compared(&before, &after);
    assert_eq!(
        told,
        "good Introduced, new Introduced, old PreExisting, mended Fixed"
    );
    let all = compare(&reading(&after), None, &PATCH);
    assert_eq!(all.counts().introduced, 3);
}

#[test]
fn a_test_that_is_named_by_its_line_may_move() {
    let old = libtest(&[
        ("src/lib.rs - add (line 2)", "FAILED"),
        ("src/lib.rs - sub (line 9)", "ok"),
    ]);
    let new = libtest(&[
        ("src/lib.rs - add (line 5)", "FAILED"),
        ("src/lib.rs - sub (line 12)", "ok"),
    ]);
    let (told, doubt) = compared(&old, &new);
    assert_eq!(
        (told.as_str(), doubt),
        ("src/lib.rs - add (line 5) PreExisting", None)
    );
}

#[test]
fn a_second_failure_of_the_same_name_is_new() {
    let before = "TAP version 13\n1..2\nnot ok 1 - a\nok 2 - b\n";
    let suites = "running 1 test\ntest a ... FAILED\ntest result: x. 0 passed; 1 failed;\n";
    let one = reading(before);
    assert_eq!(
        told(&compare(
            &one,
            Some(&Baseline::of(&one, Reach::End, 1)),
            &PATCH
        )),
        "a PreExisting"
    );
    let mut two = reading(&suites.repeat(2));
    two.cases = vec![two.cases[0].clone(), two.cases[0].clone()];
    let baseline = Baseline::of(&reading(suites), Reach::End, 1);
    assert_eq!(
        told(&compare(&two, Some(&baseline), &PATCH)),
        "a Introduced, a PreExisting"
    );
}

#[test]
fn equal_names_of_two_files_are_two_tests() {
    let tap = |first: &str, second: &str| {
        let point = |end: &str, file: &str| {
            format!(
                "{end} 1 - sums\n{}",
                if end == "ok" {
                    String::new()
                } else {
                    format!("# {file}:3: no\n")
                }
            )
        };
        reading(&format!(
            "1..3\n{}{}ok 3 - other\n",
            point(first, "a.c"),
            point(second, "b.c")
        ))
    };
    let before = Baseline::of(&tap("not ok", "ok"), Reach::End, 1);
    let same = compare(&tap("not ok", "ok"), Some(&before), &PATCH);
    assert_eq!(told(&same), "sums PreExisting");
    let moved = compare(&tap("ok", "not ok"), Some(&before), &PATCH);
    assert_eq!(told(&moved), "sums Introduced");
    let both = compare(&tap("not ok", "not ok"), Some(&before), &PATCH);
    assert_eq!(told(&both), "sums Introduced, sums PreExisting");
}

#[test]
fn a_test_that_no_longer_runs_is_lost() {
    let before = libtest(&[("old", "FAILED"), ("good", "ok"), ("other", "ok")]);
    let after = libtest(&[("old", "FAILED"), ("other", "ok")]);
    assert_eq!(
        compared(&before, &after).0,
        "good Introduced, old PreExisting"
    );
}

#[test]
fn a_test_that_is_left_out_is_lost_also_where_the_rest_is_green() {
    let before = libtest(&[("good", "ok"), ("other", "ok"), ("slow", "ignored")]);
    let after = libtest(&[("good", "ignored"), ("other", "ok"), ("slow", "ignored")]);
    assert_eq!(compared(&before, &after).0, "good Introduced");
    let baseline = Baseline::of(&reading("3 passed in 0.1s\n"), Reach::End, 0);
    for (after, less) in [
        ("3 passed in 0.1s\n", false),
        ("2 passed, 1 skipped in 0.1s\n", true),
        ("4 passed in 0.1s\n", false),
        ("\n", true),
    ] {
        let why = doubt(&reading(after), &baseline, Some(0));
        assert_eq!(why == Some(FEWER), less, "{after}");
    }
}

#[test]
fn what_failed_before_failed_in_each_run() {
    let of = |ends: [&str; 2]| {
        let text = libtest(&[("one", ends[0]), ("two", ends[1]), ("good", "ok")]);
        Baseline::of(&reading(&text), Reach::End, 101)
    };
    let both = of(["FAILED", "FAILED"]).and(of(["ok", "FAILED"]));
    assert!(both.is_sure());
    let after = reading(&libtest(&[
        ("one", "FAILED"),
        ("two", "FAILED"),
        ("good", "ok"),
    ]));
    assert_eq!(
        told(&compare(&after, Some(&both), &PATCH)),
        "one Introduced, two PreExisting"
    );
}

#[test]
fn a_red_run_lets_a_patch_pass_only_where_it_is_whole_and_something_passes() {
    let before = libtest(&[("old", "FAILED"), ("good", "ok")]);
    assert_eq!(
        compared(&before, &before),
        ("old PreExisting".to_owned(), None)
    );
    let nothing = libtest(&[("old", "FAILED")]);
    assert!(
        compared(&nothing, &nothing)
            .1
            .is_some_and(|why| why.contains("no test passes"))
    );
    let died = before.replace("test result", "");
    assert!(
        compared(&before, &died)
            .1
            .is_some_and(|why| why.contains("broke off"))
    );
    let build = "error[E0308]: x\n --> src/lib.rs:1:1\nerror: could not compile `x` (lib)\n";
    let (told, why) = compared(&before, build);
    assert_eq!(told, "build Introduced");
    assert!(why.is_some_and(|why| why.contains("does not build")));
    let baseline = Baseline::of(&reading(&before), Reach::End, 1);
    assert!(doubt(&reading(&before), &baseline, Some(2)).is_some());
    assert!(doubt(&reading(&before), &baseline, None).is_some());
}

#[test]
fn what_passes_the_second_time_is_flaky() {
    let after = libtest(&[("shaky", "FAILED"), ("bad", "FAILED"), ("good", "ok")]);
    let again = libtest(&[("shaky", "ok"), ("bad", "FAILED"), ("good", "ok")]);
    let mut compared = compare(&reading(&after), None, &PATCH);
    compared.settle_flaky(&[&reading(&again)]);
    assert_eq!(told(&compared), "shaky Flaky, bad Introduced");
    // It has to pass in both of two.
    for two in [[&again, &after], [&after, &again]] {
        let two = two.map(|text| reading(text));
        let mut compared = compare(&reading(&after), None, &PATCH);
        compared.settle_flaky(&[&two[0], &two[1]]);
        assert_eq!(compared.counts().flaky, 0);
    }
    let mut compared = compare(&reading(&after), None, &PATCH);
    compared.settle_flaky(&[&reading("running 3 tests\ntest good ... ok\n")]);
    assert_eq!(compared.counts().introduced, 2);
    // Where nothing runs the second time, nothing is shown to pass.
    let mut compared = compare(&reading(&after), None, &PATCH);
    compared.settle_flaky(&[&reading(&libtest(&[]))]);
    assert_eq!(compared.counts().introduced, 2);
    // A name with the time in it is another one each time.
    let names = |number: u32| format!("FAILED t.py::x[{number}]\n1 failed, 3 passed in 0.1s\n");
    let mut compared = compare(&reading(&names(1)), None, &PATCH);
    compared.settle_flaky(&[&reading(&names(2))]);
    assert_eq!(compared.counts().introduced, 1);
}
