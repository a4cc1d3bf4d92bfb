//! What a person is asked, and what an answer is good for.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run, until};
use agent::Agent;
use protocol::{
    Approval, ApprovalState, Code, FinishReason, PermissionOption, Scope, TaskRequest, Update,
};
use sandbox::Tree;
use std::sync::Arc;

const PUSH: &str = "  - calls: [{name: run_command, arguments: {command: 'git commit -m x'}}]\n";

/// A task of one command that policy asks about, and the question if there was one.
async fn commit(
    agent: &Agent,
    session: Option<protocol::SessionId>,
    answer: (PermissionOption, Option<Scope>),
) -> (Option<Approval>, Option<Code>, protocol::SessionId) {
    let request = TaskRequest {
        session,
        ..ask("commit it")
    };
    let started = agent.start(request).unwrap();
    until(agent, &started, |update| {
        matches!(
            update,
            Update::Approval { .. } | Update::ToolResult { .. } | Update::Finished { .. }
        )
    })
    .await;
    let asked = agent.approvals().into_iter().next();
    if let Some(approval) = &asked {
        agent
            .resolve_approval(&approval.id, answer.0, answer.1)
            .unwrap();
    }
    let run = finish(agent, &started).await;
    let code = run
        .results()
        .next()
        .and_then(|result| result.failure.as_ref().map(|failure| failure.code));
    (asked, code, started.session)
}

