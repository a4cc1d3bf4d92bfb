//! Whose failing tests are whose: real scripts that print TAP, with and without the patch.

use crate::stage::{Run, Stage, ask, finish, patch_turn, run};
use protocol::{FinishReason, Level, Speaker, Standing, TestReport, TestVerdict, Update};

/// A test for each line of `lines.txt`: a line with `bad` in it fails.
const LINES: &str = "n=0; bad=0\nwhile read -r name rest; do\n  n=$((n + 1))\n  case \"$rest\" in\n    *bad*) echo \"not ok $n - $name\"; echo \"# lines.txt:$n: $rest\"; bad=1;;\n    *) echo \"ok $n - $name\";;\n  esac\ndone < lines.txt\necho \"1..$n\"\nexit $bad\n";

fn stage(lines: &str) -> Stage {
    let stage = Stage::empty();
    stage.write("lines.txt", lines);
    stage.write("check.sh", LINES);
    stage
}

fn edit(from: &str, to: &str) -> String {
    patch_turn(&format!(
        "*** Begin Patch\n*** Update File: lines.txt\n@@\n-{from}\n+{to}\n*** End Patch"
    ))
}

fn turns(parts: &[String]) -> String {
    format!("turns:\n{}", parts.concat())
}

fn says(text: &str) -> String {
    format!("  - text: {text}\n")
}

fn reports(run: &Run) -> Vec<TestReport> {
    let updates = run.events.iter().filter_map(|event| match &event.update {
        Update::Test { report } if report.verdict != TestVerdict::Running => Some(report.clone()),
        _ => None,
    });
    updates.collect()
}

