//! Sessions: history tells everything, also after a crash.
#![allow(
    clippy::disallowed_methods,
    reason = "history is broken here on purpose"
)]

use crate::stage::{GOOD, Stage, ask, finish, patch_turn, run};
use agent::Conversation;
use protocol::{Event, FinishReason, Update};

#[tokio::test(flavor = "multi_thread")]
async fn a3_p2_history_is_the_events_line_by_line() {
    let stage = Stage::new();
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(GOOD)));
    let run = run(&agent, "say goodbye").await;
    let session = &run.events[0].session;
    let file =
        std::fs::read_to_string(stage.state.join(format!("sessions/{session}.ndjson"))).unwrap();
    let lines: Vec<Event> = file
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, run.events);
    let live = Conversation::fold(&run.events);
    assert_eq!(
        format!("{:?}", Conversation::fold(&lines).messages()),
        format!("{:?}", live.messages())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_history_resumes() {
    let stage = Stage::new();
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(GOOD)));
    let first = run(&agent, "say goodbye").await;
    let session = first.events[0].session.clone();
    stage.write("greet.txt", "hello\nworld\n");
    stage.write("count.txt", "one\n1\n");
    // The process died in the middle of the patch's result.
    let path = stage.state.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.find("\"type\":\"toolResult\"").unwrap();
    std::fs::write(&path, &text[..at]).unwrap();

    let script = format!("turns:\n{}  - text: done at last\n", patch_turn(GOOD));
    let later = stage.agent(&script);
    assert_eq!(later.sessions()[0].finished, None);
    let started = later.resume(&session, None).unwrap();
    let second = finish(&later, &started).await;
    assert_eq!(
        second.reason(),
        FinishReason::Verified,
        "{}",
        second.summary()
    );
    assert_eq!(stage.read("greet.txt"), "goodbye\nworld\n");
    let view = &later.sessions()[0];
    assert_eq!(
        (view.tasks, view.finished),
        (2, Some(FinishReason::Verified))
    );
    assert_eq!(view.title, "say goodbye");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Event>(line).is_ok()),
        "the torn line is gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_task_in_a_session_remembers_the_first() {
    let stage = Stage::new();
    let script = "turns:\n  - text: The answer is 42.\n  - text: No change.\n  - text: again\n    expect: [second]\n  - text: no\n";
    let agent = stage.agent(script);
    let first = run(&agent, "first question").await;
    let mut request = ask("second question");
    request.session = Some(first.events[0].session.clone());
    let started = agent.start(request).unwrap();
    let second = finish(&agent, &started).await;
    assert_eq!(
        second.reason(),
        FinishReason::NoChange,
        "{}",
        second.summary()
    );
    let prompts = second
        .events
        .iter()
        .filter(|event| matches!(event.update, Update::Prompt { .. }))
        .count();
    assert!(prompts >= 1);
    let unknown = agent.start(protocol::TaskRequest {
        session: Some("nope".into()),
        ..ask("x")
    });
    assert_eq!(unknown.unwrap_err().code, protocol::Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_the_landing_lands_nothing_twice() {
    let stage = Stage::new();
    stage.write("check.sh", "true\n");
    let patch = "*** Begin Patch\n*** Update File: count.txt\n@@\n 1\n+appended\n*** End Patch";
    let agent = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(patch)));
    let first = run(&agent, "append").await;
    let session = first.events[0].session.clone();
    let path = stage.state.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    let at = text.trim_end().rfind('\n').unwrap();
    std::fs::write(&path, &text[..=at]).unwrap();

    let later = stage.agent(&format!("turns:\n{}  - text: done\n", patch_turn(patch)));
    let failure = later.resume(&session, None).unwrap_err();
    assert_eq!(failure.code, protocol::Code::InvalidInput, "{failure}");
    let resumed = stage.agent("turns: [{text: all is well}, {text: nothing to do}]\n");
    let started = resumed
        .resume(&session, Some("is it there?".into()))
        .unwrap();
    let second = finish(&resumed, &started).await;
    assert_eq!(
        second.reason(),
        FinishReason::NoChange,
        "{}",
        second.summary()
    );
    assert_eq!(stage.read("count.txt"), "one\n1\nappended\n");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("its patch is in your files"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_one_task_at_a_time_in_all_processes() {
    let stage = Stage::new();
    let agent = stage.agent("turns:\n  - text: slow\n    delay_ms: 60000\n");
    let started = agent.start(ask("do it")).unwrap();
    let other = stage.agent("turns: [{text: me too}]\n");
    let failure = other
        .resume(&started.session, Some("and I".into()))
        .unwrap_err();
    assert!(failure.message.contains("running task"), "{failure}");
    agent.shutdown().await;
    finish(&agent, &started).await;
    assert!(other.resume(&started.session, Some("now".into())).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_nobody_can_read_hides_no_other() {
    let stage = Stage::new();
    let agent = stage.agent("turns: [{text: one}, {text: two}]\n");
    let first = run(&agent, "question").await;
    let session = first.events[0].session.clone();
    let path = stage.state.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{{\"v\":99,\"update\":{{\"type\":\"newer\"}}}}\n{text}"),
    )
    .unwrap();
    assert_eq!(agent.sessions()[0].finished, Some(FinishReason::NoChange));
}
