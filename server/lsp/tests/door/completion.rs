//! Inline completion: offered where it is wanted, answered from the live text, given up at the next key down to the connection, and
//! never in anybody's way.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agent::CompletionConfig;
use serde_json::{Value, json};
use testkit::http::{Answer, Server, Step};
use testkit::lsp::Editor;

use crate::stage::{Session, Stage, stock};

const METHOD: &str = "textDocument/inlineCompletion";

/// A client that takes a registration of inline completion.
fn client() -> Value {
    let mut params = stock();
    params["capabilities"]["textDocument"]["inlineCompletion"] =
        json!({ "dynamicRegistration": true });
    params
}

fn enabled() -> CompletionConfig {
    CompletionConfig {
        enabled: true,
        debounce_ms: 0,
        timeout_ms: 60_000,
        related_bytes: 0,
        ..CompletionConfig::default()
    }
}

/// A model of this server for completion, with these caps.
fn models(url: &str, budget: Value) -> Arc<llm::Models> {
    let config = json!({
        "providers": { "p": { "type": "openai_compatible", "base_url": url } },
        "models": { "m": {
            "provider": "p", "model": "x",
            "price": { "input_per_mtok_usd": 1, "output_per_mtok_usd": 1 },
        } },
        "strategy": { "completer_model": "m" },
        "budget": budget,
    });
    Arc::new(llm::Models::new(&serde_json::from_value(config).unwrap()).unwrap())
}

async fn connect(stage: &Stage, server: &Server, config: CompletionConfig) -> Session {
    connect_with(stage, models(&server.url(), json!({})), config).await
}

async fn connect_with(
    stage: &Stage,
    models: Arc<llm::Models>,
    config: CompletionConfig,
) -> Session {
    let (editor, pipes) = Editor::new(stage.root.as_std_path());
    let server = stage.serve_with(pipes, Ok(models), config);
    let agreed = editor.initialize(client()).await;
    editor
        .until("the offer", |editor| offers(editor).pop())
        .await;
    Session {
        editor,
        server,
        agreed,
    }
}

/// The registrations of inline completion.
fn offers(editor: &Editor) -> Vec<Value> {
    let seen = editor.seen("client/registerCapability").into_iter();
    let all = seen.flat_map(|params| params["registrations"].as_array().cloned().unwrap());
    all.filter(|one| one["method"] == METHOD).collect()
}

fn params(editor: &Editor, path: &str, line: u64, character: u64) -> Value {
    json!({
        "textDocument": { "uri": editor.uri(path) },
        "position": { "line": line, "character": character },
        "context": { "triggerKind": 2 },
    })
}

fn said(text: &str) -> Answer {
    let event = json!({ "choices": [{ "text": text, "finish_reason": "stop" }] });
    Answer::sse(format!("data: {event}\n\ndata: [DONE]\n\n"))
}

fn hang() -> Answer {
    Answer::default().then(Step::Hang)
}

