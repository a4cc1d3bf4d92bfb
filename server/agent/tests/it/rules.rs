//! What a tool may do, and what a model is told when it may not.

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run, until};
use agent::config::Profile;
use protocol::{Code, FinishReason, PermissionOption, Update};

#[tokio::test(flavor = "multi_thread")]
async fn a2_every_violation_goes_back_to_the_model_and_the_run_goes_on() {
    let stage = Stage::new();
    let script = "turns:\n  - calls: [{name: read_file, arguments: {file: 3, start: x}}, {name: fly, arguments: {}}]\n  - text: I give up\n  - text: nothing to do\n";
    let run = run(&stage.agent(script), "do it").await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    let outputs: Vec<&str> = run.results().map(|result| result.output.as_str()).collect();
    for part in ["path", "file", "start"] {
        assert!(outputs[0].contains(part), "{}", outputs[0]);
    }
    assert!(outputs[1].contains("there are: "), "{}", outputs[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_the_safe_profile_wants_a_plan_before_an_edit() {
    let stage = Stage::new();
    let script = format!(
        "turns:\n{}  - text: I see\n  - text: nothing then\n",
        patch_turn(GOOD)
    );
    let run = run(
        &stage.agent_with(&script, |config| config.profile = Profile::Safe),
        "do it",
    )
    .await;
    let first = run.results().next().unwrap();
    assert_eq!(first.failure.as_ref().unwrap().code, Code::PhaseRefused);
    assert!(first.output.contains("phase plan"), "{}", first.output);
    assert_eq!(run.reason(), FinishReason::NoChange);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_hunk_teaches() {
    let stage = Stage::new();
    stage.write("greet.txt", "hello to everyone out there\nworld\n");
    let good = GOOD.replace("-hello", "-hello to everyone out there");
    let wrong = good.replace("everyone", "everybody");
    let script = format!(
        "turns:\n{}{}  - text: done\n",
        patch_turn(&wrong),
        patch_turn(&good)
    );
    let run = run(&stage.agent(&script), "do it").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let first = run.results().next().unwrap();
    assert_eq!(first.failure.as_ref().unwrap().code, Code::NoMatch);
    assert!(
        first.output.contains("hello to everyone"),
        "it shows what is there: {}",
        first.output
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_places_outside_are_refused() {
    let stage = Stage::new();
    stage.write(".env", "KEY=sk-secret-value\n");
    let paths = ["../x", "/etc/passwd", ".env", ".git/config"];
    let calls: Vec<String> = paths
        .iter()
        .map(|path| format!("{{name: read_file, arguments: {{path: {path}}}}}"))
        .collect();
    let script = format!(
        "turns:\n  - calls: [{}, {{name: find_text, arguments: {{pattern: sk-secret}}}}]\n  - text: ok\n  - text: nothing\n",
        calls.join(", ")
    );
    let run = run(&stage.agent(&script), "read them").await;
    for result in run.results().take(paths.len()) {
        assert_eq!(
            result.failure.as_ref().unwrap().code,
            Code::PathRefused,
            "{}",
            result.output
        );
    }
    let all = serde_json::to_string(&run.events).unwrap();
    assert!(!all.contains("sk-secret-value"));
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_see_the_draft_and_cannot_touch_the_workspace() {
    let stage = Stage::new();
    let outside = stage.root.join("greet.txt");
    stage.write(
        "touch.sh",
        &format!("cat greet.txt; echo overwritten > {outside} || true; echo here > made.txt\n"),
    );
    let script = format!(
        "turns:\n{}  - calls: [{{name: run_command, arguments: {{command: 'cat greet.txt'}}}}]\n  - calls: [{{name: run_command, arguments: {{command: 'sh touch.sh'}}}}]\n  - text: done\n",
        patch_turn(GOOD)
    );
    let agent = stage.agent(&script);
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    assert!(
        approval.details.join(" ").contains("touch.sh"),
        "{approval:?}"
    );
    agent
        .resolve_approval(&approval.id, PermissionOption::AllowOnce)
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let results: Vec<_> = run.results().collect();
    assert!(
        results[1].output.contains("goodbye"),
        "{}",
        results[1].output
    );
    assert!(!results[1].enforced_by.is_empty());
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
    assert!(!stage.root.join("made.txt").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_to_a_question_means_no() {
    let stage = Stage::new();
    let script = "turns:\n  - calls: [{name: run_command, arguments: {command: 'sh check.sh'}}]\n  - text: I see\n  - text: nothing\n";
    let run = run(
        &stage.agent_with(script, |config| config.approval_timeout_seconds = 1),
        "do it",
    )
    .await;
    let result = run.results().next().unwrap();
    assert_eq!(
        result.failure.as_ref().unwrap().code,
        Code::Denied,
        "{}",
        result.output
    );
    assert_eq!(run.reason(), FinishReason::NoChange);
}
