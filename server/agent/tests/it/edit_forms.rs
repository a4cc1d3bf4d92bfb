//! Edits that models write wrong: the form is stepped down, told at the end of the conversation, and remembered.

use crate::stage::{Run, Stage, ask, finish, patch_turn, run};
use protocol::{EditForm, EditOutcome, FinishReason, Speaker, TaskRequest, Update};
use serde_json::Value;

/// A patch for a file whose lines are others.
const MISSES: &str =
    "*** Begin Patch\n*** Update File: greet.txt\n@@\n-no such line\n+goodbye\n*** End Patch";

const BLOCKS: &str = "greet.txt\n<<<<<<< SEARCH\nhello\n=======\ngoodbye\n>>>>>>> REPLACE";

fn missing(word: &str) -> String {
    patch_turn(&MISSES.replace("no such", word))
}

fn without_plan(stage: &Stage, script: &str) -> agent::Agent {
    stage.agent_with(script, |config| config.enable_plan = false)
}

/// Words that the agent said to the model about forms, each with whether a result stands right before it.
fn told(run: &Run) -> Vec<String> {
    let words = run.events.iter().filter_map(|event| match &event.update {
        Update::Prompt {
            by: Speaker::Agent,
            text,
        } if text.starts_with("From now on") => Some(text.clone()),
        _ => None,
    });
    words.collect()
}

fn replies(run: &Run) -> Vec<(EditForm, EditOutcome, Option<EditForm>)> {
    let reply = |update: &Update| match update {
        Update::EditReply { reply } => {
            assert_eq!(reply.model, "scripted/script");
            Some((reply.form, reply.outcome, reply.now))
        }
        _ => None,
    };
    run.events
        .iter()
        .filter_map(|event| reply(&event.update))
        .collect()
}

fn opening(run: &Run) -> String {
    let first = run.events.iter().find_map(|event| match &event.update {
        Update::Prompt {
            by: Speaker::User,
            text,
        } => Some(text.clone()),
        _ => None,
    });
    first.unwrap()
}

fn kept(stage: &Stage) -> Value {
    #[allow(clippy::disallowed_methods, reason = "the state folder is looked at")]
    let text = std::fs::read(stage.state.join("edit_forms.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_malformed_edits_a_simpler_form_is_told_and_remembered() {
    use EditForm::{Blocks, Patch};
    use EditOutcome::{Good, Malformed};
    let stage = Stage::new();
    let count = "*** Begin Patch\n*** Update File: count.txt\n@@\n-1\n+2\n*** End Patch";
    let script = format!(
        "turns:\n{}{}{}{}{}  - text: done\n",
        patch_turn(count),
        missing("one"),
        missing("two"),
        patch_turn(BLOCKS),
        "  - calls: [{name: read_file, arguments: {path: greet.txt}}]\n",
    );
    let first = run(&without_plan(&stage, &script), "say goodbye").await;
    assert_eq!(
        first.reason(),
        FinishReason::Verified,
        "{}",
        first.summary()
    );
    assert_eq!(
        replies(&first),
        [
            (Patch, Good, None),
            (Patch, Malformed, None),
            (Patch, Malformed, Some(Blocks)),
            (Blocks, Good, None),
        ]
    );
    let words = told(&first);
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].contains("<<<<<<< SEARCH"), "{words:?}");
    assert!(!opening(&first).contains("From now on"));
    let record = &kept(&stage)["models"]["scripted/script"];
    assert_eq!(record["form"], "blocks");
    assert_eq!(
        record["edits"]["patch"],
        serde_json::json!({"good": 1, "malformed": 2})
    );

    // A later task is told in its first message, and not again.
    stage.write("greet.txt", "hello\nworld\n");
    let script = format!("turns:\n{}  - text: done\n", patch_turn(BLOCKS));
    let second = run(&without_plan(&stage, &script), "say goodbye again").await;
    assert_eq!(
        second.reason(),
        FinishReason::Verified,
        "{}",
        second.summary()
    );
    assert!(opening(&second).contains("<<<<<<< SEARCH"));
    assert!(told(&second).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_simpler_form_is_one_that_works() {
    use EditForm::{Blocks, Replace, Whole};
    let stage = Stage::new();
    let json = |old: &str, new: &str| {
        format!(
            "  - calls: [{{name: apply_patch, arguments: {{patch: '{{\"path\": \"count.txt\", \"old\": \"{old}\", \"new\": \"{new}\"}}'}}}}]\n"
        )
    };
    let bad_block = |word: &str| patch_turn(&BLOCKS.replace("hello", word));
    let script = format!(
        "turns:\n{}{}{}{}{}{}{}{}  - text: done\n",
        missing("one"),
        missing("two"),
        bad_block("three"),
        bad_block("four"),
        json("1", "2"),
        json("five", "x"),
        json("six", "x"),
        "  - calls: [{name: write_file, arguments: {path: greet.txt, content: \"goodbye\\nworld\\n\"}}]\n",
    );
    let run = run(&without_plan(&stage, &script), "say goodbye").await;
    assert_eq!(run.reason(), FinishReason::Verified, "{}", run.summary());
    let steps: Vec<EditForm> = replies(&run)
        .into_iter()
        .filter_map(|(_, _, now)| now)
        .collect();
    assert_eq!(steps, [Blocks, Replace, Whole]);
    let good: Vec<EditForm> = replies(&run)
        .into_iter()
        .filter(|(_, outcome, _)| *outcome == EditOutcome::Good)
        .map(|(form, ..)| form)
        .collect();
    assert_eq!(good, [Replace, Whole]);
    assert_eq!(told(&run).len(), 3);
    assert_eq!(stage.read("count.txt"), "one\n2\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_while_the_better_form_comes_back() {
    let stage = Stage::new();
    let session = {
        let script = format!(
            "turns:\n{}{}  - text: I cannot.\n",
            missing("one"),
            missing("two")
        );
        run(&without_plan(&stage, &script), "say goodbye")
            .await
            .events[0]
            .session
            .clone()
    };
    let mut page = kept(&stage);
    page["models"]["scripted/script"]["since"] = 0.into();
    let tree = sandbox::Tree::open(&stage.state).unwrap();
    tree.write("edit_forms.json", page.to_string().as_bytes(), None)
        .unwrap();
    let agent = without_plan(&stage, "turns: [{text: No.}, {text: No.}]\n");
    let request = TaskRequest {
        session: Some(session),
        ..ask("and now?")
    };
    let started = agent.start(request).unwrap();
    let second = finish(&agent, &started).await;
    assert!(
        opening(&second).contains("again: `*** Begin Patch`"),
        "{}",
        opening(&second)
    );
    assert_eq!(kept(&stage)["models"]["scripted/script"]["form"], "patch");
    let third = run(&agent, "anew").await;
    assert!(
        !opening(&third).contains("*** Begin Patch"),
        "{}",
        opening(&third)
    );
}
