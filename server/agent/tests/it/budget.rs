//! Money: what a task does when a budget comes to its end, against real servers with prices.
#![allow(clippy::disallowed_methods, reason = "histories are cut short here")]

use crate::stage::{GOOD, Run, Stage, ask, finish, until};
use agent::Agent;
use protocol::{Approval, BudgetState, FinishReason, PermissionOption, TaskRequest, Update};
use serde_json::{Value, json};
use testkit::http::ModelServer;

/// Ten dollars a million tokens in each direction: a call of 1,000 tokens in and 100 out costs 11,000 micro-dollars.
const PRICE: f64 = 10.0;

fn turns() -> Vec<Value> {
    let used = json!({"input": 1000, "output": 100});
    vec![
        json!({"calls": [{"name": "read_file", "arguments": {"path": "greet.txt"}}], "usage": used}),
        json!({"calls": [{"name": "apply_patch", "arguments": {"patch": GOOD}}], "usage": used}),
        json!({"text": "Done.", "usage": used}),
    ]
}

/// One dear model at the server, and what else the configuration says.
fn models(server: &ModelServer, budget: Value, strategy: Value) -> llm::Models {
    let price = json!({"input_per_mtok_usd": PRICE, "output_per_mtok_usd": PRICE});
    let config = json!({
        "providers": {"p": {"type": "openai_compatible", "base_url": server.base_url()}},
        "models": {"dear": {"provider": "p", "model": "dear", "default": true, "expensive": true, "price": price, "max_tokens": 200}},
        "budget": budget,
        "strategy": strategy,
    });
    llm::Models::new(&serde_json::from_value(config).unwrap()).unwrap()
}

fn agent(stage: &Stage, models: llm::Models) -> Agent {
    stage.agent_asking(models, |config| config.enable_plan = false)
}

/// Runs a task and answers its first question.
async fn answered(
    agent: &Agent,
    request: TaskRequest,
    answer: PermissionOption,
) -> (Approval, Run) {
    let started = agent.start(request).unwrap();
    until(agent, &started, |update| {
        matches!(update, Update::Approval { .. } | Update::Finished { .. })
    })
    .await;
    let Some(approval) = agent.approvals().into_iter().next() else {
        panic!("no question: {}", finish(agent, &started).await.summary());
    };
    agent.resolve_approval(&approval.id, answer, None).unwrap();
    (approval, finish(agent, &started).await)
}

