//! Terminal: a person at a real terminal (`script` of util-linux makes one): questions, words in between, and the end of the input.

use crate::interrupt::ended;
use crate::run::{critic, greeting, patch, plan};
use crate::stage::Stage;
use serde_json::json;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use testkit::http::ModelServer;

const LIMIT: Duration = Duration::from_secs(60);

/// The program at a terminal.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    /// `line` is for a shell; the program is `$ANIMUS`.
    fn new(stage: &Stage, base_url: &str, line: &str) -> Terminal {
        let env = stage.with_model(base_url, &[]);
        let mut command = Command::new("script");
        command.env_clear().current_dir(stage.root());
        for (name, value) in env.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let mut child = command
            .env("ANIMUS", env!("CARGO_BIN_EXE_animus"))
            .env("SHELL", "/bin/sh")
            .args(["-qefc", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = screen.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = out.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..count]).into_owned();
                shown.lock().unwrap().push_str(&text);
            }
        });
        Terminal {
            child,
            keys,
            screen,
        }
    }

    fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    fn wait_for(&self, words: &str) {
        let begun = Instant::now();
        while !self.screen().contains(words) {
            assert!(begun.elapsed() < LIMIT, "no {words}: {}", self.screen());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn types(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }
}

fn asking() -> serde_json::Value {
    json!({"name": "run_command", "arguments": {"command": "curl http://127.0.0.1:1/x"}})
}

#[test]
fn the_end_of_the_input_is_a_no_to_this_question_and_the_next() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), asking()]}),
        json!({"calls": [{"name": "run_command", "arguments": {"command": "curl http://127.0.0.1:1/y"}}]}),
        json!({"calls": [patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let line = "$ANIMUS run --test-command 'sh check.sh' 'Say hello'";
    let mut terminal = Terminal::new(&stage, &model.base_url(), line);
    terminal.wait_for("answer [n]:");
    terminal.types(&[4]);
    assert_eq!(
        ended(&mut terminal.child, LIMIT),
        0,
        "{}",
        terminal.screen()
    );
    terminal.wait_for("✔ verified");
    let screen = terminal.screen();
    assert_eq!(screen.matches("the input has ended").count(), 2, "{screen}");
    assert_eq!(screen.matches("answer [n]:").count(), 1, "{screen}");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
}

#[test]
fn what_is_said_to_a_running_task_is_shown() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), asking()]}),
        json!({"calls": [patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let line = "$ANIMUS run --test-command 'sh check.sh' 'Say hello'";
    let mut terminal = Terminal::new(&stage, &model.base_url(), line);
    terminal.wait_for("answer [n]:");
    terminal.types(b"n\nkeep the second line\n");
    terminal.wait_for("› keep the second line");
    let _ = terminal.child.kill();
    let _ = terminal.child.wait();
}
