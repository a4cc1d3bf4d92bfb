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
