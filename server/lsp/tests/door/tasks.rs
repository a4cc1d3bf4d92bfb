//! One task, end to end: code action, events, edit, confirmation, the end; and every way to cancel it.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Session, Stage, good_script, patch_turn, shim, stock};

fn find<'a>(actions: &'a [serde_json::Value], title: &str) -> &'a serde_json::Value {
    let titles: Vec<_> = actions
        .iter()
        .map(|action| action["title"].clone())
        .collect();
    actions
        .iter()
        .find(|action| {
            action["title"]
                .as_str()
                .is_some_and(|text| text.starts_with(title))
        })
        .unwrap_or_else(|| panic!("no {title:?} in {titles:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_action_becomes_a_verified_edit_and_an_undo() {
    let stage = Stage::new();
    let session = stage.connect(shim(), &good_script(0)).await;
    let editor = &session.editor;
    editor.open("greet.txt");
    let actions = session.actions("greet.txt", (0, 0), (1, 0)).await;
    let started = session
        .execute(find(&actions, "Ask agent to refactor"))
        .await;
    let task = started["task"].as_str().unwrap().to_owned();
    let finished = editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    let story = session.story(&task);
    assert_eq!(
        story[0]["request"]["target"],
        json!({ "path": "greet.txt", "startLine": 1, "endLine": 1 })
    );
    // One edit for both files, and the text came back.
    assert_eq!(editor.seen("workspace/applyEdit").len(), 1);
    assert_eq!(editor.text("greet.txt"), "goodbye\n\n\n\nworld\n");
    assert_eq!(editor.text("count.txt"), "one\n2\n");
    let landed = |editor: &testkit::lsp::Editor| {
        let patches = editor.seen("$/animus/patch");
        patches.into_iter().find(|patch| patch["state"] == "landed")
    };
    let patch = editor.until("the landed patch", landed).await;
    assert_eq!(patch["verified"], true);
    editor
        .until("the task's last view", |editor| {
            editor
                .seen("$/animus/task")
                .into_iter()
                .find(|view| view["finished"] == "verified")
        })
        .await;
    editor
        .until("the status", |editor| {
            editor
                .seen("$/animus/status")
                .into_iter()
                .find(|status| status["running"] == 0)
        })
        .await;
    // Progress: created, begun, ended.
    editor
        .until("the end of the progress", |editor| {
            editor
                .seen("$/progress")
                .into_iter()
                .find(|step| step["value"]["kind"] == "end")
        })
        .await;
    assert_eq!(
        editor.seen("window/workDoneProgress/create")[0]["token"],
        format!("animus/{task}")
    );
    // Undo is offered, and takes both files back.
    let actions = session.actions("greet.txt", (0, 0), (0, 0)).await;
    session
        .execute(find(&actions, "Undo the agent's last patch"))
        .await;
    editor
        .until("the undone patch", |editor| {
            editor
                .seen("$/animus/patch")
                .into_iter()
                .find(|patch| patch["state"] == "undone")
        })
        .await;
    assert_eq!(editor.text("greet.txt"), "hello\n\n\n\nworld\n");
    assert_eq!(editor.text("count.txt"), "one\n1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_under_review_is_accepted_by_a_code_action() {
    let stage = Stage::new();
    let mut params = shim();
    params["initializationOptions"] = json!({ "animus": { "land": "review" } });
    let session = stage.connect(params, &good_script(0)).await;
    let editor = &session.editor;
    editor.open("greet.txt");
    let task = session.start("say goodbye").await;
    assert_eq!(editor.finished(&task).await["reason"], "verified");
    assert_eq!(editor.text("greet.txt"), "hello\n\n\n\nworld\n");
    let actions = session.actions("greet.txt", (0, 0), (0, 0)).await;
    session
        .execute(find(&actions, "Accept the agent's patch"))
        .await;
    editor
        .until("the landed patch", |editor| {
            editor
                .seen("$/animus/patch")
                .into_iter()
                .find(|patch| patch["state"] == "landed")
        })
        .await;
    assert_eq!(editor.text("greet.txt"), "goodbye\n\n\n\nworld\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn typing_while_the_agent_works_is_never_lost() {
    let stage = Stage::new();
    let session = stage.connect(shim(), &good_script(400)).await;
    let editor = &session.editor;
    editor.open("greet.txt");
    editor.open("count.txt");
    let task = session.start("say goodbye").await;
    editor
        .until("the draft", |editor| {
            editor
                .events(&task)
                .into_iter()
                .find(|event| event["update"]["type"] == "draft")
        })
        .await;
    editor.insert("greet.txt", 4, 5, ", typed meanwhile");
    let finished = editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(
        editor.text("greet.txt"),
        "goodbye\n\n\n\nworld, typed meanwhile\n"
    );
    assert_eq!(editor.text("count.txt"), "one\n2\n");
    session.story(&task);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_reads_and_tests_what_is_not_saved() {
    let stage = Stage::new();
    stage.write("greet.txt", "something else\n");
    let session = stage.connect(shim(), &good_script(0)).await;
    let editor = &session.editor;
    editor.open("greet.txt");
    editor.insert("greet.txt", 0, 0, "hello\n");
    let task = session.start("say goodbye").await;
    let finished = editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    assert_eq!(editor.text("greet.txt"), "goodbye\nsomething else\n");
}

/// Cancels by one door; the task must end within 2 s.
async fn cancelled_by(params: serde_json::Value, cancel: impl AsyncFn(&Session, &str)) {
    let stage = Stage::new();
    let session = stage
        .connect(params, "turns:\n  - text: a b c d\n    delay_ms: 60000\n")
        .await;
    session.editor.open("greet.txt");
    let task = session.start("wait").await;
    session
        .editor
        .until("the progress", |editor| {
            editor
                .seen("$/progress")
                .into_iter()
                .find(|step| step["value"]["kind"] == "begin")
        })
        .await;
    let since = Instant::now();
    cancel(&session, &task).await;
    session
        .editor
        .until("the end of the progress", |editor| {
            editor
                .seen("$/progress")
                .into_iter()
                .find(|step| step["value"]["kind"] == "end")
        })
        .await;
    assert!(
        since.elapsed() < Duration::from_secs(2),
        "{:?}",
        since.elapsed()
    );
    let view = session
        .editor
        .request("animus/task/get", json!({ "task": task }))
        .await
        .unwrap();
    assert_eq!(view["finished"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_by_request() {
    cancelled_by(shim(), async |session: &Session, task: &str| {
        let answer = session
            .editor
            .request("animus/task/cancel", json!({ "task": task }))
            .await
            .unwrap();
        assert_eq!(answer, json!({ "cancelled": [task] }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_by_the_button_of_the_progress() {
    cancelled_by(stock(), async |session: &Session, task: &str| {
        session.editor.notify(
            "window/workDoneProgress/cancel",
            json!({ "token": format!("animus/{task}") }),
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_by_code_action() {
    cancelled_by(stock(), async |session: &Session, _: &str| {
        let actions = session.actions("greet.txt", (0, 0), (0, 0)).await;
        session
            .execute(find(&actions, "Cancel the agent's task"))
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_client_gets_the_answer_as_a_message() {
    let stage = Stage::new();
    let session = stage
        .connect(stock(), "turns:\n  - text: It greets the world.\n")
        .await;
    session.editor.open("greet.txt");
    let actions = session.actions("greet.txt", (0, 0), (0, 3)).await;
    session
        .execute(find(&actions, "Ask agent to explain"))
        .await;
    let message = session
        .editor
        .until("the answer", |editor| {
            editor.seen("window/showMessage").pop()
        })
        .await;
    assert_eq!(
        message,
        json!({ "type": 3, "message": "It greets the world." })
    );
    assert!(
        session.editor.seen("$/animus/event").is_empty(),
        "a stock client gets no notifications of ours"
    );
}

const ASKING: &str = "turns:
  - calls:
      - name: run_command
        arguments: {command: \"python3 -c 'print(6*7)'\"}
  - text: done
";

/// Runs a command that policy asks about; returns the tool's result and the questions that were asked.
async fn asked(
    mut params: serde_json::Value,
    verbs: &[&str],
    button: Option<&str>,
) -> (serde_json::Value, usize) {
    params["capabilities"]["experimental"]["animus"]["verbs"] = json!(verbs);
    let stage = Stage::new();
    let session = stage.connect(params, ASKING).await;
    if let Some(button) = button {
        session.editor.presses(button);
    }
    let task = session.start("run it").await;
    if verbs.contains(&"approval/resolve") {
        let question = session
            .editor
            .until("the question", |editor| {
                editor.seen("$/animus/approval").pop()
            })
            .await;
        let answer = json!({ "approval": question["id"], "option": "allow_once" });
        session
            .editor
            .request("animus/approval/resolve", answer)
            .await
            .unwrap();
    }
    session.editor.finished(&task).await;
    let result = session
        .story(&task)
        .into_iter()
        .find(|update| update["type"] == "toolResult")
        .unwrap();
    (
        result["result"].clone(),
        session.editor.seen("window/showMessageRequest").len(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_asked_by_message_and_no_answer_means_no() {
    let (result, boxes) = asked(shim(), &[], None).await;
    assert_eq!(
        (result["status"].as_str(), boxes),
        (Some("failed"), 1),
        "{result}"
    );
    let (result, boxes) = asked(shim(), &[], Some("Allow once")).await;
    assert_eq!(
        (result["status"].as_str(), boxes),
        (Some("completed"), 1),
        "{result}"
    );
    assert!(
        result["output"].as_str().unwrap().contains("42"),
        "{result}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shim_that_asks_by_itself_gets_no_message_box() {
    let (result, boxes) = asked(shim(), &["approval/resolve"], None).await;
    assert_eq!(
        (result["status"].as_str(), boxes),
        (Some("completed"), 0),
        "{result}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_actions_and_commands_say_what_to_set() {
    let stage = Stage::new();
    let session = stage.connect(stock(), "").await;
    session.editor.open("greet.txt");
    let error = session
        .editor
        .request("animus/task/start", json!({ "prompt": "x" }))
        .await
        .unwrap_err();
    assert_eq!(error["data"]["code"], "config", "{error}");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("set OPENAI_API_KEY"),
        "{error}"
    );
    let wait = Instant::now();
    loop {
        let actions = session.actions("greet.txt", (0, 0), (0, 0)).await;
        let action = find(&actions, "Ask agent to refactor");
        if action["disabled"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("no model"))
        {
            break;
        }
        assert!(wait.elapsed() < Duration::from_secs(10), "{action}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_tests_are_diagnostics_until_they_are_mended() {
    let stage = Stage::new();
    // `count.txt` fails before the task; the first patch breaks what `greet.txt` says.
    stage.write(
        "check.sh",
        "bad=0; echo 1..3; echo ok 1 - here\ngrep -q '^hello' greet.txt && echo ok 2 - greets || { echo not ok 2 - greets; echo '# greet.txt:1: no hello'; bad=1; }\ngrep -q 2 count.txt && echo ok 3 - counts || { echo not ok 3 - counts; echo '# count.txt:2: not 2'; bad=1; }\nexit $bad\n",
    );
    let patch = |from: &str, to: &str| {
        patch_turn(&format!(
            "*** Begin Patch\n*** Update File: greet.txt\n@@\n-{from}\n+{to}\n*** End Patch"
        ))
    };
    let script = format!(
        "turns:\n{}  - text: done\n{}  - text: mended\n",
        patch("hello", "goodbye"),
        patch("goodbye", "hello again"),
    );
    let mut params = shim();
    params["capabilities"]["textDocument"]["publishDiagnostics"] = json!({});
    let session = stage.connect(params, &script).await;
    let editor = &session.editor;
    let task = session.start("say it better").await;
    let finished = editor.finished(&task).await;
    assert_eq!(finished["reason"], "verified", "{finished}");
    let published = editor
        .until("the end of the error", |editor| {
            let published = editor.seen("textDocument/publishDiagnostics");
            let is_clear = |one: &serde_json::Value| {
                one["uri"].as_str().unwrap().ends_with("greet.txt")
                    && one["diagnostics"] == json!([])
            };
            published.iter().any(is_clear).then_some(published)
        })
        .await;
    let of = |name: &str| {
        let own = published
            .iter()
            .filter(move |one| one["uri"].as_str().unwrap().ends_with(name));
        own.map(|one| one["diagnostics"].clone())
            .collect::<Vec<_>>()
    };
    let error = &of("greet.txt")[0][0];
    assert_eq!(
        (error["severity"].as_u64(), error["source"].as_str()),
        (Some(1), Some("animus")),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains("no hello"));
    let old = of("count.txt");
    assert_eq!(old[0][0]["severity"], 3, "{old:?}");
    assert_eq!(old[0][0]["range"]["start"]["line"], 1);
    assert_ne!(old.last().unwrap(), &json!([]), "it still fails");
}
