//! The door for programs asked oddly: replays in either words, one name at once, bodies that are none, deadlines, and how all of it
//! is counted.

use crate::doors::{lines, talker};
use crate::serve::{SERVE, Served, ask};
use serde_json::{Value, json};

/// An answer's body, whole or in chunks of which one holds it.
fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let object = body.find('{').zip(body.rfind('}'));
    let (from, to) = object.unwrap_or_else(|| panic!("{answer}"));
    serde_json::from_str(&body[from..=to]).unwrap_or_else(|_| panic!("{answer}"))
}

/// The value of an answer's header.
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let line = answer.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        (found == name).then_some(value)
    });
    line.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// A figure of the metrics.
fn figure(served: &Served, name: &str) -> f64 {
    let text = served.get("/metrics");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[test]
fn a_replay_is_the_rest_of_what_was_said() {
    let stage = talker("one two three", 0, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let request = json!({"session_id": "mine", "correlation_id": "c", "prompt": "Say something"});
    let answer = served.post("/agent/run", &request.to_string());
    let task = header(&answer, "animus-task").to_owned();
    let whole = lines(&answer);
    let get = |query: &str| served.get(&format!("/agent/events?task={task}{query}"));
    assert_eq!(lines(&get("")), whole, "in the words it was asked in");
    assert_eq!(lines(&get("&after=")), whole);
    let middle = whole
        .iter()
        .position(|line| line["type"] == "message")
        .unwrap();
    let after = whole[middle - 1]["seq"].as_u64().unwrap();
    for words in ["", "&events=seed"] {
        let rest = lines(&get(&format!("&after={after}{words}")));
        assert_eq!(rest, whole[middle..], "{words}");
    }
    let ours = lines(&get(&format!("&after={after}&events=animus")));
    assert_eq!(ours[0]["seq"], after + 1);
    let last = ours.last().unwrap()["seq"].as_u64().unwrap();
    let beyond = get("&after=99999");
    assert!(
        beyond.starts_with("HTTP/1.1 400") && beyond.contains(&format!("seq {last}")),
        "{beyond}"
    );
    assert!(get("&after=x").starts_with("HTTP/1.1 400"));
    served.end();
}

#[test]
fn tasks_of_one_name_run_one_after_the_other() {
    let stage = talker("one two three", 300, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let request = json!({"session_id": "par", "prompt": "Say something"}).to_string();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| served.post("/agent/run", &request)))
            .collect();
        for answer in asked {
            let answer = answer.join().unwrap();
            let end = lines(&answer).pop().unwrap_or_default();
            assert_eq!(end["finish_reason"], "no_change", "{answer}");
        }
    });
    served.end();
}

#[test]
fn what_is_no_request_is_refused_and_counted_by_its_code() {
    let stage = talker("one", 0, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let wrong = |name: &str, reason: &str| {
        let labels = format!("{{reason=\"{reason}\",transport=\"{name}\"}}");
        figure(&served, &format!("mycodex_transport_errors_total{labels}"))
    };
    let before = wrong("ndjson", "invalid_input");
    for sent in ["[\"Say something\"]", "[]", "\"x\"", "7", ""] {
        let answer = served.post("/agent/run", sent);
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("a request is a JSON object"),
            "{sent}: {answer}"
        );
    }
    let answer = served.post("/agent/verb/task/get", "[\"x\"]");
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains("JSON object"),
        "{answer}"
    );
    assert_eq!(wrong("ndjson", "invalid_input") - before, 6.0);
    let list = body(&served.post("/agent/verb/task/list", "{}"));
    assert_eq!(list, json!({"tasks": []}));

    let head = served.head("POST", "/agent/run");
    let chunked = format!(
        "{head}\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
        served.address
    );
    let answer = crate::doors_closed::raw(&served.address, chunked.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");

    let before = wrong("ndjson", "not_found");
    let answer = served.get("/agent/nothing");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert_eq!(body(&answer)["code"], "not_found");
    let answer = served.get("/agent/events?task=none");
    assert_eq!(body(&answer)["code"], "not_found");
    assert!(!answer.contains("animus/task"), "{answer}");
    assert_eq!(wrong("ndjson", "not_found") - before, 2.0);
    let answer = served.get("/agent/run");
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
    assert_eq!(body(&answer)["code"], "invalid_input");

    let before = wrong("connect", "not_found");
    let call = |verb: &str| {
        let request = json!({"verb": verb, "params": {}}).to_string();
        served.post("/animus.v1.AgentService/Call", &request)
    };
    assert_eq!(body(&call("no/verb"))["code"], "not_found");
    let nothing = served.post("/animus.v1.AgentService/Nothing", "{}");
    assert!(
        nothing.starts_with("HTTP/1.1 404") || nothing.contains("not_found"),
        "{nothing}"
    );
    assert_eq!(wrong("connect", "not_found") - before, 2.0);
    let before = wrong("connect", "invalid_input");
    served.post("/animus.v1.AgentService/Call", "{\"verb\": 7}");
    assert_eq!(wrong("connect", "invalid_input") - before, 1.0);
    let before = wrong("connect", "auth");
    let stranger = "POST /animus.v1.AgentService/Call HTTP/1.1";
    assert!(ask(&served.address, stranger, "{}").starts_with("HTTP/1.1 401"));
    assert_eq!(wrong("connect", "auth") - before, 1.0);
    let metrics = served.get("/metrics");
    assert!(metrics.contains("mycodex_agent_requests_total{finish_reason=\"blocked_by_reflect\"}"));
    assert!(!metrics.contains("finish_reason=\"blocked_by_critic\""));
    served.end();
}

#[test]
fn connect_says_the_values_of_plain_http_and_keeps_deadlines() {
    let stage = talker("one", 60_000, &json!({}));
    let mut served = Served::of(&mut stage.animus(&SERVE));
    let call = |verb: &str| {
        let request = json!({"verb": verb, "params": {}}).to_string();
        served.post("/animus.v1.AgentService/Call", &request)
    };
    let started = served.post(
        "/agent/verb/task/start",
        &json!({"prompt": "Go"}).to_string(),
    );
    let task = body(&started)["task"].as_str().unwrap().to_owned();
    let answer = call("models");
    assert_eq!(
        body(&answer)["result"],
        body(&served.post("/agent/verb/models", "{}")),
        "{answer}"
    );
    assert!(call("status").contains("\"running\":1"), "whole numbers");

    let follow = |timeout: &str| {
        let message = json!({ "task": task }).to_string();
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        framed.extend(message.as_bytes());
        let head = format!(
            "{}\r\nHost: {}\r\nContent-Type: application/connect+json\r\nConnect-Timeout-Ms: {timeout}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            served.head("POST", "/animus.v1.AgentService/Follow"),
            served.address,
            framed.len()
        );
        crate::doors_closed::raw(&served.address, &[head.as_bytes(), &framed].concat())
    };
    let answer = follow("500");
    assert!(
        answer.contains("\"seq\":0,") && answer.contains("deadline_exceeded"),
        "{answer}"
    );
    let answer = follow("5 s");
    assert!(answer.contains("invalid_argument"), "{answer}");
    served.end();
}
