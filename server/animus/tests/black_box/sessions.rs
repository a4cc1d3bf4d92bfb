//! `session`: what is recorded is listed, shown, copied, printed, shown again and deleted, all without a model.

use crate::run::{critic, greeting, patch, plan};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use testkit::http::ModelServer;

/// A workspace with one finished session, its id, and the events that were seen.
fn done() -> (Stage, String, String) {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done with ``` in it."}),
        critic(),
    ]);
    let args = [
        "run",
        "--json",
        "--test-command",
        "sh check.sh",
        "Say hello",
    ];
    let run = said(&mut stage.with_model(&model.base_url(), &args));
    assert_eq!(run.finished()["reason"], "verified", "{}", run.err);
    let session = run.events()[0]["session"].as_str().unwrap().to_owned();
    (stage, session, run.out)
}

fn ok(stage: &Stage, args: &[&str]) -> String {
    let run = said(&mut stage.animus(args));
    assert_eq!(run.code, 0, "{args:?}: {}", run.err);
    run.out
}

fn json_of(stage: &Stage, args: &[&str]) -> Value {
    serde_json::from_str(&ok(stage, args)).unwrap()
}

#[test]
fn export_and_replay_give_what_was_seen() {
    let (stage, session, seen) = done();
    let part = &session[session.len() - 8..];
    assert_eq!(ok(&stage, &["session", "export", part]), seen);
    assert_eq!(ok(&stage, &["session", "replay", "--json"]), seen);
    let text = ok(&stage, &["session", "replay", &session]);
    assert!(
        text.contains("hello") && text.contains("verified"),
        "{text}"
    );
    let page = ok(&stage, &["session", "export", "--format", "markdown"]);
    for told in [
        "# Task 1",
        "Say hello",
        "````",
        "-hullo",
        "**Finished: verified**",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let shown = json_of(&stage, &["session", "show", "--json"]);
    assert_eq!(shown["tasks"][0]["finished"], "verified");
    assert_eq!(shown["session"]["title"], "Say hello");
    let none = said(&mut stage.animus(&["session", "replay", "--task", "nope"]));
    assert!(
        none.code != 0 && none.err.contains("no task nope"),
        "{}",
        none.err
    );
}

#[test]
fn fork_and_delete() {
    let (stage, session, seen) = done();
    let task: Value = serde_json::from_str(seen.lines().next().unwrap()).unwrap();
    let task = task["task"].as_str().unwrap();
    let fork = json_of(
        &stage,
        &["session", "fork", &session, "--at", task, "--json"],
    );
    let fork = fork["session"].as_str().unwrap();
    let shown = json_of(&stage, &["session", "show", fork, "--json"]);
    assert_eq!(shown["session"]["finished"], "verified");
    assert!(shown["session"].get("damaged").is_none(), "{shown}");
    ok(&stage, &["session", "delete", &session]);
    let left = json_of(&stage, &["session", "list", "--json"]);
    assert_eq!(left["sessions"].as_array().unwrap().len(), 1, "{left}");
    let again = said(&mut stage.animus(&["session", "delete", &session]));
    assert!(
        again.code != 0 && again.err.contains("no session"),
        "{}",
        again.err
    );
    let old = json_of(
        &stage,
        &["session", "delete", "--all-older-than", "30d", "--json"],
    );
    assert_eq!(old["deleted"], json!([]));
    let all = json_of(
        &stage,
        &["session", "delete", "--all-older-than", "0s", "--json"],
    );
    assert_eq!(all["deleted"], json!([fork]));
}

#[test]
fn a_changed_byte_is_told_wherever_the_session_is_shown() {
    let (stage, session, _) = done();
    let state = stage.root().parent().unwrap().join("state/workspaces");
    let folder = state.read_dir().unwrap().next().unwrap().unwrap().path();
    let path = folder.join(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replacen("Mend the greeting", "Melt the greeting", 1),
    )
    .unwrap();
    let list = json_of(&stage, &["session", "list", "--json"]);
    assert_eq!(list["sessions"][0]["damaged"], 1, "{list}");
    assert!(ok(&stage, &["session", "list"]).contains("damaged: 1"));
    let export = said(&mut stage.animus(&["session", "export"]));
    assert!(
        export.err.contains("damaged") && !export.out.contains("Melt"),
        "{}",
        export.err
    );
}

#[test]
fn run_goes_on_in_a_session_by_the_beginning_or_the_end_of_its_id() {
    let (stage, session, _) = done();
    let model = ModelServer::openai(vec![json!({"text": "Nothing to do."}); 4]);
    let parts = [&session[..session.len() - 4], &session[session.len() - 8..]];
    for part in parts {
        let args = ["run", "--json", "--session", part, "What now?"];
        let run = said(&mut stage.with_model(&model.base_url(), &args));
        assert_eq!(run.events()[0]["session"], session, "{part}: {}", run.err);
    }
    let args = ["run", "--session", "nope", "What now?"];
    let run = said(&mut stage.with_model(&model.base_url(), &args));
    assert!(
        run.code == 1 && run.err.contains("no session nope"),
        "{}",
        run.err
    );
}
