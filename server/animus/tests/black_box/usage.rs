//! Usage: what is wrong with a command line is told in the form that was asked for, and output that is lost is no success.

use crate::run::greeting;
use crate::stage::{Stage, said};
use serde_json::Value;

#[test]
fn a_program_gets_wrong_usage_as_json() {
    let stage = Stage::empty();
    for args in [
        &["run", "--json"][..],
        &["--json", "run", "--nope", "x"],
        &["--json", "no-such-command"],
        &["--json"],
        &["session", "--json"],
        &["search", "-k", "many", "x", "--json"],
    ] {
        let run = said(&mut stage.animus(args));
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        let error: Value = serde_json::from_str(run.err.trim())
            .unwrap_or_else(|error| panic!("{args:?}: {error}: {}", run.err));
        assert_eq!(error["error"]["code"], "invalid_input", "{args:?}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && !message.starts_with("error"),
            "{args:?}: {message}"
        );
    }
    // Behind two dashes it is a word of the task.
    let run = said(&mut stage.animus(&["run", "--nope", "--", "--json"]));
    assert!(run.err.starts_with("error: "), "{}", run.err);
    let help = said(&mut stage.animus(&["--json", "--help"]));
    assert!(help.code == 0 && help.out.contains("Usage"), "{}", help.err);
}

#[test]
fn empty_names_and_lines_are_refused() {
    let stage = greeting();
    for (args, word) in [
        (["--model", ""], "--model"),
        (["--model", " "], "--model"),
        (["--model", "openai/"], "--model"),
        (["--planner-model", ""], "--planner-model"),
        (["--critic-model", ""], "--critic-model"),
        (["--test-command", ""], "--test-command"),
        (["--test-command", " "], "--test-command"),
    ] {
        let all = ["run", args[0], args[1], "Say hello"];
        let run = said(&mut stage.with_model("http://127.0.0.1:1/v1", &all));
        assert_eq!(run.code, 2, "{args:?}: {}", run.err);
        assert!(run.err.contains(word), "{args:?}: {}", run.err);
    }
}

#[test]
fn config_check_names_an_address_that_serve_refuses() {
    let stage = Stage::empty();
    for (addr, refused) in [
        ("0.0.0.0:1", true),
        ("build.example:80", true),
        ("unix:relative", true),
        ("127.0.0.1:0", false),
        (":0", false),
    ] {
        stage.configure(&format!("server: {{addr: \"{addr}\"}}\n"));
        let check = said(&mut stage.animus(&["config", "check", "--json"]));
        let notes = check.json()["notes"].to_string();
        assert_eq!(
            notes.contains("will not listen"),
            refused,
            "{addr}: {notes}"
        );
        if refused {
            let serve = said(&mut stage.animus(&["serve"]));
            assert_ne!(serve.code, 0, "{addr}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_no_success() {
    let stage = Stage::with(&[("a.rs", "pub fn a() {}\n")]);
    for args in [
        &["map"][..],
        &["map", "--json"],
        &["outline", "a.rs"],
        &["config", "schema"],
        &["completions", "bash"],
        &["version"],
        &["--version"],
        &["--help"],
        &["run", "--help"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = stage.animus(args);
        let run = command.stdout(full.unwrap()).output().unwrap();
        let err = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("could not be written"), "{args:?}: {err}");
        assert_eq!(
            err.starts_with("{\"error\""),
            args.contains(&"--json"),
            "{args:?}: {err}"
        );
    }
}
