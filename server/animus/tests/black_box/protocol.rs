//! The protocol page: the schema is the program's, and every transcript is what a real server says today.
//!
//! `UPDATE_EXPECT=1 cargo test -p animus --test black_box protocol` writes both anew: the schema from the types, and the transcripts
//! from the scenes beside this file, which say what a client sends and what it waits for.

mod checked;
mod covered;
mod doors;
mod pattern;
mod play;
mod record;

use crate::stage::{Stage, said};
use checked::Checked;
use expect_test::expect_file;
use play::{Transcript, is_view, play};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn docs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol")
}

fn schema() -> Value {
    said(&mut Stage::empty().animus(&["protocol", "schema"])).json()
}

#[test]
fn the_schema_in_the_docs_is_the_one_that_the_program_prints() {
    let printed = said(&mut Stage::empty().animus(&["protocol", "schema"]));
    assert_eq!(printed.code, 0, "{}", printed.err);
    expect_file!["../../../../docs/protocol/schema.json"].assert_eq(&printed.out);
}

/// Plays the scene and writes its transcript, or plays the transcript.
fn check(name: &str) {
    let golden = docs().join(format!("transcripts/{name}.jsonl"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let scenes =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/black_box/protocol/scenes");
        let scene = std::fs::read_to_string(scenes.join(format!("{name}.jsonl"))).unwrap();
        let scene = Transcript::parse(&scene);
        std::fs::write(&golden, record::text(&scene, &play(&scene))).unwrap();
    }
    let transcript = Transcript::parse(&std::fs::read_to_string(&golden).unwrap());
    let played = play(&transcript);
    for it in &played.crossed {
        let expected = it.wanted || is_view(&it.message);
        assert!(expected, "not in the transcript: {}", it.message);
    }
    Checked::new(schema()).conversation(&played.crossed);
}

#[test]
fn shim() {
    check("shim");
}

#[test]
fn stock() {
    check("stock");
}

#[test]
fn cancel() {
    check("cancel");
}

#[test]
fn steer() {
    check("steer");
}

#[test]
fn errors() {
    check("errors");
}

#[test]
fn other_major() {
    check("other_major");
}

#[test]
fn reconnect() {
    check("reconnect");
}

#[test]
fn slow_reader() {
    check("slow_reader");
}

#[test]
fn sessions() {
    check("sessions");
}

#[test]
fn memory() {
    check("memory");
}

#[test]
fn code() {
    check("code");
}

#[test]
fn http() {
    check("http");
}

#[test]
fn models() {
    check("models");
}

#[test]
fn trouble() {
    check("trouble");
}

#[test]
fn unconfigured() {
    check("unconfigured");
}

#[test]
fn asked() {
    check("asked");
}

#[test]
fn room() {
    check("room");
}

#[test]
fn editor_rename() {
    check("editor_rename");
}

#[test]
fn editor_knows() {
    check("editor_knows");
}

/// The reference client, on this test's server.
fn client(stage: &Stage) -> Command {
    // The environment of a stage, without its program.
    let animus = stage.animus(&[]);
    // Python itself: what is called so may be a script that needs its own home.
    let words = ["-c", "import sys; print(sys.executable)"];
    let python = said(Command::new("python3").args(words)).out;
    let mut command = Command::new(python.trim());
    command.arg("-B").arg(docs().join("client.py")).env_clear();
    for (name, value) in animus.get_envs() {
        command.env(name, value.unwrap());
    }
    command
        .env("ANIMUS", animus.get_program())
        .env("PYTHONIOENCODING", "utf-8")
        .current_dir(stage.root());
    command
}

#[test]
fn the_reference_client_has_at_most_200_lines() {
    let text = std::fs::read_to_string(docs().join("client.py")).unwrap();
    assert!(text.lines().count() <= 200, "{}", text.lines().count());
}

#[test]
fn the_reference_client_replays_every_transcript() {
    if !crate::projects::have(&["python3"]) {
        return;
    }
    let mut names: Vec<PathBuf> = std::fs::read_dir(docs().join("transcripts"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let run = said(client(&Stage::empty()).arg("--transcript").args(&names));
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(
        run.out.matches(" ... ok\n").count(),
        names.len(),
        "{}",
        run.out
    );
}

/// The folders of a transcript, for a client that has not read it.
fn folders(name: &str) -> Stage {
    let text = std::fs::read_to_string(docs().join(format!("transcripts/{name}.jsonl"))).unwrap();
    Transcript::parse(&text).stage()
}

#[test]
fn with_the_reference_client_a_person_approves_accepts_one_hunk_and_refuses_one() {
    if !crate::projects::have(&["python3"]) {
        return;
    }
    let stage = folders("shim");
    let mut command = client(&stage);
    command
        .arg(stage.root())
        .args(["Say goodbye to the moon", "greet.txt"]);
    let run = crate::stage::fed(&mut command, "1\ny\nn\n");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("the patch is landed"), "{}", run.out);
    assert_eq!(stage.read("greet.txt"), "goodbye\n\n\n\nworld\n");
    // Nobody answers: no.
    let stage = folders("shim");
    let mut command = client(&stage);
    command
        .arg(stage.root())
        .args(["Say goodbye to the moon", "greet.txt"]);
    let run = crate::stage::fed(&mut command, "\nn\nn\n");
    assert!(
        run.out.contains("the patch is refused"),
        "{}{}",
        run.out,
        run.err
    );
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld\n");
}

#[test]
fn ctrl_c_in_the_reference_client_cancels_the_task() {
    if !crate::projects::have(&["python3"]) {
        return;
    }
    let stage = folders("shim");
    let mut command = client(&stage);
    command
        .arg(stage.root())
        .args(["Say goodbye to the moon", "greet.txt"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // It asks, and nobody answers.
    let mut out = child.stdout.take().unwrap();
    let mut shown = String::new();
    while !shown.contains("your answer") {
        let mut byte = [0];
        std::io::Read::read_exact(&mut out, &mut byte).unwrap();
        shown.push(char::from(byte[0]));
    }
    crate::interrupt::signal(&child, "-INT");
    // A signal that came just before the read is seen once that returns; a line alone would only be a no.
    let mut input = child.stdin.take().unwrap();
    let _ = std::io::Write::write_all(&mut input, b"\n");
    std::io::Read::read_to_string(&mut out, &mut shown).unwrap();
    assert!(shown.contains("cancelled: "), "{shown}");
    assert_eq!(child.wait().unwrap().code(), Some(130), "{shown}");
}

#[test]
fn the_reference_client_says_what_is_wrong_and_ends() {
    if !crate::projects::have(&["python3"]) {
        return;
    }
    let stage = folders("shim");
    std::fs::create_dir(stage.root().join("folder")).unwrap();
    std::fs::write(stage.root().join("latin.txt"), b"caf\xe9\n").unwrap();
    let run = |program: Option<&str>, words: &[&str], input: &str| {
        let mut command = client(&stage);
        if let Some(program) = program {
            command.env("ANIMUS", program);
        }
        command.arg(stage.root()).arg("Say goodbye to the moon");
        let run = crate::stage::fed(command.args(words), input);
        assert!(!run.err.contains("Traceback"), "{}", run.err);
        run
    };
    for (program, word, expected) in [
        (None, "folder", "folder is no file"),
        (None, "great.txt", "great.txt is no file"),
        (None, "latin.txt", "UnicodeDecodeError"),
        (
            Some("/nonexistent/animus"),
            "greet.txt",
            "FileNotFoundError",
        ),
        // A server that is gone is not waited for.
        (Some("true"), "greet.txt", ""),
    ] {
        let run = run(program, &[word], "");
        assert_eq!(run.code, 1, "{word}: {}{}", run.out, run.err);
        assert!(run.err.contains(expected), "{word}: {}", run.err);
    }
    // The input ends at the review.
    let run = run(None, &["greet.txt"], "1\n");
    assert!(
        run.out.contains("what was not decided waits in the patch"),
        "{}{}",
        run.out,
        run.err
    );
    assert_eq!(stage.read("greet.txt"), "hello\n\n\n\nworld\n");
}
