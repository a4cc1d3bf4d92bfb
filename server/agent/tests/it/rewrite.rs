//! The planner's help in search: what it is asked, what becomes of its answers, and that a task goes on without them.

use crate::stage::{Run, Stage, ask, finish};
use agent::ToolsConfig;
use protocol::{FinishReason, Level, Speaker, Update};
use std::sync::Arc;

const DONE: &str = "  - text: Nothing has to change.\n";
const QUESTION: &str = "make the parcel cheaper for faithful people";

fn shop() -> Stage {
    let stage = Stage::empty();
    for (path, name) in [
        ("rebate.rs", "loyalty_rebate"),
        ("other.rs", "unrelated_thing"),
    ] {
        stage.write(
            path,
            &format!("pub fn {name}(sum: u32) -> u32 {{\n    sum\n}}\n"),
        );
    }
    stage.write("list.rs", "pub fn people_list() -> u32 {\n    0\n}\n");
    stage.write(
        "people.rs",
        "pub fn people(count: u32) -> u32 {\n    count\n}\n",
    );
    stage
}

async fn run(stage: &Stage, turns: &str, is_on: bool) -> Run {
    let tools = ToolsConfig {
        semantic_rewrite: is_on,
        ..ToolsConfig::default()
    };
    let script = format!("turns:\n{turns}{DONE}");
    let agent = stage.agent_over(Arc::new(stage.disk()), &script, tools, |config| {
        config.enable_plan = false;
        config.enable_test_run = false;
    });
    let started = agent.start(ask(QUESTION)).unwrap();
    finish(&agent, &started).await
}

fn prompt(run: &Run) -> String {
    let text = run.events.iter().find_map(|event| match &event.update {
        Update::Prompt {
            by: Speaker::User,
            text,
        } => Some(text.clone()),
        _ => None,
    });
    let text = text.unwrap();
    // Without the list of all files.
    text.split("\nFiles (").next().unwrap().to_owned()
}

fn notices(run: &Run, wanted: Level) -> Vec<String> {
    let notice = |event: &protocol::Event| match &event.update {
        Update::Notice { level, message, .. } if *level == wanted => Some(message.clone()),
        _ => None,
    };
    run.events.iter().filter_map(notice).collect()
}

fn roles(run: &Run) -> Vec<String> {
    let role = |event: &protocol::Event| match &event.update {
        Update::Usage { usage } => Some(usage.role.clone()),
        _ => None,
    };
    run.events.iter().filter_map(role).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_planner_words_the_search_and_orders_the_files() {
    let stage = shop();
    let plain = run(&stage, "", false).await;
    assert!(!prompt(&plain).contains("rebate.rs"), "{}", prompt(&plain));
    assert_eq!(roles(&plain), ["coder"]);

    let turns = "  - role: planner
    expect: ['Question:', 'make the parcel cheaper']
    text: '{\"words\":[\"loyalty_rebate\",\"unrelated_thing\"]}'
    usage: {input: 70, output: 9}
  - role: planner
    expect: ['people.rs: people', 'rebate.rs: loyalty_rebate', 'other.rs: unrelated_thing']
    text: '{\"files\":[\"rebate.rs\",\"/etc/passwd\"]}'
    usage: {input: 90, output: 8}
";
    let helped = run(&stage, turns, true).await;
    assert_eq!(
        helped.reason(),
        FinishReason::NoChange,
        "{}",
        helped.summary()
    );
    let text = prompt(&helped);
    let at = |path: &str| {
        text.find(&format!("\n{path}:1-"))
            .unwrap_or_else(|| panic!("{text}"))
    };
    assert!(at("rebate.rs") < at("people.rs") && at("rebate.rs") < at("other.rs"));
    assert!(!text.contains("passwd"));
    assert_eq!(roles(&helped), ["planner", "planner", "coder"]);
    assert_eq!(
        notices(&helped, Level::Info),
        [
            "the search looks also for: loyalty_rebate unrelated_thing",
            "of the files found, these come first: rebate.rs",
        ]
    );
    let sum = helped.events.iter().find_map(|event| match &event.update {
        Update::Finished { usage, .. } => Some(usage.input_tokens),
        _ => None,
    });
    assert!(sum.unwrap() >= 160, "{sum:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planner_of_no_help_costs_a_warning_and_no_more() {
    let stage = shop();
    let plain = prompt(&run(&stage, "", false).await);
    for turns in [
        "  - {role: planner, text: I would look at the shop.}\n  - {role: planner, text: '{\"files\":[\"nowhere.rs\"]}'}\n",
        "  - {role: planner, fail: {status: 400}}\n  - {role: planner, fail: {status: 400}}\n",
    ] {
        let run = run(&stage, turns, true).await;
        assert_eq!(run.reason(), FinishReason::NoChange, "{}", run.summary());
        assert_eq!(prompt(&run), plain, "{turns}");
        let warnings = notices(&run, Level::Warning);
        let told = warnings
            .iter()
            .filter(|it| it.contains("of no help to the search"));
        assert_eq!(told.count(), 2, "{warnings:?}");
    }
}
