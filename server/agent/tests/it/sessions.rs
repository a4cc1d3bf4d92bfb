//! Sessions: history tells everything, also after a crash.
#![allow(
    clippy::disallowed_methods,
    reason = "history is broken here on purpose"
)]

use crate::stage::until;
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
    // Nothing ran: the end of the first task is told, and what follows is a task of its own.
    let told = later.resume(&session, None).unwrap();
    assert_eq!(told.task, first.events[0].task);
    assert_eq!(finish(&later, &told).await.reason(), first.reason());
    assert_eq!(stage.read("count.txt"), "one\n1\nappended\n");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waited_for_a_word_is_asked_again_and_only_that() {
    let first = Stage::new();
    let call =
        |command: &str| format!("{{name: run_command, arguments: {{command: '{command}'}}}}");
    let script = format!(
        "turns:\n  - calls: [{{name: read_file, arguments: {{path: greet.txt}}}}]\n  - calls: [{}, {}]\n  - text: done\n",
        call("curl http://127.0.0.1:1/x"),
        call("wget http://127.0.0.1:1/y")
    );
    let agent = first.agent_with(&script, |config| config.enable_plan = false);
    let started = agent.start(ask("fetch it")).unwrap();
    let waits = |update: &Update| matches!(update, Update::Approval { .. });
    until(&agent, &started, waits).await;
    // As a kill leaves it.
    let name = format!("sessions/{}.ndjson", started.session);
    let history = std::fs::read(first.state.join(&name)).unwrap();
    agent.shutdown().await;

    let second = Stage::new();
    std::fs::create_dir_all(second.state.join("sessions")).unwrap();
    std::fs::write(second.state.join(&name), history).unwrap();
    let later = second.agent_with("turns: [{text: fine}, {text: fine}]\n", |config| {
        config.enable_plan = false;
    });
    let again = later.resume(&started.session, None).unwrap();
    assert_ne!(again.task, started.task);
    until(&later, &again, waits).await;
    let events = later.replay(&again.task, None).unwrap();
    let asked: Vec<String> = events
        .iter()
        .filter_map(|event| match &event.update {
            Update::Approval { approval } => Some(approval.details[0].clone()),
            _ => None,
        })
        .collect();
    assert_eq!(asked, ["curl http://127.0.0.1:1/x"]);
    let model = |event: &Update| matches!(event, Update::ModelCall { .. });
    assert!(
        !events.iter().any(|event| model(&event.update)),
        "no model yet"
    );
    later.cancel(Some(&again.task));
    let run = finish(&later, &again).await;
    assert_eq!(run.reason(), FinishReason::Cancelled, "{}", run.summary());
    let view = later.session(&started.session).unwrap().session;
    assert_eq!((view.tasks, view.damaged), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_words_of_a_prompt_nor_the_environment_bring_a_secret_into_the_history() {
    let stage = Stage::new();
    let (said, kept) = ("Tr0ub4dorAndThree9", "Zebra-crossing-again");
    stage.write(
        ".env",
        &format!("STAGE_SECRET='{kept}'\nMODE_KEY=production\n"),
    );
    stage.write(
        "conf.txt",
        &format!("db user admin\ndb password: {said}\nmode production\n"),
    );
    stage.write("notes.txt", &format!("the stage takes {kept} for now\n"));
    let script = "turns:\n  - text: plan\n  - calls: [{name: read_file, arguments: {path: notes.txt}}]\n  - text: done\n";
    let agent = stage.agent(script);
    let prompt = format!("say in conf.txt that the db password: {said} is old, in production");
    let run = run(&agent, &prompt).await;
    let name = format!("sessions/{}.ndjson", run.events[0].session);
    let history = std::fs::read_to_string(stage.state.join(name)).unwrap();
    assert!(history.contains("conf.txt:1-"), "it is found: {history}");
    assert!(history.contains("the stage takes"), "it is read");
    assert!(history.contains("production"), "an ordinary word");
    for secret in [said, kept, &said.to_lowercase()] {
        assert!(!history.contains(secret), "{secret} in {history}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_without_a_whole_event_is_shown_as_damaged_and_stays() {
    let stage = Stage::new();
    let agent = stage.agent("turns: [{text: fine}, {text: fine}]\n");
    let folder = stage.state.join("sessions");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        ("torn", "{\"v\":1,\"ta"),
        ("empty", ""),
        ("notes", "my own\n"),
    ] {
        std::fs::write(folder.join(format!("{name}.ndjson")), text).unwrap();
    }
    let listed: Vec<(String, u64)> = agent
        .sessions()
        .into_iter()
        .map(|view| (view.id.to_string(), view.damaged))
        .collect();
    // A file without a byte is a session that has not begun.
    let all = ["torn", "notes"].map(|name| (name.to_owned(), 1));
    assert_eq!(listed, all);
    for (name, _) in &all {
        let id = protocol::SessionId(name.clone());
        assert_eq!(agent.session(&id).unwrap().session.damaged, 1, "{name}");
    }
    assert!(agent.delete_sessions(std::time::Duration::ZERO).is_empty());
    // A request that cannot begin leaves no session.
    let mut never = ask("x");
    never.tools = vec![protocol::AskedCall {
        name: "no_such_tool".into(),
        args: serde_json::json!({}),
    }];
    assert!(agent.start(never).is_err());
    assert_eq!(agent.sessions().len(), 2);
    agent
        .delete_session(&protocol::SessionId("torn".into()))
        .unwrap();
    assert_eq!(agent.sessions().len(), 1);
}
