//! Hostile test commands: whatever they do, the task ends soon with a verdict that says why, nothing is left running, and no file
//! of the user's changes. The editor's requests are answered meanwhile.

use crate::interrupt::living;
use crate::lsp::Client;
use crate::run::{critic, greeting, patch, plan};
use crate::stage::{Stage, said};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::{Duration, Instant};
use testkit::http::ModelServer;

const LIMITS: &str =
    "sandbox:\n  memory_mb: 200\nagent:\n  test_timeout_seconds: 3\n  test_retries: 0\n";

/// A model that patches the greeting and gives up when the tests fail.
fn model() -> ModelServer {
    ModelServer::openai(vec![
        json!({"calls": [plan(), patch("hello")]}),
        json!({"text": "Done."}),
        critic(),
        json!({"text": "It cannot be done otherwise."}),
        critic(),
    ])
}

/// A workspace with this test script, in which `MARK` is a number that nothing else waits for.
fn stage(script: &str, number: u32) -> (Stage, String) {
    let stage = greeting();
    let mark = format!("66{number}{:07}", std::process::id());
    stage.write("check.sh", &script.replace("MARK", &mark));
    stage.configure(LIMITS);
    (stage, mark)
}

/// Scripts, the test's verdict, and what its output says of the end.
const SCRIPTS: [(&str, &str, &str); 8] = [
    (
        ":(){ :|:& };:\nsleep MARK\n",
        "failed",
        "[stopped: more than ",
    ),
    (
        "yes MARK\n",
        "failed",
        "[stopped: more than 256 MiB of output]",
    ),
    (
        "cat /dev/zero & cat /dev/zero >&2\n",
        "failed",
        "[stopped: more than 256 MiB of output]",
    ),
    (
        "setsid sleep MARK &\n(setsid sh -c 'trap \"\" TERM HUP; sleep MARK; sleep MARK' &)\nsleep MARK\n",
        "failed",
        "[stopped after 3 s: agent.test_timeout_seconds]",
    ),
    (
        "perl -e 'my @a; push @a, \"x\" x 1000000 while 1' MARK\n",
        "failed",
        "[stopped: more than 200 MiB of memory]",
    ),
    (
        "for i in 1 2 3 4 5 6 7 8; do perl -e 'my $a = \"x\" x 50000000; sleep 60' MARK & done; wait\n",
        "failed",
        "[stopped: more than 200 MiB of memory]",
    ),
    (
        "cat; read x; echo 'nobody answered'; exit 1\n",
        "failed",
        "nobody answered",
    ),
    (
        "echo x > ../../../victim; rm -rf ~/* /tmp/*; kill -9 1; sleep MARK\n",
        "failed",
        "",
    ),
];

