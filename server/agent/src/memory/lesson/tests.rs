//! Courses of tasks with what they teach.

use super::*;
use protocol::{CallId, Standings, Target, TestFailure, ToolKind, ToolStatus};

fn report(verdict: TestVerdict, failing: &[&str], output: &str) -> Update {
    let failure = |name: &&str| TestFailure {
        name: (*name).to_owned(),
        standing: Standing::Introduced,
        message: Some("left: 1\nright: 2".to_owned()),
        path: None,
        line: None,
    };
    Update::Test {
        report: TestReport {
            verdict,
            command: "make test".to_owned(),
            revision: 1,
            attempt: 1,
            exit_code: Some(1),
            passed: None,
            failed: None,
            failing: failing.iter().map(|name| (*name).to_owned()).collect(),
            failures: failing.iter().map(failure).collect(),
            standings: None,
            output: output.to_owned(),
            enforced_by: Vec::new(),
            duration_ms: 1,
        },
    }
}

fn ran(command: &str, code: i32, output: &str) -> [Update; 2] {
    let id = CallId(command.to_owned());
    [
        Update::ToolCall {
            call: ToolCall {
                id: id.clone(),
                name: "run_command".to_owned(),
                kind: ToolKind::Execute,
                title: String::new(),
                input: serde_json::json!({ "command": command }),
                arguments: None,
                healed: Vec::new(),
            },
        },
        Update::ToolResult {
            result: ToolResult {
                id,
                status: ToolStatus::Completed,
                output: format!("exit code {code}\n{output}"),
                failure: None,
                exit_code: Some(code),
                enforced_by: Vec::new(),
                duration_ms: 1,
            },
        },
    ]
}

fn says(text: &str) -> Update {
    Update::Prompt {
        by: Speaker::User,
        text: text.to_owned(),
    }
}

fn draft() -> Update {
    Update::Draft {
        revision: 1,
        paths: Vec::new(),
        diff: String::new(),
    }
}

fn taught(
    updates: &[Update],
    end: FinishReason,
    request: &TaskRequest,
) -> Vec<(MemoryKind, String)> {
    let mut course = Course::default();
    updates.iter().for_each(|update| course.apply(update));
    let file = workspace::FileEdit {
        path: RelPath::new("src/a.rs").unwrap(),
        base: Some(Content::new(
            &b"fn kept() {}\nfn add() -> u8 { 1 }\n"[..],
            None,
        )),
        after: Some((&b"fn kept() {}\nfn add() -> u8 { 2 }\nfn new() {}\n"[..]).into()),
        mode: None,
    };
    course.changed(&ChangeSet { files: vec![file] });
    let lessons = course.lessons(&TaskId("t".to_owned()), request, end);
    lessons
        .into_iter()
        .map(|one| (one.kind.unwrap(), one.text))
        .collect()
}

fn asked() -> TaskRequest {
    TaskRequest {
        prompt: "Mend the sum".to_owned(),
        ..TaskRequest::default()
    }
}

