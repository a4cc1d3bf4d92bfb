//! Half answers: whatever breaks an answer off, it is no word that the work is done, and the task goes on where it can.

use crate::run::{greeting, patch};
use crate::stage::{Said, Stage, said};
use serde_json::{Value, json};
use testkit::http::{Answer, ModelServer, Server};

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn piece(text: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

fn stop(word: &str) -> String {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": word}]}))
        + "data: [DONE]\n\n"
}

/// A server that streams each body in turn, and the last one from then on.
fn streaming(bodies: Vec<String>) -> Server {
    Server::with(move |number, _| Answer::sse(&bodies[number.min(bodies.len() - 1)]))
}

fn run(stage: &Stage, first: &str, then: &str) -> Said {
    stage.configure(&format!(
        "providers:
  a: {{type: openai_compatible, base_url: '{first}'}}
  b: {{type: openai_compatible, base_url: '{then}'}}
models:
  one: {{provider: a, model: one, default: true}}
  two: {{provider: b, model: two}}
strategy: {{fallbacks: [two]}}
agent: {{enable_plan: false, enable_reflect: false}}
"
    ));
    said(&mut stage.animus(&[
        "run",
        "--json",
        "--test-command",
        "sh check.sh",
        "Say hello",
    ]))
}

#[test]
fn an_overload_behind_shown_text_is_asked_anew_elsewhere() {
    for error in [
        json!({"error": {"code": 503, "message": "overloaded"}}),
        json!({"error": {"code": 429, "message": "slow down; try again in 0.2s"}}),
    ] {
        let stage = greeting();
        let ill = streaming(vec![piece("I begin to ") + &event(&error)]);
        let well = ModelServer::openai(vec![
            json!({"calls": [patch("hello")]}),
            json!({"text": "Done."}),
        ]);
        let run = run(&stage, &ill.url(), &well.base_url());
        assert_eq!(run.finished()["reason"], "verified", "{}", run.out);
        assert_eq!(stage.read("greeting.txt"), "hello\nworld\n");
    }
}

#[test]
fn a_half_answer_lands_nothing() {
    for word in ["content_filter", "abort", "a_word_nobody_knows"] {
        let stage = greeting();
        let call = json!({"index": 0, "id": "c1", "type": "function",
            "function": {"name": "apply_patch", "arguments": patch("hello")["arguments"].to_string()}});
        let edit = event(
            &json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": null}]}),
        ) + &stop("tool_calls");
        let half = piece("I have done the first half and now I wi") + &stop(word);
        let server = streaming(vec![edit, half]);
        let run = run(&stage, &server.url(), &server.url());
        assert_eq!(
            run.finished()["reason"],
            "provider_error",
            "{word}: {}",
            run.out
        );
        assert_eq!(stage.read("greeting.txt"), "hullo\nworld\n", "{word}");
    }
}
