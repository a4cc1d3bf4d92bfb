//! A recorded transcript, drawn plain and in colour.

use super::Renderer;
use protocol::Event;

const TRANSCRIPT: &str = include_str!("transcript.ndjson");

fn drawn(transcript: &str, columns: usize) -> String {
    let mut out = Vec::new();
    let mut renderer = Renderer::new(&mut out, columns, "animus");
    for line in transcript.lines() {
        let event: Event =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        renderer.event(&event).unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn plain() {
    let coloured = drawn(TRANSCRIPT, 80);
    expect_test::expect_file!["transcript.plain.txt"]
        .assert_eq(&anstream::adapter::strip_str(&coloured).to_string());
}

#[test]
fn coloured() {
    let visible = drawn(TRANSCRIPT, 80).replace('\u{1b}', "␛");
    expect_test::expect_file!["transcript.colour.txt"].assert_eq(&visible);
}

#[test]
fn hostile_text_cannot_drive_the_terminal() {
    let hostile = TRANSCRIPT.replace("Every line", "\\u001b]0;owned\\u0007\\u001b[2JEvery line");
    let coloured = drawn(&hostile, 80);
    assert!(
        !coloured.contains("\u{1b}]0")
            && !coloured.contains("\u{1b}[2J")
            && !coloured.contains('\u{7}')
    );
}
