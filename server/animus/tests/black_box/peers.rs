//! Peers: several processes on one workspace. A terminal lets a running server work, sees the editor's unsaved text through it, and
//! goes on alone when it dies; tasks of one are seen and cancelled from the other.

use crate::interrupt::ended;
use crate::lsp::Client;
use crate::run::{critic, greeting, patch, plan};
use crate::serve::Served;
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};
use testkit::http::ModelServer;

const LIMIT: Duration = Duration::from_secs(60);

/// A greeting whose test takes long while the file `slow` is there.
fn slow_greeting() -> Stage {
    let stage = greeting();
    stage.write("slow", "");
    stage.write(
        "check.sh",
        "[ -e slow ] && sleep 300\ngrep -q '^hello$' greeting.txt || { echo 'FAILED greeting::says_hello'; exit 1; }\n",
    );
    stage
}

fn wait(what: &str, mut met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < LIMIT, "timed out waiting for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running `animus run --json`, with what it said so far.
struct Run {
    child: Child,
    lines: BufReader<ChildStdout>,
    events: Vec<Value>,
}

impl Run {
    fn start(stage: &Stage, model: &ModelServer, more: &[&str]) -> Run {
        Run::of(stage, model, more, &[])
    }

    fn start_with(stage: &Stage, model: &ModelServer, vars: &[(&str, &str)]) -> Run {
        Run::of(stage, model, &[], vars)
    }

    fn of(stage: &Stage, model: &ModelServer, more: &[&str], vars: &[(&str, &str)]) -> Run {
        let mut args = vec!["run", "--json", "--test-command", "sh check.sh"];
        args.extend(more);
        args.push("Say hello");
        let mut child = stage
            .with_model(&model.base_url(), &args)
            .envs(vars.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Run {
            child,
            lines,
            events: Vec::new(),
        }
    }

    /// Reads up to an event of this kind.
    fn until(&mut self, kind: &str) {
        while self.next() {
            if self.events.last().unwrap()["update"]["type"] == kind {
                return;
            }
        }
        panic!("no {kind} in {:?}", self.events);
    }

    fn next(&mut self) -> bool {
        let mut line = String::new();
        if self.lines.read_line(&mut line).unwrap() == 0 {
            return false;
        }
        self.events.push(serde_json::from_str(&line).unwrap());
        true
    }

    /// Reads to the end; the exit code and what was said on stderr.
    fn end(&mut self) -> (i32, String) {
        while self.next() {}
        let code = ended(&mut self.child, LIMIT);
        let err = std::io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        (code, err)
    }
}

fn editor(stage: &Stage, model: &ModelServer) -> Client {
    let mut client = Client::of(&mut stage.with_model(&model.base_url(), &["lsp"]));
    let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
    let params = json!({"processId": std::process::id(), "rootUri": root, "capabilities": {}});
    client.ask(1, "initialize", params);
    client.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
    client.ask(2, "animus/status", json!({}));
    client
}

fn tasks(client: &mut Client) -> Vec<Value> {
    let list = client.ask(9, "animus/task/list", json!({}));
    list["result"]["tasks"].as_array().unwrap().clone()
}

#[test]
fn a_terminal_lets_the_server_work_and_goes_on_when_it_dies() {
    let stage = slow_greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
        json!({"text": "It is done already."}),
        critic(),
    ]);
    let mut server = Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    wait("the server to lead", || place_of(&stage).exists());
    let mut run = Run::start(&stage, &model, &[]);
    run.until("test");
    assert!(
        server.get("/metrics").contains("animus_running_tasks 1"),
        "the server has the task"
    );
    std::fs::remove_file(stage.root().join("slow")).unwrap();
    server.kill();
    let (code, err) = run.end();
    assert_eq!(code, 0, "{err}\n{:?}", run.events);
    assert!(err.contains("the server is gone"), "{err}");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    let (first, second): (Vec<_>, Vec<_>) = run
        .events
        .iter()
        .partition(|event| event["task"] == run.events[0]["task"]);
    for task in [&first, &second] {
        for (seq, event) in task.iter().enumerate() {
            assert_eq!(event["seq"], seq as u64, "a gap in {task:?}");
        }
    }
    let reason = |task: &[&Value]| task.last().unwrap()["update"]["reason"].clone();
    assert_eq!(
        (reason(&first), reason(&second)),
        (json!("cancelled"), json!("verified"))
    );
    assert_eq!(first[0]["session"], second[0]["session"]);
}

