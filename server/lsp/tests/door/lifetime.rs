//! The server ends with its client: on `exit`, on a closed input, on a dead client; and its children with it.
#![allow(
    clippy::disallowed_methods,
    reason = "a process plays the client that dies"
)]

use std::time::{Duration, Instant};

use lsp::Exit;
use serde_json::json;
use testkit::lsp::Editor;
use tokio::task::JoinHandle;

use crate::stage::{Stage, good_script, shim};

async fn ends(server: JoinHandle<Exit>) -> Exit {
    tokio::time::timeout(Duration::from_secs(5), server)
        .await
        .expect("the server ends")
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_and_exit_end_it_while_the_input_stays_open() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    session
        .editor
        .request("shutdown", json!(null))
        .await
        .unwrap();
    session.editor.notify("exit", json!(null));
    assert_eq!(ends(session.server).await, Exit::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_alone_ends_it_with_an_error() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    session.editor.notify("exit", json!(null));
    assert_eq!(ends(session.server).await, Exit::Abrupt);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_input_ends_it() {
    let stage = Stage::new();
    let mut session = stage.connect(shim(), "").await;
    session.editor.close();
    assert_eq!(ends(session.server).await, Exit::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_closes_at_once_ends_it() {
    let stage = Stage::new();
    let (mut editor, pipes) = Editor::new(stage.root.as_std_path());
    let server = stage.serve(pipes, "");
    editor.close();
    assert_eq!(ends(server).await, Exit::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_any_more_does_not_keep_it() {
    let stage = Stage::new();
    let (input, mut output) = (tokio::io::duplex(1 << 20), tokio::io::duplex(64));
    let pipes = testkit::lsp::Pipes {
        input: input.1,
        output: output.1,
    };
    let server = stage.serve(pipes, "");
    let mut ours = input.0;
    for message in [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": {} } }),
        json!({ "jsonrpc": "2.0", "method": "exit" }),
    ] {
        let body = message.to_string();
        let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        tokio::io::AsyncWriteExt::write_all(&mut ours, frame.as_bytes())
            .await
            .unwrap();
    }
    assert_eq!(ends(server).await, Exit::Abrupt);
    tokio::io::AsyncWriteExt::shutdown(&mut output.0)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_client_ends_it() {
    let stage = Stage::new();
    let mut client = std::process::Command::new("sleep")
        .arg("600")
        .spawn()
        .unwrap();
    let mut params = shim();
    params["processId"] = json!(client.id());
    let session = stage.connect(params, "").await;
    tokio::time::sleep(Duration::from_millis(2200)).await;
    assert!(!session.server.is_finished(), "its client lives");
    client.kill().unwrap();
    client.wait().unwrap();
    assert_eq!(ends(session.server).await, Exit::Orphaned);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_takes_running_tasks_and_their_children_along() {
    let stage = Stage::new();
    // The sandbox may hide our processes from us and theirs from it: a file that grows shows life from outside.
    stage.write(
        "check.sh",
        "while true; do echo alive >> pulse.txt; sleep 0.05; done\n",
    );
    let session = stage.connect(shim(), &good_script(0)).await;
    let task = session.start("say goodbye").await;
    session
        .editor
        .until("the test run", |editor| {
            editor
                .events(&task)
                .into_iter()
                .find(|event| event["update"]["type"] == "test")
        })
        .await;
    let pulse = || {
        let mut length = 0;
        let mut folders = vec![stage.state.clone()];
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir_utf8().into_iter().flatten().flatten() {
                match entry.file_type().unwrap() {
                    kind if kind.is_dir() => folders.push(entry.path().to_owned()),
                    _ if entry.file_name() == "pulse.txt" => {
                        length = entry.metadata().unwrap().len()
                    }
                    _ => {}
                }
            }
        }
        length
    };
    let wait = Instant::now();
    while pulse() == 0 {
        assert!(
            wait.elapsed() < Duration::from_secs(20),
            "the tests never ran"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    session.editor.notify("exit", json!(null));
    assert_eq!(ends(session.server).await, Exit::Abrupt);
    let last = pulse();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(pulse(), last, "a child lives on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_running_tasks() {
    let stage = Stage::new();
    let session = stage
        .connect(shim(), "turns:\n  - text: slow\n    delay_ms: 60000\n")
        .await;
    let task = session.start("take your time").await;
    session
        .editor
        .request("shutdown", json!(null))
        .await
        .unwrap();
    let finished = session.editor.finished(&task).await;
    assert_eq!(finished["reason"], "cancelled", "{finished}");
}
