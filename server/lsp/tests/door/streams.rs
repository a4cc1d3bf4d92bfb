//! R1: a slow reader never slows the agent and never loses a fact.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Session, Stage, shim};

/// A script whose answer is so many words.
fn long(words: usize, word: &str) -> String {
    format!(
        "turns:\n  - text: \"{}\"\n",
        format!("{word} ").repeat(words)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_reports_twice_a_second_at_most() {
    let turn = |line: u32| {
        format!(
            "  - delay_ms: 100\n    text: hm\n    calls: [{{name: read_file, arguments: {{path: greet.txt, start: {line}}}}}]\n"
        )
    };
    let stage = Stage::new();
    let script = format!(
        "turns:\n{}  - text: done\n",
        (1..=12).map(|line| turn(line % 4 + 1)).collect::<String>()
    );
    let session = stage.connect(shim(), &script).await;
    let task = session.start("read").await;
    let finished = session.editor.finished(&task).await;
    let most = finished["durationMs"].as_u64().unwrap() / 500 + 1;
    let of_kind = |kind: &str| {
        let steps = session.editor.seen("$/progress");
        steps
            .into_iter()
            .filter(|step| step["value"]["kind"] == kind)
            .count()
    };
    session
        .editor
        .until("the end of the progress", |_| {
            (of_kind("end") == 1).then_some(())
        })
        .await;
    let steps = session
        .story(&task)
        .iter()
        .filter(|update| update["type"] == "toolCall")
        .count();
    let reports = of_kind("report");
    assert!(
        steps == 12 && (1..=most).contains(&(reports as u64)),
        "{reports} reports of {steps} steps"
    );
}

/// Waits, by asking, until the agent has finished the task.
async fn agent_is_done(session: &Session, task: &str) {
    let mut tries = 0;
    loop {
        let view = session
            .editor
            .request("animus/task/get", json!({ "task": task }))
            .await
            .unwrap();
        if view["finished"].is_string() {
            return;
        }
        tries += 1;
        assert!(tries < 3000, "{view}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_without_acks_few_frames_carry_every_event() {
    let stage = Stage::new();
    // A word each millisecond: the agent tells what came within a frame of a screen as one event.
    let script = long(3000, "word").replace("  - text", "  - delay_ms: 3000\n    text");
    let session = stage.connect(shim(), &script).await;
    let begun = Instant::now();
    let task = session.start("talk").await;
    session.editor.finished(&task).await;
    let events = session.story(&task).len();
    let frames = session.editor.seen("$/animus/event").len() as u128;
    // 15 a second, and a few for facts that do not wait.
    let most = begun.elapsed().as_millis() * 15 / 1000 + 5;
    assert!(
        events > 50 && frames <= most,
        "{frames} frames for {events} events, at most {most}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_the_window_stops_at_256_kib_and_opens_with_acks() {
    let stage = Stage::new();
    let mut params = shim();
    params["capabilities"]["experimental"]["animus"]["acks"] = json!(true);
    let session = stage.connect(params, &long(4000, &"x".repeat(100))).await;
    let task = session.start("talk").await;
    agent_is_done(&session, &task).await;
    let sent = |editor: &testkit::lsp::Editor| -> usize {
        let frames = editor.seen("$/animus/event");
        let sizes = frames.iter().map(|frame| frame["events"].to_string().len());
        sizes.sum()
    };
    session
        .editor
        .until("the window to fill", |editor| {
            (sent(editor) >= 200 << 10).then_some(())
        })
        .await;
    // Whatever comes beyond it would come now.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let sent = sent(&session.editor);
    assert!((200 << 10..300 << 10).contains(&sent), "{sent}");
    // Facts that are not events still come, and so do answers.
    session
        .editor
        .until("the task's end", |editor| {
            editor
                .seen("$/animus/task")
                .into_iter()
                .find(|view| view["finished"].is_string())
        })
        .await;
    session.editor.acks();
    let seen = session.editor.events(&task).last().unwrap()["seq"].clone();
    session
        .editor
        .notify("$/animus/ack", json!({ "task": task, "seq": seen }));
    session.editor.finished(&task).await;
    session.story(&task);
}

#[tokio::test(flavor = "multi_thread")]
async fn r1_a_client_that_reads_nothing_does_not_slow_the_agent() {
    let stage = Stage::new();
    let (input, output) = (tokio::io::duplex(1 << 20), tokio::io::duplex(4096));
    let server = stage.serve(
        testkit::lsp::Pipes {
            input: input.1,
            output: output.1,
        },
        &long(2000, "word"),
    );
    let mut ours = input.0;
    let root = format!("file://{}", stage.root);
    let mut initialize = shim();
    initialize["rootUri"] = json!(root);
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize }),
        json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "animus/task/start", "params": { "prompt": "talk" } }),
    ] {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        tokio::io::AsyncWriteExt::write_all(&mut ours, frame.as_bytes())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Nobody reads the output: the task ends all the same, as its history on disk tells.
    let ended = |folder: &camino::Utf8Path| {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => folders.push(entry.path().to_owned()),
                    _ if read(entry.path()).contains("\"type\":\"finished\"") => return true,
                    _ => {}
                }
            }
        }
        false
    };
    let wait = std::time::Instant::now();
    while !ended(&stage.state) {
        assert!(
            wait.elapsed() < Duration::from_secs(20),
            "the agent waits for its reader"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!server.is_finished());
    drop(output.0);
}

#[allow(clippy::disallowed_methods, reason = "the test looks at the history")]
fn read(path: &camino::Utf8Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
