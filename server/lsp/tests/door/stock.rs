//! Every client without a plug-in of ours, by the params that it sends: asked by a comment, answered, reviewed, taken back, steered and
//! cancelled in the ways that all of them have. What differs is the table of `docs/editors.md`, row by row.

use serde_json::{Value, json};

use crate::stage::{LIST, Session, Stage, list_script};

const CLIENTS: [(&str, &str); 10] = [
    (
        "VS Code 1.139",
        include_str!("../clients/vscode-1.139.1_languageclient-11.0.0.json"),
    ),
    (
        "Neovim 0.11.4",
        include_str!("../clients/neovim-0.11.4.json"),
    ),
    ("Helix 25.07", include_str!("../clients/helix-25.07.json")),
    ("Zed", include_str!("../clients/zed.json")),
    (
        "Emacs, eglot 1.9",
        include_str!("../clients/emacs-28.2_eglot-1.9.json"),
    ),
    (
        "Emacs, eglot 1.24",
        include_str!("../clients/emacs_eglot-1.24.json"),
    ),
    (
        "Emacs, lsp-mode 8.0",
        include_str!("../clients/emacs-28.2_lsp-mode-8.0.0.json"),
    ),
    (
        "Sublime Text, LSP 2.13",
        include_str!("../clients/sublime-lsp-2.13.json"),
    ),
    ("Kate", include_str!("../clients/kate.json")),
    (
        "Kakoune, kak-lsp 22",
        include_str!("../clients/kakoune-2022.10.31_kak-lsp-22.0.0.json"),
    ),
];

/// A command that policy asks about, three hunks, and an answer that never comes.
fn script() -> String {
    let hunks = list_script().replacen("turns:\n", "", 1);
    let ask = "  - calls: [{ name: run_command, arguments: { command: sh other.sh } }]\n";
    format!("turns:\n{ask}{hunks}  - text: slow\n    delay_ms: 60000\n")
}

/// Takes the action at a line and returns what its command answers.
async fn run(session: &Session, path: &str, line: u32, title: &str) -> Value {
    let action = session.action(path, line, title).await;
    session.execute(&action).await
}

/// A task is asked for, steered and cancelled from a prompt document that is on no disk.
async fn prompt_document(session: &Session) {
    let editor = &session.editor;
    editor.open("ask.animus.md");
    editor.insert("ask.animus.md", 0, 0, "Look at it.\n---\nMind the dates.\n");
    run(
        session,
        "ask.animus.md",
        0,
        "Send to the agent: Look at it.",
    )
    .await;
    run(
        session,
        "ask.animus.md",
        2,
        "Tell the agent's task (Look at it.)",
    )
    .await;
    run(session, "ask.animus.md", 0, "Cancel the agent's task: Look").await;
}

