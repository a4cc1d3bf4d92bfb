//! What a tool may do, and what a model is told when it may not.

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run, until};
use agent::ToolsConfig;
use agent::config::Profile;
use protocol::{Code, FinishReason, Intent, PermissionOption, Speaker, TaskRequest, Update};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_write_over_sources_verify_nothing() {
    let stage = Stage::new();
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let agent = stage.agent_with(&script, |config| {
        config.test_command = Some("echo 3 > count.txt; grep -q 3 count.txt".to_owned());
    });
    let run = run(&agent, "do it").await;
    assert_eq!(run.reason(), FinishReason::Unverified, "{}", run.summary());
    let said = run.events.iter().any(|event| matches!(&event.update, Update::Test { report } if report.output.contains("changed count.txt")));
    assert!(said);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_removes_what_the_tests_call_fails() {
    let stage = Stage::new();
    stage.write("run.sh", "sh check.sh\n");
    let patch = "*** Begin Patch\n*** Delete File: check.sh\n*** End Patch";
    let script = format!(
        "turns:\n{}  - text: done\n  - text: so be it\n",
        patch_turn(patch)
    );
    let agent = stage.agent_with(&script, |config| {
        config.test_command = Some("sh run.sh".to_owned())
    });
    let run = run(&agent, "do it").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert!(stage.root.join("check.sh").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_explanation_edits_nothing() {
    let stage = Stage::new();
    let script = format!("turns:\n{}  - text: It greets.\n", patch_turn(GOOD));
    let agent = stage.agent(&script);
    let started = agent
        .start(TaskRequest {
            intent: Intent::Explain,
            ..ask("explain")
        })
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    assert_eq!(
        run.results().next().unwrap().failure.as_ref().unwrap().code,
        Code::PhaseRefused
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_commands_there_are_no_tests() {
    let stage = Stage::new();
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let tools = ToolsConfig {
        allow_exec: false,
        ..ToolsConfig::default()
    };
    let run = run(
        &stage.agent_over(Arc::new(stage.disk()), &script, tools, |_| {}),
        "do it",
    )
    .await;
    assert_eq!(run.reason(), FinishReason::Unverified, "{}", run.summary());
    assert!(!run.phases().contains("test"), "{}", run.phases());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_person_are_heard_while_the_tests_run() {
    let stage = Stage::new();
    stage.write("check.sh", "sleep 1; grep -q goodbye greet.txt\n");
    let script = format!(
        "turns:\n{}  - text: done\n  - expect: [be polite]\n    text: I was\n",
        patch_turn(GOOD)
    );
    let agent = stage.agent(&script);
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Test { .. })
    })
    .await;
    agent.steer(&started.task, "be polite").unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let heard = |update: &Update| matches!(update, Update::Prompt { by: Speaker::User, text } if text == "be polite");
    assert!(run.events.iter().any(|event| heard(&event.update)));
    assert!(
        run.phases().contains("test repair check test"),
        "{}",
        run.phases()
    );
    assert_eq!(
        agent.steer(&started.task, "more").unwrap_err().code,
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_after_the_shutdown() {
    let stage = Stage::new();
    let agent = stage.agent("turns: [{text: hello}]\n");
    agent.shutdown().await;
    assert_eq!(agent.start(ask("do it")).unwrap_err().code, Code::Cancelled);
}

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
        .resolve_approval(&approval.id, PermissionOption::AllowOnce, None)
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
