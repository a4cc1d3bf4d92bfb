//! Bad input: a clear error each, and the server lives on.

use serde_json::{Value, json};

use crate::stage::{Session, Stage, shim};

async fn lives(session: &Session) {
    session
        .editor
        .request("animus/status", json!({}))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_messages_are_answered() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    let cases: [(&[u8], i64); 6] = [
        (b"Content-Length: 9\r\n\r\n{\"jsonrpc", -32700),
        (b"Content-Length: 2\r\n\r\n[]", -32600),
        (b"Content-Length: 2\r\n\r\n\xff\xfe", -32700),
        (b"Content-Length: many\r\n\r\n", -32700),
        (b"GET / HTTP/1.1\r\n\r\n", -32700),
        (
            b"Content-Length: 40\r\n\r\n{\"jsonrpc\":\"1.0\",\"method\":\"x\",\"id\":null}",
            -32600,
        ),
    ];
    for (number, (bytes, code)) in cases.into_iter().enumerate() {
        session.editor.raw(bytes);
        lives(&session).await;
        let strays = session.editor.strays();
        assert_eq!(strays.len(), number + 1, "{strays:?}");
        assert_eq!(strays[number]["error"]["code"], code, "{strays:?}");
        assert_eq!(strays[number]["id"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_and_wrong_params_are_answered() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    let command = |id: &str, arguments: Value| json!({ "command": id, "arguments": arguments });
    let cases = [
        ("textDocument/hover", json!({}), -32602, Value::Null),
        ("workspace/nothing", json!({}), -32601, Value::Null),
        ("animus/nothing", json!({}), -32601, json!("not_found")),
        (
            "textDocument/codeAction",
            json!({ "x": 1 }),
            -32602,
            Value::Null,
        ),
        (
            "workspace/executeCommand",
            command("animus.nothing", json!([])),
            -32602,
            json!("not_found"),
        ),
        (
            "workspace/executeCommand",
            command("animus.status", json!([1])),
            -32602,
            json!("invalid_input"),
        ),
        (
            "workspace/executeCommand",
            command("animus.status", json!([{}, {}])),
            -32602,
            json!("invalid_input"),
        ),
        ("workspace/executeCommand", json!([]), -32602, Value::Null),
        ("animus/task/get", json!({}), -32602, json!("invalid_input")),
        (
            "animus/task/get",
            json!({ "task": "none" }),
            -32602,
            json!("not_found"),
        ),
        (
            "animus/task/get",
            json!([1]),
            -32602,
            json!("invalid_input"),
        ),
        (
            "animus/task/start",
            json!({ "uri": 5 }),
            -32602,
            json!("invalid_input"),
        ),
        (
            "animus/task/start",
            json!({ "range": {} }),
            -32602,
            json!("invalid_input"),
        ),
        (
            "animus/task/start",
            json!({ "uri": session.editor.uri("greet.txt"), "range": 1 }),
            -32602,
            json!("invalid_input"),
        ),
        (
            "animus/outline",
            json!({ "path": "../x" }),
            -32602,
            json!("path_refused"),
        ),
        (
            "animus/outline",
            json!({ "path": "none.rs" }),
            -32602,
            json!("not_found"),
        ),
        ("animus/patch/undo", json!({}), -32602, json!("not_found")),
        (
            "initialize",
            json!({ "capabilities": {} }),
            -32600,
            Value::Null,
        ),
    ];
    for (method, params, code, failure) in cases {
        let error = session
            .editor
            .request(method, params.clone())
            .await
            .expect_err(method);
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert_eq!(
            error["data"].get("code").cloned().unwrap_or_default(),
            failure,
            "{method} {params}: {error}"
        );
    }
    // Unknown notifications, and `$/` requests, are nobody's business.
    session.editor.notify("workspace/nothing", json!({}));
    session.editor.notify("$/nothing", json!({ "x": 1 }));
    session.editor.notify("$/animus/ack", json!({ "seq": "x" }));
    session
        .editor
        .notify("$/animus/ack", json!({ "task": "none", "seq": 1 }));
    session
        .editor
        .notify("window/workDoneProgress/cancel", json!({ "token": 7 }));
    lives(&session).await;
    assert!(session.editor.strays().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_before_initialize_are_refused() {
    let stage = Stage::new();
    let (editor, pipes) = testkit::lsp::Editor::new(stage.root.as_std_path());
    let server = stage.serve(pipes, "");
    let error = editor
        .request("animus/status", json!({}))
        .await
        .unwrap_err();
    assert_eq!(error["code"], -32002, "{error}");
    editor.open("greet.txt");
    editor.initialize(shim()).await;
    editor.request("animus/status", json!({})).await.unwrap();
    assert!(!server.is_finished());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_workspace_every_verb_says_so() {
    let stage = Stage::new();
    for root in [
        Value::Null,
        json!("file:///no/such/folder"),
        json!("untitled:x"),
    ] {
        let (editor, pipes) = testkit::lsp::Editor::new(stage.root.as_std_path());
        let _server = stage.serve(pipes, "");
        editor
            .request("initialize", json!({ "capabilities": {}, "rootUri": root }))
            .await
            .unwrap();
        editor.notify("initialized", json!({}));
        editor.open("greet.txt");
        let error = editor
            .request("animus/task/start", json!({ "prompt": "x" }))
            .await
            .unwrap_err();
        assert!(
            error["data"]["hint"].as_str().unwrap().contains("folder"),
            "{error}"
        );
        let params = json!({
            "textDocument": { "uri": editor.uri("greet.txt") },
            "range": { "start": { "line": 0, "character": 0 }, "end": { "line": 0, "character": 0 } },
            "context": { "diagnostics": [] },
        });
        assert_eq!(
            editor
                .request("textDocument/codeAction", params)
                .await
                .unwrap(),
            json!([])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_takes_a_parameter_that_it_does_not_know() {
    let stage = Stage::new();
    let session = stage.connect(shim(), "").await;
    for verb in agent::verbs::ALL {
        let answer = session
            .editor
            .request(&format!("animus/{verb}"), json!({ "nonesuch": 1 }))
            .await;
        let code = answer.as_ref().map_err(|error| &error["data"]["code"]);
        assert_eq!(code.unwrap_err(), "invalid_input", "{verb}");
    }
}
