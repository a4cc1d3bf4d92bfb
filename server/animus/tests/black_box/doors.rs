//! The door for programs under load and at its end: many tasks at once, readers that stall or hang up, a drain, both dialects.

use crate::interrupt::{ended, signal};
use crate::serve::{SERVE, Served, ask};
use crate::stage::Stage;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

/// A workspace whose model says `text`, over and over, for `delay_ms` each time. `server` is the section of that name.
pub fn talker(text: &str, delay_ms: u64, server: &Value) -> Stage {
    let stage = Stage::with(&[("a.txt", "a\n")]);
    let script = stage.home().join("script.yaml");
    let turns = json!({"repeat": true, "turns": [{"text": text, "delay_ms": delay_ms}]});
    std::fs::write(&script, turns.to_string()).unwrap();
    let config = json!({
        "providers": {"script": {"type": "scripted", "script": script}},
        "models": {"demo": {"provider": "script", "model": "demo", "default": true}},
        "agent": {"enable_plan": false, "enable_reflect": false},
        "server": server,
    });
    stage.configure(&config.to_string());
    stage
}

/// The JSON lines of an answer's chunks.
pub fn lines(answer: &str) -> Vec<Value> {
    let objects = answer.lines().filter(|line| line.starts_with('{'));
    objects
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// An answer that is still coming in.
struct Open {
    reader: BufReader<TcpStream>,
}

impl Open {
    fn post(served: &Served, path: &str, body: &Value) -> Open {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let (head, body) = (served.head("POST", path), body.to_string());
        write!(stream, "{head}\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", served.address, body.len()).unwrap();
        Open {
            reader: BufReader::new(stream),
        }
    }

    /// The value of a header; read up to it.
    fn header(&mut self, name: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "{name}");
            if let Some(value) = line.strip_prefix(&format!("{name}: ")) {
                return value.trim().to_owned();
            }
        }
    }

    /// Reads until a line holds the word.
    fn until(&mut self, word: &str) {
        loop {
            let mut line = String::new();
            assert!(self.reader.read_line(&mut line).unwrap() > 0, "no {word}");
            if line.contains(word) {
                return;
            }
        }
    }

    fn rest(mut self) -> String {
        let mut text = String::new();
        self.reader.read_to_string(&mut text).unwrap();
        text
    }
}

fn verb(served: &Served, verb: &str, params: &Value) -> Value {
    let answer = served.post(&format!("/agent/verb/{verb}"), &params.to_string());
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
}

