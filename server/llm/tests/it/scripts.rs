//! Scripted turns.

use std::time::{Duration, Instant};

use llm::{Error, Models, Role};
use tokio_util::sync::CancellationToken;

use crate::ask::{ask, ask_as, config, request};

#[tokio::test]
async fn turns_go_to_their_role_in_order() {
    let models = Models::scripted(
        "turns:
- {role: planner, text: plan}
- {expect: [Hello], thought: 'Hm, well.', text: 'First  one', calls: [{name: list, arguments: {path: src}}, {name: list, arguments: 'no json'}]}
- {role: critic, text: good, usage: {input: 5, output: 1}}
- {text: second}
",
    )
    .unwrap();
    let (reply, heard) = ask(&models).await;
    let reply = reply.unwrap();
    assert_eq!(
        heard,
        [
            "thought Hm, ",
            "thought well.",
            "text First ",
            "text  ",
            "text one"
        ]
    );
    assert_eq!(
        reply
            .calls
            .iter()
            .map(|call| call.arguments.as_str())
            .collect::<Vec<_>>(),
        [r#"{"path":"src"}"#, "no json"]
    );
    assert_eq!(
        (reply.stop, reply.cost_micro_usd, reply.usage.estimated),
        (llm::Stop::ToolUse, None, true)
    );
    assert_eq!(
        ask_as(&models, Role::Critic, None)
            .await
            .0
            .unwrap()
            .usage
            .input,
        5
    );
    assert_eq!(
        ask_as(&models, Role::Planner, None).await.0.unwrap().text,
        "plan"
    );
    assert_eq!(ask(&models).await.0.unwrap().text, "second");
    let error = ask(&models).await.0.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the script built in has no turn left for the coder (it has 4)"
    );
    assert!(models.view().iter().all(|(_, _, _, scripted)| *scripted));
}

#[tokio::test]
async fn a_script_that_repeats_begins_again_with_new_ids() {
    let models =
        Models::scripted("repeat: true\nturns: [{calls: [{name: list}]}, {text: b}]").unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        let reply = ask(&models).await.0.unwrap();
        seen.push(
            reply
                .calls
                .first()
                .map_or(reply.text.clone(), |call| call.id.clone()),
        );
    }
    assert_eq!(seen, ["call_1_0", "b", "call_3_0", "b"]);
    assert!(matches!(
        ask(&Models::scripted("repeat: true\nturns: []").unwrap())
            .await
            .0,
        Err(Error::ScriptEnded { .. })
    ));
}

#[tokio::test]
async fn a_script_fails_as_told() {
    let models = Models::scripted("turns: [{fail: {status: 503}}, {fail: {status: 401}}, {text: one two, fail: broken}, {expect: [Bye]}]").unwrap();
    let (reply, heard) = ask(&models).await;
    assert!(
        matches!(reply, Err(Error::Auth { .. })) && heard == ["retry"],
        "{reply:?}"
    );
    let (reply, heard) = ask(&models).await;
    assert!(
        matches!(reply, Err(Error::Broken { .. })) && heard == ["text one "],
        "{reply:?}"
    );
    let error = ask(&models).await.0.unwrap_err().to_string();
    assert!(
        error.contains("\"Bye\"") && error.contains("\"Hello\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_delay_can_be_cancelled() {
    let models = Models::scripted("turns: [{text: a b c, delay_ms: 60000}]").unwrap();
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        token.cancel();
    });
    let start = Instant::now();
    let reply = models
        .complete(Role::Coder, None, &request("Hello"), &cancel, &mut |_| {})
        .await;
    assert_eq!(reply, Err(Error::Cancelled));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_broken_script_names_the_place() {
    let error = Models::scripted("turns:\n- {txt: a}\n")
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("txt") && error.contains("line 2"), "{error}");
    // The file is read at the first call, not before.
    let models = config(
        "providers: {s: {type: scripted, script: /nowhere/script.yaml}}\nmodels: {m: {provider: s}}",
    );
    let error = ask(&models).await.0.unwrap_err().to_string();
    assert!(
        error.contains("/nowhere/script.yaml") && error.contains("cannot be read"),
        "{error}"
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/streams/turns.yaml");
    let models = config(&format!(
        "providers: {{s: {{type: scripted, script: '{path}'}}}}\nmodels: {{m: {{provider: s}}}}"
    ));
    assert_eq!(ask(&models).await.0.unwrap().text, "From a file.");
}