/// What a person sees of one client, as a row of the docs.
async fn row(name: &str, recorded: &str) -> String {
    let mut params: Value = serde_json::from_str(recorded).unwrap();
    params["processId"] = Value::Null;
    params["capabilities"]["experimental"] = Value::Null;
    params["initializationOptions"] = json!({ "animus": { "land": "review" } });
    let announces = |pointer: &str| {
        let said = params["capabilities"].pointer(pointer);
        said.is_some_and(|value| !value.is_null())
    };
    let lenses = announces("/textDocument/codeLens");
    let stage = Stage::with_list();
    let session = stage.connect(params.clone(), &script()).await;
    let editor = &session.editor;
    let agreed = &session.agreed["capabilities"];
    let encoding = agreed["positionEncoding"].as_str().unwrap().to_owned();
    // Nothing is registered where the client takes no registration.
    if !announces("/textDocument/codeLens/dynamicRegistration") {
        assert!(
            editor.seen("client/registerCapability").is_empty(),
            "{name}"
        );
    }

    // Asked by a comment. The question's box is closed: that is no, and no stands first.
    editor.open("list.txt");
    editor.insert("list.txt", 0, 0, "# animus: capitals\n");
    run(&session, "list.txt", 0, "Ask agent to do: capitals").await;
    let patch = session.newest().await;
    session.hunks(&patch, "pending; pending pending").await;
    let question = editor.seen("window/showMessageRequest").pop().unwrap();
    let first = question["actions"][0]["title"].as_str().unwrap();
    assert!(first.contains("Deny"), "{name}: {question}");
    let said = |part: &'static str| {
        move |editor: &testkit::lsp::Editor| {
            let seen = editor.seen("window/showMessage").into_iter();
            let mut words = seen.map(|shown| shown["message"].as_str().unwrap().to_owned());
            words.find(|words| words.contains(part))
        }
    };
    editor
        .until("the end", said("The patch waits for your decision"))
        .await;

    // Decided at the lines, by an edit that the action carries, but for the one client that would make it twice.
    let accept = session.action("list.txt", 2, "Accept hunk 1 of 2").await;
    assert_eq!(
        accept["edit"].is_object(),
        !name.starts_with("Kakoune"),
        "{name}: {accept}"
    );
    session.take(&accept).await;
    session.hunks(&patch, "pending; accepted pending").await;
    assert!(editor.text("list.txt").contains("TWO\nand a half\n"));
    let review = run(&session, "list.txt", 9, "Review the agent's patch").await;
    let uri = review["uri"].as_str().unwrap();
    session.action_in(uri, 0, "Accept the patch").await;
    let document = match uri.starts_with("animus:") {
        true => "by the server",
        false => {
            assert!(
                stage
                    .read(review["path"].as_str().unwrap())
                    .contains("+TWO")
            );
            match announces("/window/showDocument") {
                true => "a file, opened",
                false => "a file, named",
            }
        }
    };
    match document {
        "a file, named" => drop(editor.until("its path", said("The review is in")).await),
        _ => {
            let shown = |editor: &testkit::lsp::Editor| editor.seen("window/showDocument").pop();
            assert_eq!(editor.until("the document", shown).await["uri"], uri);
        }
    }
    let back = session.action("list.txt", 2, "Take back hunk 1 of 2").await;
    session.take(&back).await;
    session.hunks(&patch, "pending; undone pending").await;
    assert_eq!(
        editor.text("list.txt"),
        format!("# animus: capitals\n{LIST}")
    );

    prompt_document(&session).await;
    editor
        .until("the cancelled end", said("Agent: cancelled"))
        .await;

    let begun = |editor: &testkit::lsp::Editor| {
        let mut seen = editor.seen("$/progress").into_iter();
        seen.find(|params| {
            params["value"]["kind"] == "begin"
                && params["token"]
                    .as_str()
                    .is_some_and(|token| token.starts_with("animus/0"))
        })
    };
    let (progress, button) = match announces("/window/workDoneProgress") {
        true => {
            let begin = editor.until("progress", begun).await;
            ("yes", begin["value"]["cancellable"] == true)
        }
        false => {
            assert!(editor.seen("$/progress").is_empty(), "{name}");
            ("no", false)
        }
    };
    let word = |yes: bool| if yes { "yes" } else { "no" };
    format!(
        "| {name} | {encoding} | {progress} | {} | {document} | {} |",
        word(button),
        word(lenses)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_has_the_whole_agent_and_the_docs_say_how() {
    let docs = include_str!("../../../../docs/editors.md");
    let mut lacking = Vec::new();
    for (name, recorded) in CLIENTS {
        let row = row(name, recorded).await;
        if !docs.contains(&row) {
            lacking.push(row);
        }
    }
    assert!(
        lacking.is_empty(),
        "docs/editors.md lacks:\n{}",
        lacking.join("\n")
    );
}

/// The blocks of a page in a language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = page.split(&fence).skip(1);
    parts
        .map(|part| part.split("\n```").next().unwrap())
        .collect()
}

#[test]
fn the_configs_of_the_pages_can_be_read() {
    let helix = include_str!("../../../../docs/editors/helix.md");
    let config: toml::Table = toml::from_str(blocks(helix, "toml")[0]).unwrap();
    let server = &config["language-server"]["animus"];
    assert_eq!(server["command"].as_str(), Some("animus"));
    assert_eq!(server["args"][0].as_str(), Some("lsp"));
    assert_eq!(
        server["config"]["animus"]["config"]["agent"]["land"].as_str(),
        Some("review")
    );
    for language in config["language"].as_array().unwrap() {
        let servers = language["language-servers"].as_array().unwrap();
        assert!(servers.iter().any(|name| name.as_str() == Some("animus")));
    }
    let json = |page: &str, number: usize| -> Value {
        serde_json::from_str(blocks(page, "json")[number]).unwrap()
    };
    let land = "/animus/config/agent/land";
    let zed = json(include_str!("../../../../docs/editors/zed.md"), 0);
    let server = &zed["lsp"]["SERVER"];
    assert_eq!(server["binary"]["arguments"], json!(["lsp"]));
    assert_eq!(
        server["initialization_options"].pointer(land),
        Some(&json!("review"))
    );
    let page = include_str!("../../../../docs/editors/sublime.md");
    let sublime = json(page, 0);
    let client = &sublime["clients"]["animus"];
    assert_eq!(client["command"], json!(["animus", "lsp"]));
    assert_eq!(
        client["initializationOptions"].pointer(land),
        Some(&json!("review"))
    );
    for entry in json(page, 1).as_array().unwrap() {
        let command = entry["args"]["command_name"].as_str().unwrap();
        let verb = command.strip_prefix("animus.").unwrap().replace('.', "/");
        assert!(agent::verbs::ALL.contains(&verb.as_str()), "{command}");
    }
    let kate = json(include_str!("../../../../docs/editors/kate.md"), 0);
    for server in kate["servers"].as_object().unwrap().values() {
        assert_eq!(server["command"], json!(["animus", "lsp"]));
        assert_eq!(
            server["initializationOptions"].pointer(land),
            Some(&json!("review"))
        );
    }
}
