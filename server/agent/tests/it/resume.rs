//! Resume: a task that is cut off behind any of its events comes to the same end, and a recorded task can be run again without a
//! model.
#![allow(
    clippy::disallowed_methods,
    reason = "histories are cut and forked here on purpose"
)]

use crate::stage::{GOOD, Run, Stage, ask, finish, patch_turn, run};
use protocol::{Event, FinishReason, Phase, SessionId, StepStatus, TestVerdict, Update};
use serde_json::{Value, json};

const NEW: [(&str, &str); 2] = [("greet.txt", "goodbye\nworld\n"), ("count.txt", "one\n2\n")];
const PLAN: &str = "  - calls: [{name: update_plan, arguments: {steps: [{content: Say goodbye, status: in_progress}]}}]\n";

/// A whole run: a plan, a patch, red and green tests, and the critic's word.
async fn recorded(stage: &Stage) -> Run {
    let script = format!("turns:\n{PLAN}{}  - text: done\n", patch_turn(GOOD));
    run(&stage.agent(&script), "say goodbye").await
}

fn line(event: &Event) -> String {
    serde_json::to_string(event).unwrap() + "\n"
}

/// Puts a history into a fresh stage.
fn put(stage: &Stage, session: &SessionId, events: &[Event]) {
    let folder = stage.state.join("sessions");
    std::fs::create_dir_all(&folder).unwrap();
    let text: String = events.iter().map(line).collect();
    std::fs::write(folder.join(format!("{session}.ndjson")), text).unwrap();
}

