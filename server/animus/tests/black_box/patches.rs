//! Patches and sessions outlive the process that made them.

use crate::run::{critic, greeting, patch, plan};
use crate::stage::{Stage, said};
use serde_json::json;
use testkit::http::ModelServer;

fn landed() -> (Stage, String, String) {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
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
    assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
    let events = run.events();
    let patch = events
        .iter()
        .find(|event| event["update"]["type"] == "patch")
        .unwrap();
    let session = events[0]["session"].as_str().unwrap().to_owned();
    (
        stage,
        patch["update"]["patch"]["id"].as_str().unwrap().to_owned(),
        session,
    )
}

#[test]
fn list_show_diff_and_undo() {
    let (stage, id, _) = landed();
    let list = said(&mut stage.animus(&["patch", "list", "--json"])).json();
    assert_eq!(
        (
            list["patches"][0]["id"].as_str(),
            list["patches"][0]["state"].as_str()
        ),
        (Some(id.as_str()), Some("landed"))
    );
    let show = said(&mut stage.animus(&["patch", "show", &id[..12]]));
    assert!(
        show.out.contains("verified") && show.out.contains("+hello"),
        "{}{}",
        show.out,
        show.err
    );
    let diff = said(&mut stage.animus(&["patch", "diff", &id]));
    let undone = said(&mut stage.animus(&["patch", "undo", &id, "--json"]));
    assert_eq!(
        (undone.code, undone.json()["state"].as_str()),
        (0, Some("undone")),
        "{}",
        undone.err
    );
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
    // The printed diff is a patch that our own command takes.
    let applied = crate::stage::fed(&mut stage.animus(&["apply-patch"]), &diff.out);
    assert_eq!(applied.code, 0, "{}\n{}", diff.out, applied.err);
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    let missing = said(&mut stage.animus(&["patch", "show", "nonsense"]));
    assert!(
        missing.code == 1 && missing.err.contains("patch list"),
        "{}",
        missing.err
    );
}

#[test]
fn undo_never_overwrites_what_a_person_wrote_since() {
    let (stage, id, _) = landed();
    stage.write("greeting.txt", "hello there\nworld\n");
    let undo = said(&mut stage.animus(&["patch", "undo", &id]));
    assert_ne!(undo.code, 0);
    assert_eq!(stage.read("greeting.txt"), "hello there\nworld\n");
}

#[test]
fn a_session_goes_on_in_another_process() {
    let (stage, _, session) = landed();
    let list = said(&mut stage.animus(&["session", "list", "--json"])).json();
    assert_eq!(
        (
            list["sessions"][0]["id"].as_str(),
            list["sessions"][0]["finished"].as_str()
        ),
        (Some(session.as_str()), Some("verified"))
    );
    let model = ModelServer::openai(vec![
        json!({"calls": [plan()]}),
        json!({"text": "You are welcome."}),
    ]);
    let go_on = said(&mut stage.with_model(
        &model.base_url(),
        &["session", "resume", &session, "--json", "Thanks"],
    ));
    assert_eq!(go_on.code, 0, "{}\n{}", go_on.out, go_on.err);
    assert_eq!(go_on.events()[0]["session"], session.as_str());
    // A3: the model sees the earlier task.
    assert!(String::from_utf8_lossy(&model.requests()[0].body).contains("Say hello"));
    let unknown = said(&mut stage.with_model(
        &model.base_url(),
        &["session", "resume", "nonsense", "More"],
    ));
    assert_ne!(unknown.code, 0);
}