fn script(commands: usize) -> String {
    let turn = format!("{PUSH}  - text: done\n");
    format!("turns:\n{}", turn.repeat(commands))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_reaches_as_far_as_it_says() {
    use PermissionOption::{AllowAlways, AllowOnce, RejectAlways};
    for (answer, again, elsewhere) in [
        ((AllowOnce, None), true, true),
        ((AllowAlways, None), false, true),
        ((AllowAlways, Some(Scope::Session)), false, true),
        ((AllowAlways, Some(Scope::Workspace)), false, false),
        ((RejectAlways, Some(Scope::Session)), false, true),
    ] {
        let stage = Stage::new();
        let script = script(3);
        let agent = stage.agent_with(&script, |config| config.enable_plan = false);
        let (asked, code, session) = commit(&agent, None, answer).await;
        let asked = asked.expect("policy asks about a commit");
        let names: Vec<&str> = asked.options.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "Allow once",
                "Allow `git commit …` for this session",
                "Allow `git commit …` in this workspace",
                "Deny",
                "Deny for this session",
            ]
        );
        let denied = (answer.0 == RejectAlways).then_some(Code::Denied);
        assert_eq!(code, denied, "{answer:?}");
        let (second, code, session) = commit(&agent, Some(session), answer).await;
        assert_eq!((second.is_some(), code), (again, denied), "{answer:?}");
        agent.shutdown().await;
        // The same session in another process knows what it knew.
        let other = stage.agent_with(&script, |config| config.enable_plan = false);
        let (third, code, _) = commit(&other, Some(session), answer).await;
        assert_eq!((third.is_some(), code), (again, denied), "{answer:?}");
        let (fourth, ..) = commit(&other, None, answer).await;
        assert_eq!(fourth.is_some(), elsewhere, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn always_holds_in_other_workspaces_until_it_is_taken_back() {
    let answer = (PermissionOption::AllowAlways, Some(Scope::Always));
    let (one, other) = (Stage::new(), Stage::new());
    let home = Arc::new(Tree::create(&one.state.join("home")).unwrap());
    let (asked, ..) = commit(&one.agent_at_home(&script(1), home.clone()), None, answer).await;
    let offered = asked.unwrap().options.into_iter().map(|one| one.name);
    assert!(
        offered
            .into_iter()
            .any(|name| name == "Allow `git commit …` in every workspace")
    );
    let (asked, code, _) =
        commit(&other.agent_at_home(&script(1), home.clone()), None, answer).await;
    assert_eq!((asked, code), (None, None));
    assert_eq!(agent::Kept::new(home.clone()).forget(None).unwrap(), 1);
    let (asked, ..) = commit(&other.agent_at_home(&script(1), home), None, answer).await;
    assert!(asked.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_offered_leaves_the_question_open() {
    let stage = Stage::new();
    let agent = stage.agent_with(
        "turns:\n  - calls: [{name: run_command, arguments: {command: 'sh check.sh'}}]\n  - text: done\n",
        |config| config.enable_plan = false,
    );
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    // A shell runs anything: no grant can name it.
    let refused = agent
        .resolve_approval(
            &approval.id,
            PermissionOption::AllowAlways,
            Some(Scope::Workspace),
        )
        .unwrap_err();
    assert_eq!(refused.code, Code::InvalidInput);
    assert_eq!(agent.approvals().len(), 1);
    agent
        .resolve_approval(&approval.id, PermissionOption::AllowOnce, None)
        .unwrap();
    assert_eq!(
        agent
            .resolve_approval(&approval.id, PermissionOption::AllowOnce, None)
            .unwrap_err()
            .code,
        Code::NotFound
    );
    let run = finish(&agent, &started).await;
    assert_eq!(run.results().next().unwrap().exit_code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_hides_nothing() {
    let stage = Stage::new();
    let line = "sh x.sh # \u{202e}gpj.\u{200b}\u{1b}[2K\u{2800}\u{3164}\u{34f}";
    let call = serde_json::json!({ "name": "run_command", "arguments": { "command": line } });
    let agent = stage.agent_with(
        &format!("turns:\n  - calls: [{call}]\n  - text: done\n"),
        |config| config.enable_plan = false,
    );
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    let all = format!("{}\n{}", approval.title, approval.details.join("\n"));
    for shown in [
        "\\u{202e}",
        "\\u{200b}",
        "\\u{1b}",
        "\\u{2800}",
        "\\u{3164}",
        "\\u{34f}",
    ] {
        assert!(all.contains(shown), "{all}");
    }
    agent
        .resolve_approval(&approval.id, PermissionOption::RejectOnce, None)
        .unwrap();
    finish(&agent, &started).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_that_an_editor_obeys_need_a_word_that_names_the_file() {
    let patch =
        "*** Begin Patch\n*** Add File: .vscode/tasks.json\n+{\"tasks\": []}\n*** End Patch";
    for (answer, made) in [
        (PermissionOption::AllowOnce, true),
        (PermissionOption::RejectOnce, false),
    ] {
        let stage = Stage::new();
        let script = format!(
            "turns:\n{}{}  - text: done\n",
            patch_turn(GOOD),
            patch_turn(patch)
        );
        let agent = stage.agent(&script);
        let started = agent.start(ask("do it")).unwrap();
        until(&agent, &started, |update| {
            matches!(update, Update::Approval { .. })
        })
        .await;
        let approval = agent.approvals().remove(0);
        assert_eq!(approval.title, "Write .vscode/tasks.json");
        assert!(approval.details.join("\n").contains("+{\"tasks\": []}"));
        agent.resolve_approval(&approval.id, answer, None).unwrap();
        let run = finish(&agent, &started).await;
        assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
        assert_eq!(stage.root.join(".vscode/tasks.json").exists(), made);
        let said = run.events.iter().any(|event| {
            matches!(
                &event.update,
                Update::ApprovalResolved {
                    state: ApprovalState::Allowed,
                    ..
                }
            )
        });
        assert_eq!(said, made);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_this_program_are_never_written() {
    let stage = Stage::new();
    let patch = "*** Begin Patch\n*** Add File: .animus/config.yaml\n+sandbox: off\n*** End Patch";
    let script = format!("turns:\n{}  - text: done\n", patch_turn(patch));
    let run = run(&stage.agent(&script), "do it").await;
    let result = run.results().next().unwrap();
    assert!(result.failure.is_some(), "{}", result.output);
    assert!(!stage.root.join(".animus").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_command_of_the_repository_runs_once_it_is_trusted_and_asks_again_when_it_changes() {
    use PermissionOption::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
    let task =
        async |stage: &Stage, wish: &str, answer: Option<(PermissionOption, Option<Scope>)>| {
            let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
            let agent = stage.agent_wishing(&script, wish);
            let request = TaskRequest {
                land: Some(protocol::LandMode::Review),
                ..ask("say goodbye")
            };
            let started = agent.start(request).unwrap();
            until(&agent, &started, |update| {
                matches!(update, Update::Approval { .. } | Update::Finished { .. })
            })
            .await;
            let asked = agent.approvals().into_iter().next();
            assert_eq!(asked.is_some(), answer.is_some(), "{wish}");
            if let (Some(approval), Some((kind, scope))) = (asked, answer) {
                assert_eq!(approval.details, [wish]);
                agent.resolve_approval(&approval.id, kind, scope).unwrap();
            }
            finish(&agent, &started).await.reason()
        };
    use FinishReason::{Unverified, Verified};
    let stage = Stage::new();
    let kept = Some(Scope::Workspace);
    for (wish, answer, reason) in [
        ("sh check.sh", Some((RejectOnce, None)), Unverified),
        ("sh check.sh", Some((AllowOnce, None)), Verified),
        ("sh check.sh", Some((AllowAlways, kept)), Verified),
        ("sh check.sh", None, Verified),
        ("sh ./check.sh", Some((RejectAlways, kept)), Unverified),
        ("sh ./check.sh", None, Unverified),
        ("sh check.sh", Some((RejectOnce, None)), Unverified),
    ] {
        assert_eq!(
            task(&stage, wish, answer).await,
            reason,
            "{wish} {answer:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_files_reach_no_model_and_no_history_and_are_not_written_over() {
    let stage = Stage::new();
    // Drawn here, so that no scanner takes this file for a leak.
    let key = format!("AKIA{}", "QZ7XW3KD".repeat(2));
    stage.write("settings.py", &format!("AWS = '{key}'\nREGION = 'eu'\n"));
    let patch = "*** Begin Patch\n*** Update File: settings.py\n@@\n-REGION = 'eu'\n+REGION = 'us'\n*** End Patch";
    let script = format!(
        "turns:\n  - calls: [{{name: read_file, arguments: {{path: settings.py}}}}, {{name: find_text, arguments: {{pattern: AKIA}}}}, {{name: run_command, arguments: {{command: 'cat settings.py'}}}}]\n  - calls: [{{name: write_file, arguments: {{path: settings.py, content: \"AWS = '{mask}'\\n\"}}}}]\n{}{}  - text: done\n",
        patch_turn(patch),
        patch_turn(GOOD),
        mask = llm::MASK,
    );
    let run = run(&stage.agent(&script), "move it").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let results: Vec<_> = run.results().collect();
    for result in &results[..3] {
        assert!(result.output.contains(llm::MASK), "{}", result.output);
    }
    assert_eq!(
        results[3].failure.as_ref().unwrap().code,
        Code::InvalidInput
    );
    assert_eq!(
        stage.read("settings.py"),
        format!("AWS = '{key}'\nREGION = 'us'\n")
    );
    for event in &run.events {
        // Diffs rebuild the draft and show the patch to the person.
        if matches!(event.update, Update::Draft { .. } | Update::Patch { .. }) {
            continue;
        }
        let text = serde_json::to_string(event).unwrap();
        assert!(!text.contains(&key), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ignored_file_is_read_after_a_word() {
    let stage = Stage::new();
    stage.write(".gitignore", "local.txt\n");
    stage.write("local.txt", "mine\n");
    let script =
        "turns:\n  - calls: [{name: read_file, arguments: {path: local.txt}}]\n  - text: done\n";
    for (answer, text) in [
        (PermissionOption::AllowOnce, "mine"),
        (PermissionOption::RejectOnce, "denied"),
    ] {
        let agent = stage.agent_with(script, |config| config.enable_plan = false);
        let started = agent.start(ask("read it")).unwrap();
        until(&agent, &started, |update| {
            matches!(update, Update::Approval { .. })
        })
        .await;
        let approval = agent.approvals().remove(0);
        assert_eq!(approval.title, "Read local.txt");
        agent.resolve_approval(&approval.id, answer, None).unwrap();
        let run = finish(&agent, &started).await;
        let result = run.results().next().unwrap();
        assert!(result.output.contains(text), "{}", result.output);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_what_an_editor_obeys_is_that() {
    let stage = Stage::new();
    std::fs::create_dir(stage.root.join(".vscode")).unwrap();
    std::os::unix::fs::symlink(".vscode", stage.root.join("ed")).unwrap();
    std::os::unix::fs::symlink(".animus", stage.root.join("own")).unwrap();
    std::fs::create_dir(stage.root.join(".animus")).unwrap();
    let script = "turns:\n  - calls: [{name: write_file, arguments: {path: ed/tasks.json, content: '{}'}}]\n  - calls: [{name: write_file, arguments: {path: own/config.yaml, content: 'x'}}]\n  - text: done\n";
    let agent = stage.agent_with(script, |config| {
        config.enable_plan = false;
        config.approval_timeout_seconds = 1;
    });
    let run = run(&agent, "do it").await;
    let codes: Vec<_> = run
        .results()
        .map(|result| result.failure.as_ref().map(|failure| failure.code))
        .collect();
    assert_eq!(codes, [Some(Code::Denied), Some(Code::PathRefused)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_for_the_session_is_good_for_this_text_and_no_other() {
    let stage = Stage::new();
    let text = |end: &str| format!("{}{end}\\n", "// line\\n".repeat(300));
    let call = |end: &str| {
        format!(
            "  - calls: [{{name: write_file, arguments: {{path: .exrc, content: \"{}\"}}}}, {{name: restore, arguments: {{path: .exrc}}}}]\n",
            text(end)
        )
    };
    let script = format!(
        "turns:\n{}{}{}  - text: done\n",
        call("good"),
        call("good"),
        call("evil")
    );
    let agent = stage.agent_with(&script, |config| {
        config.enable_plan = false;
        config.approval_timeout_seconds = 2;
    });
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    agent
        .resolve_approval(&approval.id, PermissionOption::AllowAlways, None)
        .unwrap();
    let run = finish(&agent, &started).await;
    let denied: Vec<bool> = run
        .results()
        .map(|result| result.failure.is_some())
        .collect();
    assert_eq!(denied, [false, false, false, false, true, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_command_that_is_trusted_is_no_command_of_the_model() {
    let stage = Stage::new();
    let script = format!(
        "turns:\n{}  - text: done\n  - calls: [{{name: run_command, arguments: {{command: 'sh check.sh'}}}}]\n  - text: done\n",
        patch_turn(GOOD)
    );
    let agent = stage.agent_wishing(&script, "sh check.sh");
    let started = agent.start(ask("say goodbye")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    agent
        .resolve_approval(
            &approval.id,
            PermissionOption::AllowAlways,
            Some(Scope::Workspace),
        )
        .unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let request = TaskRequest {
        session: Some(started.session),
        ..ask("again")
    };
    let started = agent.start(request).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Approval { .. } | Update::Finished { .. })
    })
    .await;
    let approval = agent.approvals().remove(0);
    assert_eq!(approval.title, "Run sh check.sh");
    agent
        .resolve_approval(&approval.id, PermissionOption::RejectOnce, None)
        .unwrap();
    finish(&agent, &started).await;
}
