//! Every way a task can end.

use crate::stage::{BAD, GOOD, Stage, ask, finish, patch_turn, run, until};
use agent::config::ReflectionPolicy;
use protocol::{FinishReason, Intent, TaskRequest, Update};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_good_patch_is_verified_and_lands() {
    let stage = Stage::new();
    let script = format!(
        "turns:\n  - text: I plan.\n    calls:\n      - {{name: update_plan, arguments: {{steps: [{{content: Change both}}]}}}}\n      - {{name: read_file, arguments: {{path: greet.txt}}}}\n{}  - text: Both files say it now.\n",
        patch_turn(GOOD)
    );
    let run = run(&stage.agent(&script), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(run.phases(), "context plan act check test propose land");
    assert_eq!(
        (stage.read("greet.txt"), stage.read("count.txt")),
        ("goodbye\nworld\n".into(), "one\n2\n".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn red_tests_go_back_to_the_model_and_are_mended() {
    let stage = Stage::new();
    let mend = GOOD.replace("-hello", "-good evening");
    let script = format!(
        "turns:\n{}  - text: done\n{}  - text: mended\n",
        patch_turn(BAD),
        patch_turn(&mend)
    );
    let run = run(&stage.agent(&script), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(
        run.phases(),
        "context plan act check test repair check test propose land"
    );
    let told = run.events.iter().any(|event| matches!(&event.update, Update::Prompt { text, .. } if text.contains("test greet ... FAILED")));
    assert!(told, "the model reads the failing output");
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_that_stay_red_land_nothing() {
    let stage = Stage::new();
    let script = format!(
        "turns:\n{}  - text: done\n  - text: I cannot do better\n",
        patch_turn(BAD)
    );
    let run = run(&stage.agent(&script), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::TestFailed, "{}", run.summary());
    assert!(run.summary().contains("greet"), "{}", run.summary());
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_change_is_an_answer() {
    let stage = Stage::new();
    let script = "turns:\n  - text: It is fine as it is.\n";
    let request = TaskRequest {
        intent: Intent::Explain,
        ..ask("what does greet.txt say?")
    };
    let agent = stage.agent(script);
    let started = agent.start(request).unwrap();
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::NoChange);
    assert!(run.summary().contains("fine as it is"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tests_it_lands_and_says_unverified() {
    let stage = Stage::new();
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let agent = stage.agent_with(&script, |config| config.test_command = None);
    let run = run(&agent, "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Unverified, "{}", run.summary());
    assert!(
        run.summary()
            .starts_with("Not verified: no test command is known"),
        "{}",
        run.summary()
    );
    assert_eq!(stage.read("count.txt"), "one\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_program_that_is_not_there_blames_no_draft() {
    let stage = Stage::new();
    let script = format!("turns:\n{}  - text: done\n", patch_turn(GOOD));
    let agent = stage.agent_with(&script, |config| {
        config.test_command = Some("no-such-program --all".to_owned())
    });
    let run = run(&agent, "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Unverified, "{}", run.summary());
    assert!(
        run.summary().contains("no-such-program"),
        "{}",
        run.summary()
    );
    assert!(!run.phases().contains("repair"), "{}", run.phases());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_critic_that_answers_nonsense_is_asked_again() {
    let stage = Stage::new();
    let nonsense = "  - {role: critic, text: 'Looks good!'}\n";
    let critical = "  - {role: critic, text: '{\"findings\":[{\"severity\":\"critical\",\"message\":\"m\"}]}'}\n";
    let script = format!(
        "turns:\n{}  - {{role: coder, text: done}}\n{nonsense}{critical}",
        patch_turn(GOOD)
    );
    let agent = stage.agent_with(&script, |config| {
        config.enable_reflect = true;
        config.test_retries = 0;
    });
    let run = run(&agent, "say goodbye").await;
    assert_eq!(
        run.reason(),
        FinishReason::BlockedByCritic,
        "{}",
        run.summary()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_a_critic_that_says_nothing_readable_lands_nothing_unless_the_policy_lets_it() {
    let nonsense = "  - {role: critic, text: 'Looks good!'}\n";
    for (policy, reason, text) in [
        (
            ReflectionPolicy::BlockOnCritical,
            FinishReason::BlockedByCritic,
            "hello\nworld\n",
        ),
        (
            ReflectionPolicy::WarnOnly,
            FinishReason::Verified,
            "goodbye\nworld\n",
        ),
    ] {
        let stage = Stage::new();
        let script = format!(
            "turns:\n{}  - {{role: coder, text: done}}\n{}",
            patch_turn(GOOD),
            nonsense.repeat(2)
        );
        let agent = stage.agent_with(&script, |config| {
            config.enable_reflect = true;
            config.reflection_policy = policy;
        });
        let run = run(&agent, "say goodbye").await;
        assert_eq!(run.reason(), reason, "{}", run.summary());
        assert_eq!(stage.read("greet.txt"), text);
        // What could not be reviewed is not lost.
        let kept = agent
            .patches()
            .iter()
            .any(|patch| patch.state == protocol::PatchState::Proposed);
        assert_eq!(kept, policy == ReflectionPolicy::BlockOnCritical);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_tests_says_so() {
    let stage = Stage::new();
    let patch = "*** Begin Patch\n*** Add File: check.sh\n+exit 0\n*** End Patch";
    let script = format!("turns:\n{}  - text: done\n", patch_turn(patch));
    let run = run(&stage.agent(&script), "make it green").await;
    let said = |update: &Update| matches!(update, Update::Notice { message, .. } if message.contains("changes tests: check.sh"));
    assert!(run.events.iter().any(|event| said(&event.update)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_words_does_not_start() {
    let stage = Stage::new();
    let agent = stage.agent("turns: []\n");
    for words in ["", "  \n"] {
        assert_eq!(
            agent.start(ask(words)).unwrap_err().code,
            protocol::Code::InvalidInput
        );
    }
    assert!(agent.tasks().is_empty() && agent.sessions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_a_critical_finding_lands_nothing() {
    let stage = Stage::new();
    let critic = "  - role: critic\n    text: '{\"quality\":\"poor\",\"findings\":[{\"severity\":\"critical\",\"message\":\"loses the greeting\"}]}'\n";
    let script = format!(
        "turns:\n{}  - {{role: coder, text: done}}\n{critic}  - {{role: coder, text: it is right}}\n{critic}",
        patch_turn(GOOD)
    );
    let agent = stage.agent_with(&script, |config| {
        config.enable_reflect = true;
        config.test_retries = 1;
    });
    let run = run(&agent, "say goodbye").await;
    assert_eq!(
        run.reason(),
        FinishReason::BlockedByCritic,
        "{}",
        run.summary()
    );
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_answers_nothing_ends_the_task() {
    let stage = Stage::new();
    let run = run(
        &stage.agent("turns:\n  - text: ''\n  - text: ''\n  - text: ''\n"),
        "do it",
    )
    .await;
    assert_eq!(
        run.reason(),
        FinishReason::ProviderError,
        "{}",
        run.summary()
    );
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fourth_same_call_ends_the_task() {
    let stage = Stage::new();
    let turn = "  - calls: [{name: read_file, arguments: {path: greet.txt}}]\n";
    let run = run(
        &stage.agent(&format!("turns:\n{}", turn.repeat(6))),
        "do it",
    )
    .await;
    assert_eq!(
        run.reason(),
        FinishReason::LoopDetected,
        "{}",
        run.summary()
    );
    assert_eq!(run.results().count(), 4);
    assert!(run.results().nth(2).unwrap().output.contains("three times"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_step_limit_ends_the_task() {
    let stage = Stage::new();
    let turns: String = (1..9)
        .map(|n| format!("  - calls: [{{name: find_text, arguments: {{pattern: x{n}}}}}]\n"))
        .collect();
    let agent = stage.agent_with(&format!("turns:\n{turns}"), |config| config.max_steps = 3);
    let run = run(&agent, "do it").await;
    assert_eq!(run.reason(), FinishReason::MaxSteps, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_a_thinking_model_at_once() {
    let stage = Stage::new();
    let agent = stage.agent("turns:\n  - text: slow\n    delay_ms: 60000\n");
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Prompt { .. })
    })
    .await;
    let start = Instant::now();
    assert_eq!(agent.cancel(None), std::slice::from_ref(&started.task));
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Cancelled);
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_cancel_ends_a_running_command_and_answers_every_call() {
    let stage = Stage::new();
    let calls = "  - calls:\n      - {name: run_command, arguments: {command: 'sh wait.sh'}}\n      - {name: read_file, arguments: {path: greet.txt}}\n";
    stage.write("wait.sh", "sleep 600 & sleep 600\n");
    stage.write("check.sh", "sh wait.sh\n");
    let script = format!("turns:\n{}  - text: done\n{calls}", patch_turn(GOOD));
    let agent = stage.agent(&script);
    let started = agent.start(ask("do it")).unwrap();
    until(&agent, &started, |update| {
        matches!(update, Update::Test { .. })
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    agent.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(2));
    let run = finish(&agent, &started).await;
    assert_eq!(run.reason(), FinishReason::Cancelled);
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}