fn states(run: &Run) -> Vec<(String, BudgetState)> {
    let state = |update: &Update| match update {
        Update::Budget { scope, state, .. } => Some((scope.clone(), *state)),
        _ => None,
    };
    run.events
        .iter()
        .filter_map(|event| state(&event.update))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_cap_a_person_can_give_as_much_again() {
    let (stage, server) = (Stage::new(), ModelServer::openai(turns()));
    let models = models(&server, json!({"run_usd": 0.035}), json!({}));
    let (question, run) = answered(
        &agent(&stage, models),
        ask("Say goodbye"),
        PermissionOption::AllowOnce,
    )
    .await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    assert_eq!(question.title, "Spend up to $0.035 more for this run");
    let names: Vec<&str> = question
        .options
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["Allow once", "Deny"]);
    let told = states(&run);
    let run_scope = |state| ("run".to_owned(), state);
    assert!(
        told.contains(&run_scope(BudgetState::Exhausted)),
        "{told:?}"
    );
    assert!(told.contains(&run_scope(BudgetState::Raised)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_is_enough_for_a_call_that_is_dearer_than_the_cap() {
    let server = ModelServer::openai(vec![json!({"text": "Nothing has to change."})]);
    let models = models(&server, json!({"run_usd": 0.0001}), json!({}));
    let stage = Stage::new();
    let agent = agent(&stage, models);
    let (question, run) = answered(&agent, ask("Say goodbye"), PermissionOption::AllowOnce).await;
    assert!(
        question.details[0].starts_with("$0.00 of the run's $0.0001 are spent; the next call may"),
        "{question:?}"
    );
    let question = |event: &&protocol::Event| matches!(event.update, Update::Approval { .. });
    assert_eq!(run.events.iter().filter(question).count(), 1);
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_ends_the_task_and_no_call_is_made() {
    let (stage, server) = (Stage::new(), ModelServer::openai(turns()));
    let models = models(&server, json!({"run_usd": 0.035}), json!({}));
    let (_, run) = answered(
        &agent(&stage, models),
        ask("Say goodbye"),
        PermissionOption::RejectOnce,
    )
    .await;
    assert_eq!(
        run.reason(),
        FinishReason::BudgetExhausted,
        "{}",
        run.summary()
    );
    let paid = run
        .events
        .iter()
        .filter(|event| matches!(event.update, Update::Usage { .. }))
        .count();
    assert_eq!(server.requests().len(), paid);
    assert_eq!(stage.read("greet.txt"), "hello\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_expensive_call_is_a_question_too() {
    let (stage, server) = (Stage::new(), ModelServer::openai(turns()));
    let models = models(&server, json!({}), json!({"max_expensive": 2}));
    let (question, run) = answered(
        &agent(&stage, models),
        ask("Say goodbye"),
        PermissionOption::AllowOnce,
    )
    .await;
    assert_eq!(
        question.title,
        "Make 2 more calls of expensive models in this run"
    );
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_may_lower_its_cap_and_a_session_counts_its_earlier_tasks() {
    let (stage, server) = (
        Stage::new(),
        ModelServer::openai([turns(), turns()].concat()),
    );
    let own = TaskRequest {
        budget_micro_usd: Some(12_000),
        ..ask("Say goodbye")
    };
    let (_, run) = answered(
        &agent(&stage, models(&server, json!({"run_usd": 5.0}), json!({}))),
        own,
        PermissionOption::RejectOnce,
    )
    .await;
    assert_eq!(run.reason(), FinishReason::BudgetExhausted);

    // 33,000 micro-dollars for a whole task: of the second there is too little left, in another process as well.
    let (stage, server) = (
        Stage::new(),
        ModelServer::openai([turns(), turns()].concat()),
    );
    let with_cap = || {
        agent(
            &stage,
            models(&server, json!({"session_usd": 0.041}), json!({})),
        )
    };
    let first = with_cap();
    let started = first.start(ask("Say goodbye")).unwrap();
    let run = finish(&first, &started).await;
    assert_eq!(run.reason(), FinishReason::Verified);
    let warned = states(&run).contains(&("session".to_owned(), BudgetState::Warning));
    assert!(warned, "at 80 % somebody is told");
    first.shutdown().await;
    stage.write("greet.txt", "hello\nworld\n");
    let again = TaskRequest {
        session: Some(started.session),
        ..ask("Once more")
    };
    let (question, run) = answered(&with_cap(), again, PermissionOption::RejectOnce).await;
    assert!(question.title.contains("session"), "{}", question.title);
    assert_eq!(run.reason(), FinishReason::BudgetExhausted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_remembers_that_a_person_gave_more() {
    let used = json!({"input": 1000, "output": 100});
    let done = json!({"text": "Nothing has to change.", "usage": used});
    let (stage, server) = (Stage::new(), ModelServer::openai(vec![done; 6]));
    // One call fits, and with as much again two more.
    let of = || {
        agent(
            &stage,
            models(&server, json!({"session_usd": 0.025}), json!({})),
        )
    };
    let first = of();
    let started = first.start(ask("hi")).unwrap();
    let session = finish(&first, &started).await.events[0].session.clone();
    let go_on = || TaskRequest {
        session: Some(session.clone()),
        ..ask("again")
    };
    let (question, run) = answered(&first, go_on(), PermissionOption::AllowOnce).await;
    assert!(question.title.contains("session"), "{}", question.title);
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    first.shutdown().await;
    let later = of();
    let started = later.start(go_on()).unwrap();
    let run = finish(&later, &started).await;
    assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
    assert_eq!(
        states(&run)
            .iter()
            .filter(|(_, state)| *state == BudgetState::Exhausted)
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_dead_process_left_counts_in_its_session() {
    let slow = json!({"text": "Nothing has to change.", "usage": {"input": 1000, "output": 100}});
    let (stage, server) = (Stage::new(), ModelServer::openai(vec![slow; 9]));
    let of = |budget: Value| agent(&stage, models(&server, budget, json!({})));
    let first = of(json!({}));
    let started = first.start(ask("hi")).unwrap();
    let run = finish(&first, &started).await;
    first.shutdown().await;
    let path = stage
        .state
        .join(format!("sessions/{}.ndjson", started.session));
    let text = std::fs::read_to_string(&path).unwrap();
    let cost = |text: &str| {
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        agent::session::Past {
            events: events.collect(),
            ..agent::session::Past::default()
        }
        .spent()
    };
    // The process dies behind each of its events in turn.
    let mut counted = 0;
    for end in 1..run.events.len() {
        let lines: Vec<&str> = text.lines().take(end).collect();
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let before = cost(&lines.join("\n"));
        let again = of(json!({}));
        let started = again
            .resume(&started.session, Some("go on".into()))
            .unwrap();
        again.cancel(Some(&started.task));
        finish(&again, &started).await;
        again.shutdown().await;
        let sealed = std::fs::read_to_string(&path).unwrap();
        let sealed: Vec<&str> = sealed
            .lines()
            .take_while(|line| !line.contains("\"finished\""))
            .collect();
        let after = cost(&sealed.join("\n"));
        let asked = matches!(run.events[end - 1].update, Update::Message { .. })
            || matches!(&run.events[end - 1].update, Update::Phase { phase, .. } if phase.as_str() == "act");
        assert_eq!(after > before, asked, "{:?}", run.events[end - 1].update);
        counted += usize::from(asked);
    }
    assert!(counted >= 2, "{counted}");

    // With what it may have cost, the cap of the session is reached.
    let at = run
        .events
        .iter()
        .position(|event| matches!(event.update, Update::Message { .. }))
        .unwrap();
    let lines: Vec<&str> = text.lines().take(at + 1).collect();
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let capped = of(json!({"session_usd": 0.025}));
    let asked = server.requests().len();
    let (question, _) = {
        let request = TaskRequest {
            session: Some(started.session.clone()),
            ..ask("go on")
        };
        answered(&capped, request, PermissionOption::RejectOnce).await
    };
    assert!(question.title.contains("session"), "{}", question.title);
    assert_eq!(server.requests().len(), asked);
}