#[test]
fn red_then_green_is_a_fix() {
    use TestVerdict::{Failed, Passed};
    let green = report(Passed, &[], "");
    let command = (
        MemoryKind::Command,
        "The tests run with `make test`.".to_owned(),
    );
    let red = [report(Failed, &["sum::adds"], ""), green.clone()];
    let lessons = taught(&red, FinishReason::Verified, &asked());
    let text = "sum::adds (left: 1) was wrong in the task \"Mend the sum\"; it was right with changes in src/a.rs (add, new).";
    assert_eq!(
        lessons,
        [(MemoryKind::Fix, text.to_owned()), command.clone()]
    );

    let unnamed = [
        report(Failed, &[], "compiling\nerror: no field `x`\n\n"),
        green.clone(),
    ];
    let lessons = taught(&unnamed, FinishReason::Verified, &asked());
    assert!(
        lessons[0]
            .1
            .starts_with("`make test` (error: no field `x`) was wrong"),
        "{lessons:?}"
    );

    let plain = taught(
        std::slice::from_ref(&green),
        FinishReason::Verified,
        &asked(),
    );
    assert_eq!(plain[0].0, MemoryKind::Note);
    assert!(
        plain[0]
            .1
            .contains("\"Mend the sum\" was done with changes in src/a.rs"),
        "{plain:?}"
    );

    let diagnosed = TaskRequest {
        intent: Intent::Fix,
        target: Some(Target {
            path: "src/a.rs".to_owned(),
            start_line: 1,
            end_line: 1,
            diagnostics: vec!["error: mismatched types".to_owned()],
            ..Target::default()
        }),
        ..TaskRequest::default()
    };
    let lessons = taught(
        std::slice::from_ref(&green),
        FinishReason::Verified,
        &diagnosed,
    );
    assert!(
        lessons[0]
            .1
            .starts_with("src/a.rs: error: mismatched types was wrong"),
        "{lessons:?}"
    );

    let mut fixed = green;
    if let Update::Test { report } = &mut fixed {
        report.standings = Some(Standings::default());
        report.failures = vec![TestFailure {
            name: "was::red".to_owned(),
            standing: Standing::Fixed,
            message: None,
            path: None,
            line: None,
        }];
    }
    let lessons = taught(&[fixed], FinishReason::Verified, &asked());
    assert!(
        lessons[0].1.starts_with("was::red was wrong"),
        "{lessons:?}"
    );
    // What is not verified teaches nothing of that.
    for end in [
        FinishReason::Unverified,
        FinishReason::TestFailed,
        FinishReason::Cancelled,
    ] {
        assert_eq!(taught(&red, end, &asked()), [], "{end}");
    }
}

#[test]
fn a_command_that_ran_in_the_place_of_one_that_could_not() {
    let end = FinishReason::NoChange;
    let lessons = |runs: Vec<Update>| taught(&runs, end, &asked());
    let runs = |a: [Update; 2], b: [Update; 2]| [a, b].concat();
    let mended = lessons(runs(
        ran("python -m pytest", 127, "sh: python: command not found"),
        ran("python3 -m pytest", 0, "3 passed"),
    ));
    let text = "`python -m pytest` does not run here (sh: python: command not found); `python3 -m pytest` does.";
    assert_eq!(mended, [(MemoryKind::Command, text.to_owned())]);
    let script = ran("npm run test", 1, "npm error Missing script: \"test\"");
    assert_eq!(
        lessons(runs(script, ran("npm run test:unit", 0, ""))).len(),
        1
    );
    // A search that finds nothing, and tests that fail, are no broken commands.
    assert_eq!(
        lessons(runs(ran("grep foo a", 1, ""), ran("grep bar a", 0, "bar"))),
        []
    );
    assert_eq!(
        lessons(runs(
            ran("make test", 2, "1 failed"),
            ran("make test", 0, "ok")
        )),
        []
    );
    let broken = ran("tool --old", 1, "error: unexpected argument '--old'");
    assert_eq!(
        lessons(runs(broken.clone(), ran("ls src", 0, ""))),
        [],
        "another command altogether"
    );
    // With an edit between them it was not the command.
    let mut edited = broken.to_vec();
    edited.push(draft());
    edited.extend(ran("tool --new", 0, ""));
    assert_eq!(lessons(edited), []);
    let mut cancelled = broken.to_vec();
    cancelled.extend(ran("tool --new", 0, ""));
    assert_eq!(taught(&cancelled, FinishReason::Cancelled, &asked()), []);
}

#[test]
fn rules_are_what_a_person_said_while_it_ran() {
    let said = |text: &str| {
        let updates = [
            says("Never mind: the opening is the task's own."),
            says(text),
        ];
        let lessons = taught(&updates, FinishReason::NoChange, &asked());
        lessons.into_iter().map(|one| one.1).collect::<Vec<_>>()
    };
    assert_eq!(
        said("Good. Always use src/lib.rs for that! And go on\n- never edit generated files"),
        [
            "The user said while the agent worked: Always use src/lib.rs for that!",
            "The user said while the agent worked: never edit generated files"
        ]
    );
    for none in [
        "It always fails. I never saw it.",
        "Never mind.",
        "Alwaysx use it so",
        "",
    ] {
        assert_eq!(said(none), [""; 0], "{none}");
    }
}