#[test]
fn a_server_killed_behind_the_landing_leaves_a_task_that_ends_as_its_tests_say() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let mut server = Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    wait("the server to lead", || place_of(&stage).exists());
    let place = place_of(&stage);
    let mut run = Run::start(&stage, &model, &[]);
    run.until("patchState");
    server.kill();
    let (code, err) = run.end();
    assert_eq!(code, 0, "{err}\n{:?}", run.events);
    let first = &run.events[0];
    for (seq, event) in run.events.iter().enumerate() {
        assert_eq!(
            (&event["task"], &event["seq"]),
            (&first["task"], &json!(seq))
        );
    }
    assert_eq!(run.events.last().unwrap()["update"]["reason"], "verified");
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");

    // The same, cut off for certain, and taken up by hand.
    let session = first["session"].as_str().unwrap();
    let path = place.with_file_name(format!("sessions/{session}.ndjson"));
    let text = std::fs::read_to_string(&path).unwrap();
    let end = text.trim_end().rfind('\n').unwrap();
    std::fs::write(&path, &text[..=end]).unwrap();
    let args = ["session", "resume", "--json", session];
    let resumed = said(&mut stage.with_model(&model.base_url(), &args));
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let last: Value = serde_json::from_str(resumed.out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["task"], &last["update"]["reason"]),
        (&first["task"], &json!("verified")),
        "{}",
        resumed.out
    );
}

#[test]
fn what_a_terminal_started_ends_with_it_and_another_configuration_is_not_handed_over() {
    let stage = slow_greeting();
    let turns = || {
        vec![
            json!({"calls": [plan(), patch("hello")]}),
            json!({"text": "Done."}),
            critic(),
        ]
    };
    let model = ModelServer::openai(turns());
    let mut server = Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    wait("the server to lead", || place_of(&stage).exists());
    let mut run = Run::start(&stage, &model, &[]);
    run.until("test");
    run.child.kill().unwrap();
    wait("the task to be cancelled", || {
        let metrics = server.get("/metrics");
        metrics.contains("animus_running_tasks 0")
            && metrics.contains("finish_reason=\"cancelled\"} 1")
    });
    std::fs::remove_file(stage.root().join("slow")).unwrap();
    let other = ModelServer::openai(turns());
    let mut run = Run::start(&stage, &other, &[]);
    let (code, err) = run.end();
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("a server has"), "{err}");
    assert_eq!(other.requests().len(), 3);
    assert!(server.get("/metrics").contains("animus_running_tasks 0"));
    server.end();
}

#[test]
fn a_terminal_sees_the_unsaved_text_of_the_editor() {
    let stage = greeting();
    let unsaved = "hullo\nworld\n".replace("world", "unsaved world");
    let words = patch("hello");
    let text = words["arguments"]["patch"].as_str().unwrap();
    let text = text.replace("\n world", "\n unsaved world");
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), {"name": "apply_patch", "arguments": {"patch": text}}]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let mut client = editor(&stage, &model);
    let uri = format!(
        "file://{}/greeting.txt",
        stage.root().canonicalize().unwrap().display()
    );
    client.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": uri, "languageId": "plaintext", "version": 1, "text": unsaved}}}));
    wait("the editor's server to lead", || place_of(&stage).exists());
    let mut run = Run::start(&stage, &model, &["--land", "review"]);
    let (code, err) = run.end();
    assert_eq!(code, 0, "{err}\n{:?}", run.events);
    assert!(err.contains("a server has this workspace open"), "{err}");
    let listed = tasks(&mut client);
    assert_eq!(listed[0]["id"], run.events[0]["task"]);
    let patches = said(&mut stage.animus(&["patch", "list", "--json"])).out;
    assert!(patches.contains("proposed"), "{patches}");
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn editors_see_and_cancel_each_others_tasks_and_notice_a_death() {
    let stage = slow_greeting();
    let turns = [
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ];
    let model = ModelServer::openai([turns.clone(), turns].concat());
    let mut one = editor(&stage, &model);
    wait("the first to lead", || place_of(&stage).exists());
    let mut two = editor(&stage, &model);
    let ask = json!({"prompt": "Say hello", "testCommand": "sh check.sh"});
    let start = |client: &mut Client| {
        let started = client.ask(3, "animus/task/start", ask.clone());
        started["result"]["task"].as_str().unwrap().to_owned()
    };
    // The one that does not lead works; the leader cancels.
    let task = start(&mut two);
    let known = |client: &mut Client, task: &str, key: &str| {
        let all = tasks(client);
        let found = all.iter().find(|view| view["id"] == task);
        found.map(|view| view[key].clone())
    };
    wait("the task to be seen", || {
        known(&mut one, &task, "phase") == Some(json!("test"))
    });
    let replay = one.ask(4, "animus/task/replay", json!({"task": task}));
    let events = replay["result"]["events"].as_array().unwrap().clone();
    assert_eq!(events[0]["update"]["type"], "started");
    let cancelled = one.ask(5, "animus/task/cancel", json!({"task": task}));
    assert_eq!(cancelled["result"]["cancelled"], json!([task]));
    for client in [&mut one, &mut two] {
        wait("the end", || {
            known(client, &task, "finished") == Some(json!("cancelled"))
        });
    }
    // The leader works and dies; the other one leads from then on.
    let task = start(&mut one);
    wait("the second task", || {
        known(&mut two, &task, "phase") == Some(json!("test"))
    });
    one.child.kill().unwrap();
    wait("the orphan to end", || {
        known(&mut two, &task, "finished") == Some(json!("cancelled"))
    });
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn a_command_reaches_neither_the_socket_nor_its_token() {
    let stage = greeting();
    let model = ModelServer::openai(vec![json!({"text": "Nothing."})]);
    let mut server = Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    wait("the server to lead", || place_of(&stage).exists());
    let token = std::fs::read_to_string(place_of(&stage).with_extension("token")).unwrap();
    let file = place_of(&stage)
        .with_extension("token")
        .display()
        .to_string();
    let seen = said(&mut stage.animus(&["exec", "--phase", "act", "--", "cat", &file]));
    assert!(seen.code != 0 && !seen.out.contains(&token), "{}", seen.out);
    server.end();
}

fn place_of(stage: &Stage) -> std::path::PathBuf {
    let workspaces = stage.root().parent().unwrap().join("state/workspaces");
    let found = std::fs::read_dir(workspaces)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("peers.sock"))
        .find(|socket| socket.exists());
    found.unwrap_or_else(|| "/nowhere".into())
}