fn entered(events: &[Event], phase: Phase) -> bool {
    events
        .iter()
        .any(|event| matches!(event.update, Update::Phase { phase: at, .. } if at == phase))
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_cut_off_behind_any_event_the_end_is_the_same() {
    let whole = recorded(&Stage::new()).await;
    assert_eq!(
        whole.reason(),
        FinishReason::Verified,
        "{}",
        whole.summary()
    );
    let session = whole.events[0].session.clone();
    for cut in 1..whole.events.len() {
        let past = &whole.events[..cut];
        let told = format!("behind {:?}", past[cut - 1].update);
        let stage = Stage::new();
        put(&stage, &session, past);
        let landed = past
            .iter()
            .any(|event| matches!(event.update, Update::PatchState { .. }));
        let drafted = past
            .iter()
            .any(|event| matches!(event.update, Update::Draft { .. }));
        let planned = entered(past, Phase::Act);
        let keeps = drafted && !entered(past, Phase::Land);
        let plan = if planned && !entered(past, Phase::Land) {
            ""
        } else {
            PLAN
        };
        let patch = if keeps {
            String::new()
        } else {
            patch_turn(GOOD)
        };
        let script = format!("turns:\n{plan}{patch}  - text: done\n");
        let agent = stage.agent(&script);
        if landed {
            NEW.iter().for_each(|(path, text)| stage.write(path, text));
            let started = agent.resume(&session, None).unwrap();
            assert_eq!(started.task, whole.events[0].task, "{told}");
            assert_eq!(agent.replay(&started.task, None).unwrap().len(), cut + 1);
            let again = finish(&agent, &started).await;
            assert_eq!(again.reason(), FinishReason::Verified, "{told}");
            let view = agent.session(&session).unwrap().session;
            let end = (view.damaged, view.tasks, view.finished);
            assert_eq!(end, (0, 1, Some(FinishReason::Verified)), "{told}");
            let failure = agent.resume(&session, None).unwrap_err();
            assert_eq!(failure.code, protocol::Code::InvalidInput, "{told}");
            continue;
        }
        let started = agent.resume(&session, None).unwrap();
        let again = finish(&agent, &started).await;
        assert_eq!(
            again.reason(),
            FinishReason::Verified,
            "{told}: {}",
            again.summary()
        );
        for (path, text) in NEW {
            assert_eq!(stage.read(path), text, "{told}");
        }
        let plans = again.events.iter().filter_map(|event| match &event.update {
            Update::Plan { plan } => Some(plan.entries[0].content.clone()),
            _ => None,
        });
        assert!(
            plans.into_iter().any(|step| step == "Say goodbye"),
            "{told}"
        );
        let view = agent.session(&session).unwrap().session;
        assert_eq!((view.damaged, view.tasks), (0, 2), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_landed_ends_as_its_last_tests_say() {
    let whole = recorded(&Stage::new()).await;
    let session = whole.events[0].session.clone();
    let is_landed = |event: &Event| matches!(event.update, Update::PatchState { .. });
    let landed = whole.events.iter().position(is_landed).unwrap();
    let is_green = |event: &Event| matches!(&event.update, Update::Test { report } if report.verdict == TestVerdict::Passed);
    let green = whole.events.iter().rposition(is_green).unwrap();
    let draft = whole.events.iter().find_map(|event| match &event.update {
        Update::Draft { .. } => Some(event.update.clone()),
        _ => None,
    });
    let red = |verdict| {
        let mut update = whole.events[green].update.clone();
        if let Update::Test { report } = &mut update {
            report.verdict = verdict;
        }
        update
    };
    // The green run, and what stands in its place.
    for (update, reason) in [
        (whole.events[green].update.clone(), FinishReason::Verified),
        (draft.unwrap(), FinishReason::Unverified),
        (red(TestVerdict::Broken), FinishReason::Unverified),
        (red(TestVerdict::Running), FinishReason::Unverified),
    ] {
        let mut past = whole.events[..=landed].to_vec();
        past[green].update = update;
        for words in [None, Some("and now?".to_owned())] {
            let stage = Stage::new();
            NEW.iter().for_each(|(path, text)| stage.write(path, text));
            put(&stage, &session, &past);
            let agent = stage.agent("turns: [{text: all is well}, {text: nothing to do}]\n");
            let started = agent.resume(&session, words.clone()).unwrap();
            let run = finish(&agent, &started).await;
            let first = agent.session(&session).unwrap().tasks[0].finished;
            assert_eq!(first, Some(reason), "{words:?}");
            let expected = words.map_or(reason, |_| FinishReason::NoChange);
            assert_eq!(run.reason(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_comes_back_and_is_not_made_again() {
    let stage = Stage::new();
    let whole = recorded(&Stage::new()).await;
    let at = whole
        .events
        .iter()
        .position(|event| matches!(event.update, Update::Draft { .. }))
        .unwrap();
    let session = whole.events[0].session.clone();
    put(&stage, &session, &whole.events[..=at]);
    let agent = stage.agent("turns: [{text: done}]\n");
    let started = agent.resume(&session, None).unwrap();
    let again = finish(&agent, &started).await;
    let phases = again.phases();
    assert!(
        !phases.contains("plan"),
        "it was past its planning: {phases}"
    );
    let plan = again.events.iter().find_map(|event| match &event.update {
        Update::Plan { plan } => Some(plan.entries[0].status),
        _ => None,
    });
    assert_eq!(plan, Some(StepStatus::InProgress));
}

/// The answers of a recorded task as a script.
fn script_of(events: &[Event]) -> String {
    let (mut turns, mut text, mut calls) = (Vec::new(), String::new(), Vec::new());
    for event in events {
        match &event.update {
            Update::Message { text: piece } => text.push_str(piece),
            Update::ToolCall { call } => {
                calls.push(json!({ "name": call.name, "arguments": call.input }));
            }
            Update::Turn { text: said, .. } => {
                let said = said.clone().unwrap_or_else(|| std::mem::take(&mut text));
                text.clear();
                turns.push(json!({ "text": said, "calls": std::mem::take(&mut calls) }));
            }
            _ => {}
        }
    }
    json!({ "turns": turns }).to_string()
}

/// What happened, without what differs from run to run: ids, times, and places.
fn told(events: &[Event]) -> Vec<Value> {
    fn strip(value: &mut Value) {
        const OWN: [&str; 12] = [
            "id",
            "task",
            "session",
            "call",
            "created",
            "durationMs",
            "duration",
            "root",
            "parent",
            "firstPieceMs",
            "summary",
            "usage",
        ];
        match value {
            Value::Object(fields) => {
                fields.retain(|name, value| !OWN.contains(&name.as_str()) || value.is_object());
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut said: Vec<Value> = Vec::new();
    for event in events {
        let mut value = serde_json::to_value(&event.update).unwrap();
        strip(&mut value);
        // Pieces of one message may be cut elsewhere.
        match (said.last_mut(), &event.update) {
            (Some(last), Update::Message { text }) if last["type"] == "message" => {
                let joined = last["text"].as_str().unwrap_or_default().to_owned() + text;
                last["text"] = json!(joined);
            }
            (_, Update::ModelCall { .. } | Update::Usage { .. }) => {}
            _ => said.push(value),
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_run_happens_again_without_its_model() {
    let first = recorded(&Stage::new()).await;
    let stage = Stage::new();
    let second = run(&stage.agent(&script_of(&first.events)), "say goodbye").await;
    assert_eq!(told(&second.events), told(&first.events));
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_has_the_past_up_to_a_place_and_money_of_its_own() {
    let stage = Stage::new();
    let script = "turns:\n  - {text: The answer is 42., usage: {input: 1000, output: 100}}\n  - {text: yes, usage: {input: 10, output: 1}}\n";
    let agent = stage.agent_with(script, |config| config.enable_plan = false);
    let first = run(&agent, "first question").await;
    let session = first.events[0].session.clone();
    let mut request = ask("second question");
    request.session = Some(session.clone());
    let started = agent.start(request).unwrap();
    let second = finish(&agent, &started).await;
    let task = first.events[0].task.to_string();
    let fork = agent.fork_session(&session, Some(&task)).unwrap();
    let detail = agent.session(&fork).unwrap();
    assert_eq!(
        (
            detail.session.tasks,
            detail.session.damaged,
            detail.spent_micro_usd,
            detail.unpriced_calls
        ),
        (1, 0, 0, 0)
    );
    assert_eq!(detail.session.finished, Some(first.reason()));
    assert_eq!(agent.session(&session).unwrap().session.tasks, 2);
    let all = agent
        .session(&agent.fork_session(&session, None).unwrap())
        .unwrap();
    assert_eq!(all.session.tasks, 2);
    // Up to an event of the last task: that task is open again.
    let open = agent.fork_session(&session, Some("2")).unwrap();
    assert_eq!(agent.session(&open).unwrap().session.finished, None);
    assert!(second.events.len() > 3);
    for wrong in ["99999", "nope"] {
        let failure = agent.fork_session(&session, Some(wrong)).unwrap_err();
        assert_eq!(failure.code, protocol::Code::NotFound, "{failure}");
    }
    let later = stage.agent_with(
        "turns:\n  - {text: 42 as I said, expect: [third]}\n",
        |config| {
            config.enable_plan = false;
        },
    );
    let started = later.resume(&fork, Some("third question".into())).unwrap();
    let third = finish(&later, &started).await;
    assert_eq!(
        third.reason(),
        FinishReason::NoChange,
        "{}",
        third.summary()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_large_histories_go_and_open_work_stays() {
    let stage = Stage::new();
    let whole = recorded(&Stage::new()).await;
    let at = whole
        .events
        .iter()
        .position(|event| matches!(event.update, Update::Draft { .. }))
        .unwrap();
    let aged = |name: &str, events: &[Event], days: u64| {
        let id = SessionId::from(name);
        put(&stage, &id, events);
        let path = stage.state.join(format!("sessions/{name}.ndjson"));
        let file = std::fs::File::options().append(true).open(path).unwrap();
        let age = std::time::Duration::from_secs(days * 24 * 3600);
        file.set_modified(std::time::SystemTime::now() - age)
            .unwrap();
    };
    aged("old", &whole.events, 40);
    aged("open", &whole.events[..=at], 50);
    aged("young", &whole.events, 1);
    let agent = stage.agent_with("turns: [{text: hi}]\n", |config| {
        config.history.days = 30;
        config.enable_plan = false;
    });
    let ids = || {
        let mut ids: Vec<String> = agent
            .session_ids()
            .iter()
            .map(ToString::to_string)
            .collect();
        ids.retain(|id| id.len() < 10);
        ids
    };
    run(&agent, "hello").await;
    let begun = std::time::Instant::now();
    while ids().len() > 2 && begun.elapsed().as_secs() < 60 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(ids(), ["young", "open"]);
    let gone = agent.delete_sessions(std::time::Duration::from_secs(3600));
    assert_eq!(gone, [SessionId::from("young")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_line_is_said_and_the_rest_goes_on() {
    let stage = Stage::new();
    let agent = stage.agent("turns: [{text: one}, {text: two}, {text: three}, {text: four}]\n");
    let first = run(&agent, "question").await;
    let session = first.events[0].session.clone();
    let path = stage.state.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"message\"", "\"massage\"", 1)).unwrap();
    assert_eq!(agent.sessions()[0].damaged, 1);
    let started = agent.resume(&session, Some("go on".into())).unwrap();
    let second = finish(&agent, &started).await;
    let said = second.events.iter().any(|event| {
        matches!(&event.update, Update::Notice { message, .. } if message.contains("damaged"))
    });
    assert!(said, "a notice says it");
    assert_eq!(
        second.reason(),
        FinishReason::NoChange,
        "{}",
        second.summary()
    );
}
