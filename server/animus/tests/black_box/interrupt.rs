//! Interrupt: Ctrl-C cancels, the exit code says so, and no child of ours lives on.

use crate::run::{critic, greeting, patch, plan};
use crate::stage::Stage;
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use testkit::http::{Answer, ModelServer, Server, Step};

pub fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

/// Waits, and fails rather than hangs.
pub fn ended(child: &mut Child, limit: Duration) -> i32 {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if begun.elapsed() > limit {
            let _ = child.kill();
            panic!("still running after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processes whose command line holds a word.
#[cfg(target_os = "linux")]
pub fn living(word: &str) -> Vec<String> {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            Some(String::from_utf8_lossy(&line).replace('\0', " "))
        });
    lines.filter(|line| line.contains(word)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn while_the_tests_run() {
    let stage = greeting();
    // A number that no other process waits for; one child steps out of its session.
    let word = format!("77{:07}", std::process::id());
    stage.write(
        "check.sh",
        &format!("setsid sleep {word} &\nsleep {word}\n"),
    );
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
    let mut child = stage
        .with_model(&model.base_url(), &args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while !seen.contains("\"type\":\"test\"") {
        assert!(
            events.read_line(&mut seen).unwrap() > 0,
            "ended too early: {seen}"
        );
    }
    let begun = Instant::now();
    while living(&format!("sleep {word}")).len() < 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the tests never began"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "-INT");
    let begun = Instant::now();
    assert_eq!(ended(&mut child, Duration::from_secs(10)), 130);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    events.read_to_string(&mut seen).unwrap();
    let last: serde_json::Value = serde_json::from_str(seen.lines().last().unwrap()).unwrap();
    assert_eq!(
        (
            last["update"]["type"].as_str(),
            last["update"]["reason"].as_str()
        ),
        (Some("finished"), Some("cancelled"))
    );
    assert_eq!(living(&word), Vec::<String>::new());
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn while_the_model_is_silent() {
    for name in ["-TERM", "-HUP"] {
        let stage = greeting();
        let server = Server::with(|_, _| Answer::sse(": thinking\n\n").then(Step::Hang));
        let url = format!("{}/v1", server.url());
        let mut child = stage
            .with_model(&url, &["run", "--json", "Say hello"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while server.requests().is_empty() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "the model was never asked"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&child, name);
        assert_eq!(ended(&mut child, Duration::from_secs(2)), 130, "{name}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_program() {
    let stage = Stage::with(&[("a.rs", &"fn a() {}\n".repeat(20_000))]);
    let mut child = stage
        .animus(&["map", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(ended(&mut child, Duration::from_secs(20)), 141);
}
