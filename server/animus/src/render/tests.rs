//! A recorded transcript, drawn plain and in colour.

use super::{Redraws, Renderer};
use protocol::Event;

const TRANSCRIPT: &str = include_str!("transcript.ndjson");

fn drawn(transcript: &str, columns: usize) -> String {
    let mut out = Vec::new();
    let mut renderer = Renderer::new(&mut out, columns, Redraws::No, "animus");
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

fn counted(redraws: Redraws) -> String {
    let mut out = Vec::new();
    let mut renderer = Renderer::new(&mut out, 60, redraws, "animus");
    let waits = [3, 2, 1, 2, 1].map(|seconds| {
        format!(r#"{{"type":"waiting","wait":"rate_limit","seconds":{seconds},"message":"asking again in {seconds} s: busy"}}"#)
    });
    let call = r#"{"type":"modelCall","call":{"role":"coder","model":"p/m","attempt":1,"outcome":"overloaded","durationMs":1}}"#.to_owned();
    let notice = r#"{"type":"notice","level":"warning","message":"well"}"#.to_owned();
    let [a, b, c, d, e] = waits;
    for (seq, update) in [a, b, c, call, d, notice, e].iter().enumerate() {
        let event = format!(
            r#"{{"v":1,"task":"t","session":"s","seq":{seq},"ts":"2026-01-01T00:00:00.000Z","update":{update}}}"#
        );
        renderer
            .event(&serde_json::from_str::<Event>(&event).unwrap())
            .unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_countdown_is_one_line() {
    let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
    let (piped, live) = (counted(Redraws::No), counted(Redraws::Yes));
    let lines: Vec<String> = plain(&piped)
        .lines()
        .map(|line| line.trim().to_owned())
        .collect();
    assert_eq!(
        lines,
        [
            "… asking again in 3 s: busy",
            "… asking again in 2 s: busy",
            "! well",
            "… asking again in 1 s: busy"
        ]
    );
    assert_eq!(live.matches("\u{1b}[1A\r\u{1b}[2K").count(), 2);
    assert_eq!(plain(&live).lines().count(), 6);
}

#[test]
fn words_of_the_person_show_whole_behind_the_first_message() {
    let said = "keep \\u001b[2Jthe old names, and say in the changelog why they are kept for now";
    let transcript: String = ["the task with all that is known", said]
        .iter()
        .enumerate()
        .map(|(seq, text)| {
            format!(
                r#"{{"v":1,"task":"t","session":"s","seq":{seq},"ts":"2026-01-01T00:00:00.000Z","update":{{"type":"prompt","by":"user","text":"{text}"}}}}"#
            ) + "\n"
        })
        .collect();
    let coloured = drawn(&transcript, 60);
    let plain = anstream::adapter::strip_str(&coloured).to_string();
    assert!(!plain.contains("all that is known"), "{plain}");
    assert!(!coloured.contains("\u{1b}[2J"), "{coloured:?}");
    let words: Vec<&str> = plain.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"›"), "{plain}");
    assert!(words.ends_with(&["kept", "for", "now"]), "{plain}");
    assert!(plain.lines().count() > 1 && plain.lines().all(|line| line.chars().count() <= 60));
}