fn told(report: &TestReport) -> String {
    let one = |failure: &protocol::TestFailure| format!("{} {:?}", failure.name, failure.standing);
    report
        .failures
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What the agent itself said to the model.
fn prompts(run: &Run) -> Vec<String> {
    let said = run.events.iter().filter_map(|event| match &event.update {
        Update::Prompt {
            by: Speaker::Agent,
            text,
        } => Some(text.clone()),
        _ => None,
    });
    said.collect()
}

fn notices(run: &Run) -> String {
    let said = run.events.iter().filter_map(|event| match &event.update {
        Update::Notice {
            level: Level::Warning,
            message,
            ..
        } => Some(message.clone()),
        _ => None,
    });
    said.collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_before_does_not_keep_a_patch_from_landing() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    let script = turns(&[edit("one good", "one better"), says("done")]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let report = &reports(&run)[0];
    assert_eq!(
        (report.verdict, report.exit_code),
        (TestVerdict::Passed, Some(1))
    );
    assert_eq!(told(report), "two PreExisting");
    assert!(
        notices(&run).contains("1 test fails, as before the patch: two"),
        "{}",
        notices(&run)
    );
    assert_eq!(stage.read("lines.txt"), "one better\ntwo bad\nthree good\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_patch_broke_goes_back_with_its_place_and_nothing_else() {
    let stage = stage("one good\ntwo bad\nthree good\nfour good\n");
    let script = turns(&[
        edit("four good", "four is bad"),
        says("done"),
        edit("four is bad", "four is well"),
        says("mended"),
    ]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let reports = reports(&run);
    assert_eq!(told(&reports[0]), "four Introduced, two PreExisting");
    assert_eq!(told(&reports[1]), "two PreExisting");
    let failure = &reports[0].failures[0];
    assert_eq!(
        (failure.path.as_deref(), failure.line),
        (Some("lines.txt"), Some(4))
    );
    let prompt = &prompts(&run)[0];
    assert!(prompt.contains(">    4 | four is bad"), "{prompt}");
    assert!(prompt.contains("not your business: two"), "{prompt}");
    assert!(!prompt.contains("lines.txt:2"), "{prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_asks_for_the_failing_test_is_not_done_before_it_passes() {
    let stage = stage("one good\ntwo bad\n");
    let script = turns(&[
        edit("one good", "one better"),
        says("done"),
        edit("two bad", "two well"),
        says("mended"),
    ]);
    let run = run(&stage.agent(&script), "make the failing test pass").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert!(prompts(&run)[0].contains("two (it failed before your draft as well)"));
    assert_eq!(stage.read("lines.txt"), "one better\ntwo well\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_a_patch_fixes_is_told() {
    let stage = stage("one bad\ntwo bad\nthree good\n");
    let script = turns(&[edit("one bad", "one well"), says("done")]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(told(&reports(&run)[0]), "two PreExisting, one Fixed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_passes_the_second_time_is_flaky() {
    let stage = stage("one good\ntwo good\n");
    // It fails while the patch is young.
    stage.write(
        "check.sh",
        "age=$(($(date +%s) - $(stat -c %Y lines.txt)))\ngrep -q better lines.txt && [ $age -lt 3 ] && { sleep 4; echo '1..2'; echo 'ok 1 - one'; echo 'not ok 2 - two'; exit 1; }\necho '1..2'; echo 'ok 1 - one'; echo 'ok 2 - two'\n",
    );
    let script = turns(&[edit("one good", "one better"), says("done")]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(told(&reports(&run)[0]), "two Flaky");
    assert!(
        notices(&run).contains("not the second time: two"),
        "{}",
        notices(&run)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_breaks_off_is_red_whatever_failed_before() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    // With the patch the third test is never reached.
    let dying = LINES.replace(
        "done < lines.txt",
        "grep -q better lines.txt && [ $n = 2 ] && { echo '1..3'; exit 1; }\ndone < lines.txt",
    );
    stage.write("check.sh", &dying);
    let script = turns(&[
        edit("one good", "one better"),
        says("done"),
        says("so be it"),
    ]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert_eq!(told(&reports(&run)[0]), "three Introduced, two PreExisting");
    assert_eq!(stage.read("lines.txt"), "one good\ntwo bad\nthree good\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_taken_out_is_not_lost_and_one_that_vanishes_is() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    let script = turns(&[
        patch_turn("*** Begin Patch\n*** Update File: lines.txt\n@@\n-three good\n*** End Patch"),
        says("done"),
    ]);
    let run = run(&stage.agent(&script), "take three out").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_line_with_several_parts_a_red_one_hides_the_rest() {
    let stage = stage("one good\ntwo bad\n");
    let script = turns(&[
        edit("one good", "one better"),
        says("done"),
        says("so be it"),
    ]);
    let agent = stage.agent_with(&script, |config| {
        config.test_command = Some("sh check.sh && sh more.sh".to_owned());
    });
    let run = run(&agent, "say it better").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert!(reports(&run)[0].output.contains("several parts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_without_progress_end_and_the_best_is_named() {
    let stage = stage("one good\ntwo good\nthree good\n");
    let script = turns(&[
        edit("one good", "one bad"),
        says("done"),
        edit("two good", "two bad"),
        says("done"),
        edit("one bad", "one very bad"),
        says("done"),
        says("never asked"),
    ]);
    let agent = stage.agent_with(&script, |config| config.test_retries = 9);
    let run = run(&agent, "say it better").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert_eq!(reports(&run).len(), 3, "{}", run.summary());
    assert!(
        run.summary()
            .contains("2 tests fail that passed before: one, two"),
        "{}",
        run.summary()
    );
    assert!(
        run.summary().contains("attempt 1, with 1 failing: one"),
        "{}",
        run.summary()
    );
    assert_eq!(stage.read("lines.txt"), "one good\ntwo good\nthree good\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tests_without_the_patch_run_once_for_equal_files() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    let script = turns(&[
        edit("one good", "one bad"),
        says("done"),
        edit("one bad", "one better"),
        says("mended"),
        edit("three good", "three well"),
        says("done"),
    ]);
    // The task's end leaves the files as they were, so that the second task is over the same.
    let agent = stage.agent_with(&script, |config| config.land = protocol::LandMode::Review);
    let asked = "running them without the patch";
    for (words, times) in [("say it better", 1), ("say it well", 0)] {
        let started = agent.start(ask(words)).unwrap();
        let run = finish(&agent, &started).await;
        assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
        let said = run.events.iter().filter(|event| matches!(&event.update, Update::Notice { message, .. } if message.contains(asked)));
        assert_eq!(said.count(), times, "{words}");
        let last = reports(&run).pop().unwrap();
        let counts = last.standings.unwrap();
        assert_eq!((counts.pre_existing, counts.introduced), (1, 0));
        assert!(
            last.failures
                .iter()
                .all(|failure| failure.standing == Standing::PreExisting)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_the_patch_breaks_is_its_own() {
    let stage = stage("one good\n");
    stage.write(
        "check.sh",
        "grep -n better lines.txt | sed 's/^\\([0-9]*\\):.*/lines.txt:\\1:5: error: no such word/' >out\n[ -s out ] && { cat out; exit 2; }\necho 1..1; echo 'ok 1 - one'\n",
    );
    let script = turns(&[
        edit("one good", "one better"),
        says("done"),
        edit("one better", "one well"),
        says("mended"),
    ]);
    let run = run(&stage.agent(&script), "say it well").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(told(&reports(&run)[0]), "build Introduced");
    assert!(
        prompts(&run)[0].contains(">    1 | one better"),
        "{}",
        prompts(&run)[0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_leaves_in_a_build_folder_is_not_what_tests_run() {
    let stage = stage("one good\n");
    stage.write("pass.sh", "echo 1..1; echo 'ok 1 - one'\n");
    let check = format!("[ -e build/t ] && exec sh build/t\n{LINES}");
    stage.write("check.sh", &check);
    let plant = "  - calls: [{name: run_command, arguments: {command: 'mkdir build'}}]\n  - calls: [{name: run_command, arguments: {command: 'cp pass.sh build/t'}}]\n  - calls: [{name: run_command, arguments: {command: 'ls build'}}]\n";
    let script = turns(&[edit("one good", "one bad"), plant.into(), says("done")]);
    let agent = stage.agent_with(&script, |config| config.test_retries = 0);
    let run = run(&agent, "say it worse").await;
    // It was there, for commands.
    let told = run.results().map(|result| result.output.clone());
    let told: Vec<String> = told.collect();
    assert!(
        told.iter().any(|text| text == "exit code 0\nt\n"),
        "{told:?}"
    );
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
}

/// A stage with a script that says its tests by itself, a task on it, and what came of the task.
async fn told_by(check: &str, patch: &str, prompt: &str) -> (FinishReason, String) {
    let stage = stage("one good\ntwo good\n");
    stage.write("check.sh", check);
    stage.write("test_more.txt", "a test\n");
    let script = turns(&[patch_turn(patch), says("done")]);
    let agent = stage.agent_with(&script, |config| config.test_retries = 0);
    let run = run(&agent, prompt).await;
    let last = reports(&run).pop();
    let told = last.map_or_else(String::new, |report| {
        format!("{}\n{}", told(&report), report.output)
    });
    (run.reason(), told)
}

const BETTER: &str =
    "*** Begin Patch\n*** Update File: lines.txt\n@@\n-one good\n+one better\n*** End Patch";

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_is_not_believed_where_the_output_speaks_against_it() {
    let if_patched = |red: &str, green: &str| {
        format!("if grep -q better lines.txt; then {red}; else {green}; fi\n")
    };
    let green = "echo 1..2; echo 'ok 1 - one'; echo 'ok 2 - two'";
    for (check, reason, says) in [
        // `x || true`.
        (
            if_patched("echo 1..2; echo 'ok 1 - one'; echo 'not ok 2 - two'", green),
            FinishReason::TestFailed,
            "two Introduced",
        ),
        (
            if_patched("echo 1..2; echo 'ok 1 - one'", green),
            FinishReason::TestFailed,
            "did not come to their end",
        ),
        (
            if_patched("true", green),
            FinishReason::TestFailed,
            "fewer tests ran",
        ),
        (
            if_patched("echo; echo 'Ran 0 tests in 0.0s'; echo; echo OK", green),
            FinishReason::TestFailed,
            "one Introduced, two Introduced",
        ),
        (
            "echo; echo 'Ran 0 tests in 0.0s'; echo; echo OK".to_owned(),
            FinishReason::Unverified,
            "no test ran",
        ),
        // Some scripts never say it right.
        (
            "echo 1..3; echo 'ok 1 - one'; echo 'ok 2 - two'".to_owned(),
            FinishReason::Verified,
            "",
        ),
        // What is said by nobody is the code's business.
        ("true".to_owned(), FinishReason::Verified, ""),
        (green.to_owned(), FinishReason::Verified, ""),
        // What is swallowed with and without the patch was so before.
        (
            "echo 1..2; echo 'ok 1 - one'; echo 'not ok 2 - two'".to_owned(),
            FinishReason::Verified,
            "two PreExisting",
        ),
    ] {
        let (ended, told) = told_by(&check, BETTER, "say it better").await;
        assert_eq!(ended, reason, "{check}\n{told}");
        assert!(told.contains(says), "{check}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_leaves_tests_out_is_not_green() {
    // The tests of the second file are known by their lines; those with `off` are left out.
    let check = "n=0\nfor f in lines.txt test_more.txt; do\n  [ -e $f ] || continue\n  while read -r name rest; do\n    n=$((n + 1))\n    case \"$rest\" in\n      *off*) echo \"ok $n - $name # SKIP\";;\n      *) echo \"ok $n - $name\";;\n    esac\n  done < $f\ndone\necho 1..$n\n";
    let edit = |to: &str| {
        format!(
            "*** Begin Patch\n*** Update File: test_more.txt\n@@\n-a test\n+{to}\n*** End Patch"
        )
    };
    let delete = "*** Begin Patch\n*** Delete File: test_more.txt\n*** End Patch";
    for (patch, prompt, reason, says) in [
        (
            edit("a better test"),
            "say it better",
            FinishReason::Verified,
            "",
        ),
        (
            edit("a off"),
            "say it better",
            FinishReason::TestFailed,
            "a Introduced",
        ),
        (
            delete.to_owned(),
            "say it better",
            FinishReason::TestFailed,
            "a Introduced",
        ),
        (
            delete.to_owned(),
            "delete the old tests",
            FinishReason::Verified,
            "",
        ),
        // Another name in the same place.
        (
            edit("other test"),
            "say it better",
            FinishReason::Verified,
            "",
        ),
    ] {
        let (ended, told) = told_by(check, &patch, prompt).await;
        assert_eq!(ended, reason, "{patch} {prompt}\n{told}");
        assert!(told.contains(says), "{patch}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_fails_by_chance_did_not_fail_before_the_patch() {
    let stage = stage("one good\ntwo good\n");
    // Without the patch it fails while the tree is young.
    stage.write(
        "check.sh",
        "age=$(($(date +%s) - $(stat -c %Z check.sh)))\nbad=ok\ngrep -q better lines.txt && bad='not ok'\n[ $age -lt 3 ] && { sleep 4; bad='not ok'; }\necho 1..2; echo 'ok 1 - one'; echo \"$bad 2 - two\"; [ \"$bad\" = ok ]\n",
    );
    let script = turns(&[edit("one good", "one better"), says("done")]);
    let agent = stage.agent_with(&script, |config| config.test_retries = 0);
    let run = run(&agent, "say it better").await;
    assert_eq!(told(&reports(&run)[0]), "two Introduced");
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_test_may_say_what_tools_say() {
    let green = "echo 1..2; echo 'ok 1 - one'; echo 'ok 2 - two'";
    let if_patched =
        |red: &str| format!("if grep -q better lines.txt; then {red}; else {green}; fi\n");
    for (red, reason, says) in [
        (
            "echo 1..2; echo 'ok 1 - one'; echo 'not ok 2 - two'; echo '# failed to download'; echo 'error: failed to download'; exit 1",
            FinishReason::TestFailed,
            "two Introduced",
        ),
        (
            "echo 'RuntimeError: failed to download'; exit 1",
            FinishReason::TestFailed,
            "",
        ),
        (
            "echo 'error: failed to download `a`'; exit 1",
            FinishReason::Unverified,
            "",
        ),
        (
            "echo 'no tests ran in 0.01s'; exit 5",
            FinishReason::TestFailed,
            "without the patch there are tests",
        ),
    ] {
        let (ended, told) = told_by(&if_patched(red), BETTER, "say it better").await;
        assert_eq!(ended, reason, "{red}\n{told}");
        assert!(told.contains(says), "{red}\n{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_escape_code_hides_no_failing_test() {
    // A test that only the patch has fails behind a code that a terminal would wait for the end of.
    let check = "echo 1..2; echo 'not ok 1 - one'; echo 'ok 2 - two'\ngrep -q better lines.txt && { printf '\\033]0;\\n'; echo 'not ok 3 - three'; }\nexit 1\n";
    let (ended, told) = told_by(check, BETTER, "say it better").await;
    assert_eq!(ended, FinishReason::TestFailed, "{told}");
    assert!(told.contains("three Introduced"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrapper_is_no_second_part() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    for line in ["timeout 60 sh check.sh", "env A=1 nice sh check.sh"] {
        let script = turns(&[edit("one good", "one better"), says("done")]);
        let agent = stage.agent_with(&script, |config| {
            config.test_command = Some(line.to_owned());
        });
        let run = run(&agent, "say it better").await;
        assert_eq!(
            run.reason(),
            FinishReason::Verified,
            "{line}: {}",
            run.summary()
        );
        stage.write("lines.txt", "one good\ntwo bad\nthree good\n");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_waits_for_a_red_one_is_in_doubt() {
    let stage = stage("one good\ntwo bad\nthree good\n");
    // The second rule is red with the patch, and would never be seen.
    let makefile = "test: first second\nfirst:\n\t@sh check.sh\nsecond: first\n\t@! grep -q better lines.txt\n";
    stage.write("Makefile", makefile);
    let script = turns(&[
        edit("one good", "one better"),
        says("done"),
        says("so be it"),
    ]);
    let agent = stage.agent_with(&script, |config| {
        config.test_command = Some("make test".to_owned());
    });
    let run = run(&agent, "say it better").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_green_run_asks_for_no_other() {
    let stage = stage("one good\ntwo good\n");
    let script = turns(&[edit("one good", "one better"), says("done")]);
    let run = run(&stage.agent(&script), "say it better").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let asked = run.events.iter().any(|event| {
        matches!(&event.update, Update::Notice { message, .. } if message.contains("without the patch"))
    });
    assert!(!asked && reports(&run)[0].standings.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_first_run_built_makes_no_test_flaky() {
    let check = "grep -q better lines.txt && [ ! -e build/ran ] && { mkdir -p build; touch build/ran; echo 1..2; echo 'ok 1 - one'; echo 'not ok 2 - two'; exit 1; }\necho 1..2; echo 'ok 1 - one'; echo 'ok 2 - two'\n";
    let (ended, told) = told_by(check, BETTER, "say it better").await;
    assert_eq!(ended, FinishReason::TestFailed, "{told}");
    assert!(told.contains("two Introduced"), "{told}");
}
