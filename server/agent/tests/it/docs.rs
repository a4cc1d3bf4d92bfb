//! The docs' lists against the code: what a page says is what the program does.

use agent::{Toolbox, phase, verbs};
use protocol::{Code, FinishReason, Phase, Update};
use std::collections::BTreeSet;

const AGENT: &str = include_str!("../../../../docs/agent.md");
const ARCHITECTURE: &str = include_str!("../../../../docs/architecture.md");
const PROTOCOL: &str = include_str!("../../../../docs/protocol.md");

/// The first cell of each row of the table under a heading, without its back-ticks.
fn first_cells(page: &str, heading: &str) -> Vec<String> {
    let (_, after) = page
        .split_once(heading)
        .unwrap_or_else(|| panic!("no heading {heading}"));
    let section = after.split("\n## ").next().unwrap_or_default();
    let cells = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(cell, _)| cell.to_owned()).collect()
}

#[test]
fn the_drawn_transitions_are_the_table() {
    let (_, block) = AGENT.split_once("```transitions\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut drawn = BTreeSet::new();
    for line in block.lines() {
        let (from, to) = line.split_once(" -> ").unwrap();
        let from = Phase::parse(from).unwrap();
        drawn.extend(to.split(' ').map(|to| (from, Phase::parse(to).unwrap())));
    }
    assert_eq!(drawn, phase::TRANSITIONS.iter().copied().collect());
}

#[test]
fn finish_reasons_with_their_exit_codes() {
    let page = first_cells(AGENT, "## How a task ends");
    let code: Vec<&str> = FinishReason::ALL
        .iter()
        .map(|reason| reason.as_str())
        .collect();
    assert_eq!(page, code);
    for reason in FinishReason::ALL {
        let row = format!("| `{reason}` | {} |", reason.exit_code());
        assert!(AGENT.contains(&row), "{row}");
    }
}

#[test]
fn tools() {
    let specs = Toolbox::new().unwrap().specs();
    let code: BTreeSet<String> = specs.iter().map(|spec| spec.name.clone()).collect();
    assert_eq!(
        first_cells(AGENT, "## Tools")
            .into_iter()
            .collect::<BTreeSet<_>>(),
        code
    );
}

#[test]
fn verbs_are_listed_in_their_order() {
    assert_eq!(first_cells(PROTOCOL, "## Language server"), verbs::ALL);
}

#[test]
fn updates_are_those_of_the_schema() {
    let schema = schemars::schema_for!(Update).to_value();
    let variants = schema["oneOf"].as_array().unwrap();
    let code: BTreeSet<String> = variants
        .iter()
        .map(|variant| {
            variant["properties"]["type"]["const"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let page: BTreeSet<String> = first_cells(PROTOCOL, "## Updates").into_iter().collect();
    assert_eq!(page, code);
}

#[test]
fn p3_codes_are_those_of_the_schema() {
    let schema = schemars::schema_for!(Code).to_value().to_string();
    assert!(
        schema.contains(Code::EditRefused.as_str()) && schema.contains(Code::PathRefused.as_str())
    );
    let page: BTreeSet<String> = first_cells(PROTOCOL, "## Failures").into_iter().collect();
    for word in &page {
        let code: Code =
            serde_json::from_value(serde_json::json!(word)).unwrap_or_else(|_| panic!("{word}"));
        assert_eq!(code.as_str(), word);
    }
    let variants = schemars::schema_for!(Code).to_value();
    assert_eq!(
        page.len(),
        variants["oneOf"].as_array().map_or(0, Vec::len),
        "{variants}"
    );
}

#[test]
fn every_place_that_the_architecture_names_is_there() {
    let server = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let (_, section) = ARCHITECTURE.split_once("## Where is…").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut places = 0;
    for row in section.lines().filter(|line| line.starts_with("| ")) {
        let words = row.split('`').skip(1).step_by(2);
        for place in words.filter(|word| word.contains("/src/")) {
            // One file stands for many of its kind.
            let place = place.replace("/NAME.rs", "");
            assert!(server.join(place.trim_end_matches('/')).exists(), "{place}");
            places += 1;
        }
    }
    assert!(places > 15, "{places}");
}

#[test]
fn verbs_of_shims_are_those_that_the_agent_asks() {
    let page: BTreeSet<String> = first_cells(PROTOCOL, "## What the server asks of a shim")
        .into_iter()
        .collect();
    let code = agent::insight::Verb::ALL.map(|verb| verb.word().to_owned());
    assert_eq!(page, code.into_iter().collect());
}