fn texts(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap().iter();
    items
        .map(|item| item["insertText"].as_str().unwrap())
        .collect()
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(30), "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_as_it_is_typed_is_completed() {
    let stage = Stage::new();
    stage.write("sum.py", "def sum(a, b):\n    return \n");
    let server = Server::start(vec![said("a + b\nprint(1)")]);
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    assert_eq!(
        offers(editor)[0]["registerOptions"],
        json!({ "documentSelector": [{ "scheme": "file" }] })
    );
    editor.open("sum.py");
    editor.insert("sum.py", 0, 0, "# é😀 unsaved\n");
    let answer = editor
        .request(METHOD, params(editor, "sum.py", 2, 11))
        .await
        .unwrap();
    // What is indented less is not of this block.
    assert_eq!(texts(&answer), ["a + b"]);
    let at = json!({ "line": 2, "character": 11 });
    assert_eq!(
        answer["items"][0]["range"],
        json!({ "start": at, "end": at })
    );
    let asked = server.requests()[0].json();
    assert_eq!(
        asked["prompt"],
        "# é😀 unsaved\ndef sum(a, b):\n    return "
    );
    assert_eq!(asked["suffix"], "\n");
    // Who types through it is answered from memory.
    editor.insert("sum.py", 2, 11, "a +");
    let answer = editor
        .request(METHOD, params(editor, "sum.py", 2, 14))
        .await
        .unwrap();
    assert_eq!(texts(&answer), [" b"]);
    assert_eq!(server.requests().len(), 1);
    let status = editor.request("animus/status", json!({})).await.unwrap();
    let figures = &status["completion"];
    assert_eq!(figures["model"], "p/x");
    assert_eq!(
        [
            &figures["asked"],
            &figures["suggested"],
            &figures["remembered"]
        ],
        [1, 1, 1]
    );
    assert!(figures["spentMicroUsd"].as_u64().unwrap() > 0, "{figures}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_a_cancel_and_a_newer_request_hang_up() {
    let stage = Stage::with_list();
    let server = Server::with(|_, _| hang());
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    editor.open("list.txt");
    // Hands back what waits for the answer, once the model was asked.
    let ask = |asked: usize| {
        let end = editor.text("list.txt").find('\n').unwrap() as u64;
        let waiting = editor.ask(METHOD, params(editor, "list.txt", 0, end));
        let server = &server;
        async move {
            until("the model is asked", || server.requests().len() == asked).await;
            (waiting,)
        }
    };
    // A key.
    let (waiting,) = ask(1).await;
    editor.insert("list.txt", 0, 3, "x");
    assert_eq!(waiting.await.unwrap().unwrap(), json!({ "items": [] }));
    until("the first is hung up", || server.left_at().len() == 1).await;
    // A cancel.
    let (waiting,) = ask(2).await;
    editor.cancel_newest();
    assert_eq!(waiting.await.unwrap().unwrap_err()["code"], -32800);
    until("the second is hung up", || server.left_at().len() == 2).await;
    // A newer request.
    let (older,) = ask(3).await;
    let (newer,) = ask(4).await;
    assert_eq!(older.await.unwrap().unwrap(), json!({ "items": [] }));
    until("the third is hung up", || server.left_at().len() == 3).await;
    // A document that is closed.
    editor.close_document("list.txt");
    assert_eq!(newer.await.unwrap().unwrap(), json!({ "items": [] }));
    until("the fourth is hung up", || server.left_at().len() == 4).await;
}

/// L1: what waits for a model is in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn l1_a_hundred_that_wait_keep_no_other_waiting() {
    let stage = Stage::with_list();
    let files: Vec<String> = (0..100).map(|number| format!("{number}.txt")).collect();
    for file in &files {
        stage.write(file, "one\n");
    }
    let server = Server::with(|_, _| hang());
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    editor.open("list.txt");
    files.iter().for_each(|file| editor.open(file));
    // A hundred of one document, and one of a hundred documents each.
    let same: Vec<_> = (0..100)
        .map(|_| editor.ask(METHOD, params(editor, "list.txt", 0, 3)))
        .collect();
    let others: Vec<_> = files
        .iter()
        .map(|file| editor.ask(METHOD, params(editor, file, 0, 3)))
        .collect();
    let status = editor.request("animus/status", json!({})).await.unwrap();
    assert_eq!(status["version"], "test");
    session.actions("list.txt", (0, 0), (1, 0)).await;
    // The newest still waits, and is heard when it is cancelled.
    let newest = editor.ask(METHOD, params(editor, "list.txt", 1, 3));
    until("the model is asked", || !server.requests().is_empty()).await;
    editor.cancel_newest();
    assert_eq!(newest.await.unwrap().unwrap_err()["code"], -32800);
    // All but those that still wait were answered with nothing.
    let mut waiting = 0;
    for one in same.into_iter().chain(others) {
        match tokio::time::timeout(Duration::from_millis(50), one).await {
            Ok(answer) => assert_eq!(answer.unwrap().unwrap(), json!({ "items": [] })),
            Err(_) => waiting += 1,
        }
    }
    assert_eq!(waiting, 7, "eight in all, of which the last was cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_where_nothing_may_go_out() {
    let stage = Stage::new();
    stage.write(".env", "TOKEN=\n");
    stage.write("empty.py", "\n\n");
    stage.write("word.py", "abc\n");
    stage.write("notes.md", "Dear \n");
    stage.write(
        "key.py",
        "key = \"sk-ant-api03-Zk3v9QwXyT7uLm2NpR5sVbCdEfGhJkMnPqRsTuVw\"\nx = \n",
    );
    let server = Server::start(vec![said("1")]);
    let config = CompletionConfig {
        except_languages: vec!["markdown".to_owned(), "plaintext".to_owned()],
        ..enabled()
    };
    let session = connect(&stage, &server, config).await;
    let editor = &session.editor;
    let open = |path: &str, language: &str| {
        let document = json!({
            "uri": editor.uri(path), "languageId": language, "version": 1, "text": stage.read(path),
        });
        editor.notify("textDocument/didOpen", json!({ "textDocument": document }));
    };
    for (path, language, line, character) in [
        (".env", "dotenv", 0, 6),
        ("empty.py", "python", 1, 0),
        ("word.py", "python", 0, 1),
        ("notes.md", "markdown", 0, 5),
    ] {
        open(path, language);
        let asked = params(editor, path, line, character);
        let answer = editor.request(METHOD, asked).await.unwrap();
        assert_eq!(answer, json!({ "items": [] }), "{path}");
    }
    // What is not open is nothing of ours.
    let asked = params(editor, "greet.txt", 0, 1);
    assert_eq!(editor.request(METHOD, asked).await.unwrap(), Value::Null);
    assert!(server.requests().is_empty());
    open("key.py", "python");
    let asked = params(editor, "key.py", 1, 4);
    assert_eq!(texts(&editor.request(METHOD, asked).await.unwrap()), ["1"]);
    let prompt = server.requests()[0].json()["prompt"].to_string();
    assert!(!prompt.contains("Zk3v9Qw"), "{prompt}");
    // Params that are none.
    let error = editor.request(METHOD, json!({})).await.unwrap_err();
    assert_eq!(error["code"], -32602);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_of_typing_is_waited_for_unless_a_person_asks() {
    let stage = Stage::with_list();
    let server = Server::start(vec![said("x")]);
    let config = CompletionConfig {
        debounce_ms: 600_000,
        ..enabled()
    };
    let session = connect(&stage, &server, config).await;
    let editor = &session.editor;
    editor.open("list.txt");
    let automatic = editor.ask(METHOD, params(editor, "list.txt", 0, 3));
    let mut asked = params(editor, "list.txt", 1, 3);
    asked["context"]["triggerKind"] = json!(1);
    let answer = editor.request(METHOD, asked).await.unwrap();
    assert_eq!(texts(&answer), ["x"]);
    assert_eq!(automatic.await.unwrap().unwrap(), json!({ "items": [] }));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_used_up_ends_it_with_one_word() {
    let stage = Stage::with_list();
    let server = Server::start(vec![said("x")]);
    let models = models(
        &server.url(),
        json!({ "role_usd": { "completer": 0.00001 } }),
    );
    let session = connect_with(&stage, models, enabled()).await;
    let editor = &session.editor;
    editor.open("list.txt");
    for _ in 0..3 {
        let asked = params(editor, "list.txt", 0, 3);
        let answer = editor.request(METHOD, asked).await.unwrap();
        assert_eq!(answer, json!({ "items": [] }));
    }
    assert!(server.requests().is_empty());
    let told = |editor: &Editor| {
        let words = editor.seen("window/showMessage").into_iter();
        let words = words.filter(|it| it["message"].as_str().unwrap().contains("completion stops"));
        let count = words.count();
        (count > 0).then_some(count)
    };
    assert_eq!(editor.until("the word", told).await, 1);
    // What was not sent is not counted as asked, and what is not spent is not told to be used up.
    let status = editor.request("animus/status", json!({})).await.unwrap();
    assert_eq!(status["completion"]["asked"], 0);
    let words = editor.seen("window/showMessage").into_iter();
    let words: Vec<String> = words.map(|it| it["message"].to_string()).collect();
    assert!(
        words.iter().any(|it| it.contains("does not fit into")),
        "{words:?}"
    );
    assert!(!words.iter().any(|it| it.contains("used up")), "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_rests_and_a_late_answer_is_none() {
    let stage = Stage::with_list();
    let server = Server::start(vec![Answer::http(
        429,
        &[("retry-after", "600")],
        "slow down",
    )]);
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    editor.open("list.txt");
    for _ in 0..3 {
        let asked = params(editor, "list.txt", 0, 3);
        let answer = editor.request(METHOD, asked).await.unwrap();
        assert_eq!(answer, json!({ "items": [] }));
    }
    assert_eq!(server.requests().len(), 1);
    // A rest that is long is told.
    editor.until("the word of a rest", resting).await;
    drop(session);

    let stage = Stage::with_list();
    let server = Server::with(|_, _| hang());
    let config = CompletionConfig {
        timeout_ms: 50,
        ..enabled()
    };
    let session = connect(&stage, &server, config).await;
    let editor = &session.editor;
    editor.open("list.txt");
    let asked = params(editor, "list.txt", 0, 3);
    let answer = editor.request(METHOD, asked).await.unwrap();
    assert_eq!(answer, json!({ "items": [] }));
    until("it is hung up", || {
        server.left_at().len() == server.requests().len()
    })
    .await;
    // It rests now: who asks at once sends nothing. In the end it is told.
    let asked = server.requests().len();
    editor
        .request(METHOD, params(editor, "list.txt", 0, 3))
        .await
        .unwrap();
    assert_eq!(server.requests().len(), asked);
    let status = editor.request("animus/status", json!({})).await.unwrap();
    assert_eq!(status["completion"]["failed"], 1);
    assert_eq!(status["completion"]["givenUp"], 0);
    let began = Instant::now();
    while resting(editor).is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "never told");
        editor
            .request(METHOD, params(editor, "list.txt", 0, 3))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(server.requests().len() < 8, "it rests between");
}

/// The word of a server that is tried less often.
fn resting(editor: &Editor) -> Option<Value> {
    let mut words = editor.seen("window/showMessage").into_iter();
    words.find(|it| it["message"].as_str().unwrap().contains("tried less often"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_keeps_no_connection_open() {
    let stage = Stage::with_list();
    let server = Server::with(|_, _| hang());
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    editor.open("list.txt");
    let waiting = editor.ask(METHOD, params(editor, "list.txt", 0, 3));
    until("the model is asked", || server.requests().len() == 1).await;
    editor.request("shutdown", Value::Null).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), json!({ "items": [] }));
    until("it is hung up", || server.left_at().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_unless_it_is_wanted_and_a_model_is_named() {
    for (config, model, word) in [
        (CompletionConfig::default(), "m", None),
        (enabled(), "", Some("no model completes")),
    ] {
        let stage = Stage::with_list();
        let server = Server::start(vec![said("x")]);
        let mut setup = json!({
            "providers": { "p": { "type": "openai_compatible", "base_url": server.url() } },
            "models": { "m": { "provider": "p", "model": "x" } },
        });
        if !model.is_empty() {
            setup["strategy"] = json!({ "completer_model": model });
        }
        let models = llm::Models::new(&serde_json::from_value(setup).unwrap()).unwrap();
        let (editor, pipes) = Editor::new(stage.root.as_std_path());
        let _serving = stage.serve_with(pipes, Ok(Arc::new(models)), config);
        editor.initialize(client()).await;
        editor.open("list.txt");
        // The agent is there.
        editor.request("animus/status", json!({})).await.unwrap();
        let asked = params(&editor, "list.txt", 0, 3);
        let answer = editor.request(METHOD, asked).await.unwrap();
        assert!(answer.is_null(), "{answer}");
        if let Some(word) = word {
            let told = |editor: &Editor| {
                let mut words = editor.seen("window/showMessage").into_iter();
                words.find(|it| it["message"].as_str().unwrap().contains(word))
            };
            editor.until(word, told).await;
        }
        assert!(offers(&editor).is_empty());
        assert!(server.requests().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_registrations_is_offered_it_at_once() {
    for (config, expected) in [
        (enabled(), vec!["!"]),
        (CompletionConfig::default(), vec![]),
    ] {
        let stage = Stage::with_list();
        let server = Server::with(|_, _| said("!"));
        let (editor, pipes) = Editor::new(stage.root.as_std_path());
        let _server = stage.serve_with(pipes, Ok(models(&server.url(), json!({}))), config);
        let mut params = client();
        params["capabilities"]["textDocument"]["inlineCompletion"] = json!({});
        let agreed = editor.initialize(params).await;
        assert_eq!(agreed["capabilities"]["inlineCompletionProvider"], true);
        editor.open("list.txt");
        let status = editor.request("animus/status", json!({})).await;
        assert!(status.is_ok(), "{status:?}");
        let answer = editor.request(METHOD, self::params(&editor, "list.txt", 0, 3));
        let answer = answer.await.unwrap();
        match answer.is_null() {
            true => assert!(expected.is_empty()),
            false => assert_eq!(texts(&answer), expected),
        }
        assert!(offers(&editor).is_empty());
    }
}

/// A key is masked before the text around the cursor is cut, so that no half of it goes out; inside one nobody is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_cursor_or_the_bounds_cut_does_not_go_out() {
    let stage = Stage::new();
    let token = "ghp_a8Kd02mXq71LzPw93RtYb5NcVe64HsJgFu0T";
    let (value, phrase) = ("Zq8vN2mK4pL7xR1tY6wB3cD5", "k9Xv2-mQ7pL4w8");
    stage.write(".env", &format!("MYVAL={value}\n"));
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCAbCd01\n".repeat(30);
    let texts = [
        format!("t = '{token}'\ny = \nt = '{token}'\n"),
        format!("t = '{value}'\ny = \nt = '{value}'\n"),
        format!("t = 'db://app:{phrase}@h/x'\ny = \nt = 'db://app:{phrase}@h/x'\n"),
        format!("t = '''-----BEGIN PRIVATE KEY-----\n{body}-----END PRIVATE KEY-----'''\ny = \n"),
    ];
    let keys = [token, value, phrase, body.as_str()];
    let server = Server::with(|_, _| said("1"));
    for bytes in [12, 20, 30, 4096] {
        let config = CompletionConfig {
            prefix_bytes: bytes,
            suffix_bytes: bytes,
            ..enabled()
        };
        let session = connect(&stage, &server, config).await;
        let editor = &session.editor;
        for (number, (text, key)) in texts.iter().zip(keys).enumerate() {
            let path = format!("{bytes}-{number}.py");
            stage.write(&path, text);
            editor.open(&path);
            let asked = server.requests().len();
            // Where the cursor is in it: at every place of the first line of it.
            let line = u64::from(key == body);
            let begins = text
                .lines()
                .nth(line as usize)
                .unwrap()
                .find(&key[..8])
                .unwrap();
            for at in [1, 5, 9, 12].map(|at| at + begins as u64) {
                let mut params = params(editor, &path, line, at);
                params["context"]["triggerKind"] = json!(1);
                let answer = editor.request(METHOD, params).await.unwrap();
                assert_eq!(answer, json!({ "items": [] }), "{path} at {at}");
            }
            assert_eq!(server.requests().len(), asked, "{path}");
            // Where the bounds are in it.
            let line = text.lines().position(|line| line == "y = ").unwrap() as u64;
            let params = params(editor, &path, line, 4);
            let answer = editor.request(METHOD, params).await.unwrap();
            assert_eq!(self::texts(&answer), ["1"]);
            let sent = server.requests().pop().unwrap().json();
            assert!(sent["prompt"].as_str().unwrap().ends_with("y = "));
            let sent = sent.to_string();
            for part in key.lines().flat_map(|line| line.as_bytes().windows(5)) {
                let part = std::str::from_utf8(part).unwrap();
                assert!(!sent.contains(part), "{path}: {part} in {sent}");
            }
        }
    }
}

/// What the project says is no part of it is not shown to a model, open or not; neither is what leads to a file with secrets.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_file_that_is_ignored_or_a_link_to_a_secret_goes_out() {
    let stage = Stage::new();
    stage.write(".animusignore", "private/\n");
    stage.write(".gitignore", "*.gen.py\n");
    stage.write("private/n.py", "x = \n");
    stage.write("a.gen.py", "x = \n");
    stage.write("prod.env", "x = \n");
    stage.write("real/.env", "x = \n");
    stage.link("link.py", "real/.env");
    stage.write("open.py", "x = \n");
    let server = Server::with(|_, _| said("1"));
    let session = connect(&stage, &server, enabled()).await;
    let editor = &session.editor;
    for path in ["private/n.py", "a.gen.py", "prod.env", "link.py"] {
        editor.open(path);
        let answer = editor
            .request(METHOD, params(editor, path, 0, 4))
            .await
            .unwrap();
        assert_eq!(answer, json!({ "items": [] }), "{path}");
    }
    assert!(server.requests().is_empty());
    editor.open("open.py");
    let answer = editor
        .request(METHOD, params(editor, "open.py", 0, 4))
        .await
        .unwrap();
    assert_eq!(texts(&answer), ["1"]);
}