#[test]
fn what_waited_for_a_word_is_asked_again_after_a_kill_and_the_old_task_can_be_read() {
    let stage = greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), {"name": "run_command", "arguments": {"command": "curl http://127.0.0.1:1/x"}}]}),
        json!({"text": "Nothing to do."}),
        critic(),
    ]);
    let serve = || Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    let answer = |text: String| -> Value {
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    let mut server = serve();
    let started = answer(server.post("/agent/verb/task/start", r#"{"prompt": "Fetch it"}"#));
    let (task, session) = (
        started["task"].as_str().unwrap().to_owned(),
        started["session"].as_str().unwrap().to_owned(),
    );
    let named = json!({"task": task}).to_string();
    // The phase is told before the question: a kill in between would leave nothing to ask again.
    wait("the question", || {
        let replay = server.post("/agent/verb/task/replay", &named);
        replay.contains(r#""type":"approval""#)
    });
    server.kill();
    let asked = model.requests().len();

    let resumed = said(&mut stage.with_model(
        &model.base_url(),
        &["session", "resume", "--json", &session],
    ));
    let events = resumed.events();
    let at = |kind: &str| {
        let found = events
            .iter()
            .position(|event| event["update"]["type"] == kind);
        found.unwrap_or_else(|| panic!("no {kind}: {}", resumed.out))
    };
    assert!(at("approval") < at("modelCall"), "{}", resumed.out);
    assert_eq!(
        events[at("approval")]["update"]["approval"]["details"][0],
        "curl http://127.0.0.1:1/x"
    );
    assert_eq!(asked, 1);

    let mut server = serve();
    let old = server.get(&format!("/agent/events?task={task}&after=0"));
    let lines: Vec<Value> = old
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(Value::is_object)
        .collect();
    assert_eq!(lines[0]["seq"], 1, "{old}");
    assert_eq!(
        lines.last().unwrap()["update"]["reason"],
        "cancelled",
        "{old}"
    );
    server.end();
}

#[test]
fn a_server_that_ends_leaves_the_terminals_task_to_it() {
    for how in ["-INT", "-TERM"] {
        let stage = slow_greeting();
        let model = ModelServer::openai(vec![
            json!({"calls": [plan(), patch("hello")]}),
            json!({"text": "Done."}),
            critic(),
            json!({"text": "It is done already."}),
            critic(),
        ]);
        let mut command = stage.with_model(&model.base_url(), &crate::serve::SERVE);
        let mut server = Served::of(command.env("ANIMUS_SERVER_DRAIN_SECONDS", "0"));
        wait("the server to lead", || place_of(&stage).exists());
        // The same configuration, or it would not be handed over.
        let mut run = Run::start_with(&stage, &model, &[("ANIMUS_SERVER_DRAIN_SECONDS", "0")]);
        run.until("test");
        std::fs::remove_file(stage.root().join("slow")).unwrap();
        server.stop(how);
        let (code, err) = run.end();
        assert_eq!(code, 0, "{how}: {err}\n{:?}", run.events);
        assert!(err.contains("the server is gone"), "{how}: {err}");
        assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    }
}

#[test]
fn an_editor_that_closes_leaves_the_terminals_task_to_it() {
    let stage = slow_greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
        json!({"text": "It is done already."}),
        critic(),
    ]);
    // One that works and does not lead, and one that leads.
    let mut leader = editor(&stage, &model);
    wait("the first to lead", || place_of(&stage).exists());
    let mut run = Run::start(&stage, &model, &[]);
    run.until("test");
    std::fs::remove_file(stage.root().join("slow")).unwrap();
    leader.ask(7, "shutdown", Value::Null);
    leader.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
    let (code, err) = run.end();
    assert_eq!(code, 0, "{err}\n{:?}", run.events);
    assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    ended(&mut leader.child, LIMIT);
}

#[test]
fn a_server_that_comes_late_tells_the_rest_of_a_task_and_its_open_questions() {
    let stage = slow_greeting();
    let model = ModelServer::openai(vec![
        json!({"calls": [plan(), {"name": "run_command", "arguments": {"command": "curl http://127.0.0.1:1/x"}}]}),
        json!({"calls": [patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
    ]);
    let answer = |text: String| -> Value {
        serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap()
    };
    // The first server works; the second comes while a person is asked, and answers.
    let command = || stage.with_model(&model.base_url(), &crate::serve::SERVE);
    let mut one = Served::of(&mut command());
    wait("the first to lead", || place_of(&stage).exists());
    let asked = json!({"prompt": "Fetch it", "testCommand": "sh check.sh"}).to_string();
    let started = answer(one.post("/agent/verb/task/start", &asked));
    let task = started["task"].as_str().unwrap().to_owned();
    let named = json!({"task": task}).to_string();
    wait("the question", || {
        answer(one.post("/agent/verb/task/get", &named))["phase"] == "waiting"
    });
    let mut two = Served::of(&mut command());
    let mut question = Value::Null;
    wait("the question at the second", || {
        question = answer(two.post("/agent/verb/approval/list", ""))["approvals"][0].clone();
        question["task"] == task.as_str()
    });
    let no = json!({"approval": question["id"], "option": "reject_once"}).to_string();
    assert!(
        two.post("/agent/verb/approval/resolve", &no)
            .contains("200 OK")
    );
    std::fs::remove_file(stage.root().join("slow")).unwrap();
    // Read at the second, from the first event to the last.
    let read = two.get(&format!("/agent/events?task={task}"));
    let seqs: Vec<u64> = read
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (0..seqs.len() as u64).collect::<Vec<_>>());
    assert!(read.contains("\"reason\":\"verified\""), "{read}");
    wait("its end at the second", || {
        answer(two.post("/agent/verb/task/get", &named))["finished"] == "verified"
    });
    one.end();
    two.end();
}

#[test]
fn doctor_names_who_has_the_workspace_open_and_what_stands_in_the_way() {
    let stage = greeting();
    let doctor = || {
        let run = said(&mut stage.animus(&["doctor", "--json"]));
        let checks = run.json()["checks"].clone();
        let server = checks.as_array().unwrap().iter();
        let mut server = server.filter(|check| check["name"] == "server").cloned();
        let found = server.next().unwrap_or_else(|| panic!("{checks}"));
        assert!(server.next().is_none(), "{checks}");
        found
    };
    assert_eq!(doctor()["detail"], "no server has this workspace open");
    let model = ModelServer::openai(vec![]);
    let server = || Served::of(&mut stage.with_model(&model.base_url(), &crate::serve::SERVE));
    let first = server();
    wait("the server", || {
        doctor()["detail"]
            .as_str()
            .unwrap()
            .contains("animus serve")
    });
    let mut first = first;
    first.kill();
    assert_eq!(doctor()["detail"], "no server has this workspace open");
    let socket = place_of(&stage);
    std::fs::remove_file(&socket).unwrap();
    std::fs::create_dir(&socket).unwrap();
    let wrong = doctor();
    assert_eq!(wrong["state"], "weak");
    let detail = wrong["detail"].as_str().unwrap();
    assert!(detail.ends_with("peers.sock is a folder"), "{detail}");
}