#[test]
fn every_hostile_test_command_ends_with_a_verdict() {
    let begun = Instant::now();
    for (number, (script, verdict, text)) in (0..).zip(SCRIPTS) {
        let (stage, mark) = stage(script, number);
        let keep = stage.home().join("keep");
        std::fs::write(&keep, "precious").unwrap();
        let model = model();
        let since = Instant::now();
        let args = [
            "run",
            "--json",
            "--test-command",
            "bash check.sh",
            "Say hello",
        ];
        let run = said(&mut stage.with_model(&model.base_url(), &args));
        let took = since.elapsed();
        let end = run.finished();
        assert_eq!(
            (end["reason"].as_str(), run.code),
            (Some("test_failed"), 4),
            "{script} {end} {}",
            run.err
        );
        let events = run.events();
        let report = events
            .iter()
            .rev()
            .find(|event| event["update"]["type"] == "test")
            .map(|event| &event["update"]["report"])
            .unwrap();
        assert_eq!(report["verdict"], verdict, "{script} {report}");
        let output = report["output"].as_str().unwrap();
        assert!(output.contains(text), "{script} {output}");
        assert!(output.len() < 20_000, "{script} {}", output.len());
        assert!(took < Duration::from_secs(9), "{script} {took:?}");
        assert_eq!(living(&mark), Vec::<String>::new(), "{script}");
        assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n", "{script}");
        assert_eq!(stage.read("other.txt"), "untouched\n", "{script}");
        assert_eq!(std::fs::read_to_string(&keep).unwrap(), "precious");
        eprintln!("{took:?}: {}", script.lines().next().unwrap_or_default());
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// Waits for a task of a client to end, asking for code actions all the while; gives back the slowest answer.
fn actions_until_finished(client: &mut Client, uri: &str, task: &Value) -> Duration {
    let (mut worst, begun) = (Duration::ZERO, Instant::now());
    for id in 100.. {
        let range =
            json!({"start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 1}});
        let params =
            json!({"textDocument": {"uri": uri}, "range": range, "context": {"diagnostics": []}});
        let since = Instant::now();
        let answer = client.ask(id, "textDocument/codeAction", params);
        worst = worst.max(since.elapsed());
        assert!(answer["result"].is_array(), "{answer}");
        let replay = json!({"task": task});
        let replay = client.ask(id + 1_000_000, "animus/task/replay", replay);
        let events = replay["result"]["events"].as_array();
        // A task that was just started has said nothing yet.
        let last = events.and_then(|events| events.last());
        if let Some(last) = last.filter(|last| last["update"]["type"] == "finished") {
            assert_eq!(last["update"]["reason"], "test_failed", "{last}");
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{replay}");
        std::thread::sleep(Duration::from_millis(10));
    }
    worst
}

#[test]
fn the_editor_is_answered_while_a_hostile_test_command_runs() {
    for (number, (script, ..)) in (20..).zip([SCRIPTS[0], SCRIPTS[1], SCRIPTS[4]]) {
        let (stage, mark) = stage(script, number);
        stage.configure(&format!("{LIMITS}  test_command: bash check.sh\n"));
        let model = model();
        let mut client = Client::of(&mut stage.with_model(&model.base_url(), &["lsp"]));
        let root = format!("file://{}", stage.root().canonicalize().unwrap().display());
        let params = json!({"processId": std::process::id(), "rootUri": root, "capabilities": {"experimental": {"animus": {"protocol": [1], "notifications": true}}}});
        client.ask(1, "initialize", params);
        client.send(&json!({"jsonrpc": "2.0", "method": "initialized", "params": {}}));
        let uri = format!("{root}/other.txt");
        let document =
            json!({"uri": uri, "languageId": "plaintext", "version": 1, "text": "untouched\n"});
        client.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": document}}));
        let task = client.ask(3, "animus/task/start", json!({"prompt": "Say hello"}));
        let id = &task["result"]["task"];
        assert!(id.is_string(), "{task}");
        let worst = actions_until_finished(&mut client, &uri, id);
        eprintln!(
            "slowest code action {worst:?} beside {}",
            script.lines().next().unwrap_or_default()
        );
        assert!(worst < Duration::from_secs(1), "{script} {worst:?}");
        assert_eq!(living(&mark), Vec::<String>::new(), "{script}");
        assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n", "{script}");
        client.ask(4, "shutdown", Value::Null);
        client.send(&json!({"jsonrpc": "2.0", "method": "exit"}));
        assert_eq!(client.end("exit"), Some(0));
    }
}

/// Neither the program nor an editor's server leaves a test command behind when it is killed itself.
#[test]
fn nothing_outlives_a_killed_program() {
    let script = "setsid sleep MARK &\n(setsid sh -c 'trap \"\" TERM HUP; sleep MARK; sleep MARK' &)\nsleep MARK\n";
    let (stage, mark) = stage(script, 30);
    let model = model();
    let args = [
        "run",
        "--json",
        "--test-command",
        "bash check.sh",
        "Say hello",
    ];
    let mut child = stage
        .with_model(&model.base_url(), &args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let since = Instant::now();
    while living(&format!("sleep {mark}")).len() < 3 {
        assert!(since.elapsed() < Duration::from_secs(20), "never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let since = Instant::now();
    while !living(&mark).is_empty() {
        assert!(
            since.elapsed() < Duration::from_millis(500),
            "{:?}",
            living(&mark)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    eprintln!("all gone {:?} after the kill", since.elapsed());
    assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n");
}

#[test]
fn doctor_names_every_layer_and_what_was_tried() {
    let stage = Stage::with(&[(".env", "KEY=1\n")]);
    stage.configure("sandbox:\n  memory_mb: 700\n");
    let doctor = said(&mut stage.animus(&["doctor", "--json"])).json();
    let (report, bounds) = (&doctor["sandbox"]["report"], &doctor["sandbox"]["bounds"]);
    let layers: Vec<&str> = report["mechanisms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert!(
                one["active"].is_boolean() && one["keeps"].is_string(),
                "{one}"
            );
            one["layer"].as_str().unwrap()
        })
        .collect();
    assert_eq!(
        layers,
        [
            "processes",
            "mounts",
            "network",
            "landlock",
            "seccomp",
            "limits",
            "memory"
        ]
    );
    let tried = report["attempts"].as_array().unwrap();
    assert!(tried.iter().any(|one| one["what"] == "udp"), "{report}");
    assert_eq!(bounds["memory_mb"], 700);
    let hidden = bounds["hidden"].as_array().unwrap();
    let env = stage.root().canonicalize().unwrap().join(".env");
    assert!(hidden.contains(&json!(env)), "{bounds}");
    let text = said(&mut stage.animus(&["doctor"])).out;
    for word in [
        "keeps a command from",
        "denied",
        "700 MiB of memory",
        ".env",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    stage.configure("sandbox:\n  enabled: false\n");
    let doctor = said(&mut stage.animus(&["doctor", "--json"])).json();
    assert!(doctor["sandbox"].is_null(), "{doctor}");
}