/// Waits until a task is over, and says how it ended.
fn ending(served: &Served, task: &str) -> String {
    let begun = Instant::now();
    loop {
        let view = verb(served, "task/get", &json!({ "task": task }));
        if let Some(reason) = view["finished"].as_str() {
            return reason.to_owned();
        }
        assert!(begun.elapsed() < LONG, "{view}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn many_tasks_at_once_keep_apart_and_the_oldest_is_still_told() {
    let stage = talker("one two three", 50, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let body = json!({"prompt": "Say something"});
    let open: Vec<Open> = (0..100)
        .map(|_| Open::post(&served, "/agent/run", &body))
        .collect();
    let mut tasks = Vec::new();
    for mut answer in open {
        let task = answer.header("animus-task");
        let events = lines(&answer.rest());
        for (at, event) in events.iter().enumerate() {
            assert_eq!(
                (event["seq"].as_u64(), &event["task"]),
                (Some(at as u64), &json!(task))
            );
        }
        assert_eq!(events.last().unwrap()["update"]["reason"], "no_change");
        tasks.push(task);
    }
    tasks.sort();
    tasks.dedup();
    assert_eq!(tasks.len(), 100);
    // Long since only in the history: the log keeps the newest.
    let again = lines(&served.get(&format!("/agent/events?task={}&after=1", tasks[0])));
    assert_eq!(again[0]["seq"], 2);
    assert_eq!(again.last().unwrap()["update"]["type"], "finished");
    let text = served.get("/metrics");
    assert!(
        text.contains("mycodex_transport_active_sessions{transport=\"ndjson\"} 0"),
        "{text}"
    );
    served.end();
}

#[test]
fn r1_a_stalled_reader_slows_nobody_and_loses_nothing() {
    // More than the system keeps for a reader.
    let words = vec!["word"; 1_600_000].join(" ");
    let stage = talker(&words, 0, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let body = json!({"prompt": "Say something"});
    let mut stalled = Open::post(&served, "/agent/run", &body);
    let task = stalled.header("animus-task");
    let quick = lines(&Open::post(&served, "/agent/run", &body).rest());
    assert_eq!(quick.last().unwrap()["update"]["reason"], "no_change");
    assert_eq!(ending(&served, &task), "no_change");
    let events = lines(&stalled.rest());
    let again = lines(&served.get(&format!("/agent/events?task={task}")));
    assert_eq!(events, again);
    let told = events
        .iter()
        .filter_map(|event| event["update"]["text"].as_str());
    assert!(told.map(str::len).sum::<usize>() >= words.len());
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["seq"].as_u64(), Some(at as u64));
    }
    served.end();
}

#[test]
fn r2_a_hang_up_cancels_unless_the_client_detached() {
    let stage = talker("one two three four five six seven eight", 2_000, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    for (path, end) in [
        ("/agent/run", "cancelled"),
        ("/agent/run?detach=true", "no_change"),
    ] {
        let mut open = Open::post(&served, path, &json!({"prompt": "Say something"}));
        let task = open.header("animus-task");
        open.until("\"message\"");
        drop(open);
        assert_eq!(ending(&served, &task), end, "{path}");
        let told = lines(&served.get(&format!("/agent/events?task={task}")));
        assert_eq!(told.last().unwrap()["update"]["reason"], end);
    }
    served.end();
}

#[test]
fn a_drain_lets_tasks_end_and_takes_no_new_ones() {
    let stage = talker("one two three four", 3_000, &json!({"drain_seconds": 50}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let body = json!({"prompt": "Say something"});
    let mut open = Open::post(&served, "/agent/run", &body);
    open.until("\"message\"");
    signal(&served.child, "-TERM");
    let begun = Instant::now();
    let health = || ask(&served.address, "GET /healthz HTTP/1.1", "");
    while !health().contains("draining") {
        assert!(begun.elapsed() < LONG);
    }
    assert!(health().starts_with("HTTP/1.1 503"));
    for (path, body) in [
        ("/agent/run", body.clone()),
        ("/agent/verb/task/start", body.clone()),
        (
            "/animus.v1.AgentService/Call",
            json!({"verb": "task/start", "params": body}),
        ),
    ] {
        let refused = served.post(path, &body.to_string());
        assert!(refused.starts_with("HTTP/1.1 503"), "{path}: {refused}");
    }
    let events = lines(&open.rest());
    assert_eq!(events.last().unwrap()["update"]["reason"], "no_change");
    assert_eq!(ended(&mut served.child, LONG), 0);
}

#[test]
fn a_drain_whose_time_is_over_and_a_ctrl_c_cancel_and_tell_it() {
    for (name, seconds) in [("-TERM", 0), ("-INT", 600)] {
        let server = json!({"drain_seconds": seconds});
        let stage = talker(&vec!["word"; 600].join(" "), 600_000, &server);
        let mut served = Served::of(&mut stage.animus(&SERVE));
        let mut open = Open::post(&served, "/agent/run", &json!({"prompt": "Say something"}));
        open.until("\"message\"");
        signal(&served.child, name);
        let events = lines(&open.rest());
        assert_eq!(
            events.last().unwrap()["update"]["reason"],
            "cancelled",
            "{name}"
        );
        assert_eq!(ended(&mut served.child, LONG), 0);
    }
}

#[test]
fn clients_of_the_original_program_are_answered_in_its_words() {
    let stage = talker("one two three", 0, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let run = |body: Value| served.post("/agent/run", &body.to_string());
    for _ in 0..2 {
        let answer =
            run(json!({"session_id": "mine", "correlation_id": "c", "prompt": "Say something"}));
        let events = lines(&answer);
        let ends: Vec<usize> = (0..events.len())
            .filter(|at| events[*at]["type"] == "done")
            .collect();
        assert_eq!(ends, [events.len() - 1], "{answer}");
        let end = events.last().unwrap();
        assert_eq!(
            (&end["finish_reason"], &end["done"]),
            (&json!("no_change"), &json!(true))
        );
        let tokens = events.iter().filter_map(|event| event["token"].as_str());
        assert_eq!(tokens.collect::<String>(), "one two three");
        let whole = events
            .iter()
            .find(|event| event["type"] == "message")
            .unwrap();
        assert_eq!(whole["message"], "one two three");
        assert!(
            events
                .iter()
                .all(|event| event["session_id"] == "mine" && event["correlation_id"] == "c")
        );
    }
    for (wrong, why) in [
        (json!({"session_id": "../up", "prompt": "x"}), "name"),
        (json!({"session_id": "a/b", "prompt": "x"}), "name"),
        (json!({"session_id": "x".repeat(65), "prompt": "x"}), "name"),
        (json!({"session_id": 7, "prompt": "x"}), "string"),
        (
            json!({"session_id": "a", "correlation_id": "a\nb", "prompt": "x"}),
            "control",
        ),
        (
            json!({"session_id": "a", "prompt": "x", "testCommand": "y"}),
            "testCommand",
        ),
        (json!({"session_id": "a", "prompt": " "}), "words"),
        (json!({"prompt": "x", "unheard_of": 1}), "unheard_of"),
        (json!([1]), "invalid"),
    ] {
        let answer = run(wrong);
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains(why),
            "{answer}"
        );
    }
    served.end();
}

#[test]
fn calls_that_a_request_lists_run_first_and_the_model_is_shown_what_they_gave() {
    let stage = talker("never said", 0, &json!({}));
    stage.write("a.txt", "a line of the file\n");
    let script =
        json!({"turns": [{"text": "I saw it.", "expect": ["a line of the file", "no-such-file"]}]});
    std::fs::write(stage.home().join("script.yaml"), script.to_string()).unwrap();
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let run = |tools: Value| {
        let body = json!({"session_id": "s", "prompt": "Look", "tools": tools});
        served.post("/agent/run", &body.to_string())
    };
    for wrong in [
        json!([{"name": "fs.fly", "args": {}}]),
        json!([{"name": "fs.read_file", "args": {}}]),
        json!([{"name": "git.apply_patch", "args": {"patch": "x", "dry_run": true}}]),
    ] {
        let refused = run(wrong);
        assert!(refused.starts_with("HTTP/1.1 40"), "{refused}");
    }
    let answer = run(json!([
        {"name": "fs.read_file", "args": {"path": "a.txt"}},
        {"name": "fs.read_file", "args": {"path": "no-such-file"}},
    ]));
    let events = lines(&answer);
    let answered: Vec<&Value> = events
        .iter()
        .filter(|event| event["tool_output"].is_string())
        .collect();
    assert_eq!(answered.len(), 2, "{answer}");
    assert!(
        answered[0]["tool_output"]
            .as_str()
            .unwrap()
            .contains("a line of the file")
    );
    assert!(answered[1]["error"].is_string());
    assert!(
        answered
            .iter()
            .all(|event| event["tool_name"] == "fs.read_file" && event["exit_code"].is_i64()),
        "{answer}"
    );
    assert_eq!(events.last().unwrap()["step"], 1, "{answer}");
    assert_eq!(
        events.last().unwrap()["finish_reason"],
        "no_change",
        "{answer}"
    );
    let list = served.get("/tools/schemas");
    for name in [
        "fs.read_file",
        "fs.write_file",
        "terminal.exec",
        "git.apply_patch",
        "git.restore_backup",
        "git.list_backups",
        "git.preview_backup",
        "semantic.search",
    ] {
        assert!(list.contains(&format!("\"name\":\"{name}\"")), "{name}");
    }
    served.end();
}
