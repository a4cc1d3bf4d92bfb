//! What the model sees first, and after its first edit: over real files, with the real index.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use crate::stage::{Run, Stage, finish, patch_turn};
use agent::{Config, ToolsConfig};
use protocol::{Speaker, Target, TaskRequest, Update};
use std::sync::Arc;
use workspace::{Disk, Host, LandError, Landed, RelPath, Root};

const DONE: &str = "turns:\n  - text: Done.\n";

fn shop() -> Stage {
    let stage = Stage::empty();
    stage.write("check.sh", "true\n");
    stage.write(
        "discount.rs",
        "//! Discounts.\n\n/// Takes the discount off a total.\npub fn discounted(total: u64) -> u64 {\n    total - total / 10\n}\n\n/// Never discounted.\npub fn shipping() -> u64 {\n    5\n}\n",
    );
    stage.write(
        "bill.rs",
        "use crate::discount::discounted;\n\npub fn bill(total: u64) -> u64 {\n    discounted(total)\n}\n",
    );
    stage.write(
        "report.py",
        "def report(total):\n    return discounted(total)\n",
    );
    stage.write("notes.md", "Nothing of interest.\n");
    stage.write(".env", "DISCOUNT_TOKEN=discount-secret\n");
    stage
}

fn prompt(run: &Run) -> String {
    let prompts = run.events.iter().filter_map(|event| match &event.update {
        Update::Prompt {
            by: Speaker::User,
            text,
        } => Some(text.clone()),
        _ => None,
    });
    prompts.take(1).collect()
}

async fn first(stage: &Stage, request: TaskRequest, set: impl FnOnce(&mut Config)) -> String {
    let agent = stage.agent_with(DONE, set);
    let started = agent.start(request).unwrap();
    prompt(&finish(&agent, &started).await)
}

fn ask(words: &str) -> TaskRequest {
    TaskRequest {
        prompt: words.to_owned(),
        ..TaskRequest::default()
    }
}

/// Where a piece stands in a text.
fn at(text: &str, piece: &str) -> usize {
    text.find(piece)
        .unwrap_or_else(|| panic!("no {piece:?} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parts_come_in_their_order_and_secrets_never() {
    let stage = shop();
    let request = TaskRequest {
        context: vec!["notes.md".to_owned()],
        target: Some(Target {
            path: "discount.rs".to_owned(),
            start_line: 9,
            end_line: 9,
            diagnostics: vec!["warning: five is odd".to_owned()],
            ..Target::default()
        }),
        ..ask("make the discount smaller where report runs")
    };
    let text = first(&stage, request, |_| {}).await;
    let order = [
        "make the discount smaller",
        "Diagnostic: warning: five is odd",
        "\nnotes.md:\n",
        "\nThe place is discount.rs lines 9-11",
        "\nFound for these words:\n",
        "\nFiles (",
    ];
    let places: Vec<usize> = order.iter().map(|piece| at(&text, piece)).collect();
    assert!(places.is_sorted(), "{places:?} {text}");
    let found = &text[places[4]..places[5]];
    assert!(found.contains("report.py:1-2 (names: report"), "{found}");
    // The place shows all of discount.rs, so it is not told again.
    assert_eq!(text.matches("Takes the discount off").count(), 1, "{text}");
    assert!(
        !text.contains("discount-secret") && !text.contains("TOKEN"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_files_give_equal_prompts_within_the_bound() {
    let stage = shop();
    let words = "where is the discount taken off";
    let one = first(&stage, ask(words), |_| {}).await;
    let two = first(&stage, ask(words), |_| {}).await;
    assert_eq!(one, two);
    assert!(
        one.contains("discount.rs:1-11 (") || one.contains("discount.rs:1-"),
        "{one}"
    );
    let whole = |text: &str| at(text, "\nFiles (") - at(text, words);
    assert!(whole(&one) > 400, "{one}");
    let small = first(&stage, ask(words), |config| config.max_context_bytes = 300).await;
    assert!(whole(&small) < 300 + words.len() + 40, "{small}");
    // What is whole in the large one is whole or absent in the small one.
    assert_eq!(small.matches("```").count() % 2, 0, "{small}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_users_of_the_place_are_named_and_search_can_be_off() {
    let stage = shop();
    let request = |line| TaskRequest {
        target: Some(Target {
            path: "discount.rs".to_owned(),
            start_line: line,
            end_line: line,
            ..Target::default()
        }),
        ..ask("rename it")
    };
    let text = first(&stage, request(4), |_| {}).await;
    assert!(
        text.contains("\ndiscounted is used in: bill (bill.rs:4), report (report.py:2)\n"),
        "{text}"
    );
    let tools = ToolsConfig {
        enable_semantic: false,
        ..ToolsConfig::default()
    };
    let agent = stage.agent_over(Arc::new(stage.disk()), DONE, tools, |_| {});
    let started = agent.start(request(4)).unwrap();
    let text = prompt(&finish(&agent, &started).await);
    assert!(
        !text.contains("is used in") && !text.contains("Found for"),
        "{text}"
    );
}

/// A disk with two documents open, one of them with unsaved text.
struct Desk {
    disk: Disk,
    typed: &'static str,
}

impl Host for Desk {
    fn root(&self) -> &Root {
        self.disk.root()
    }

    fn read(&self, path: &RelPath) -> Result<Option<workspace::Content>, workspace::Error> {
        match path.as_str() {
            "notes.md" => Ok(Some(workspace::Content::new(self.typed.as_bytes(), None))),
            _ => self.disk.read(path),
        }
    }

    fn open(&self) -> Vec<RelPath> {
        let open = [".env", "long.rs", "notes.md"];
        open.iter()
            .map(|path| RelPath::new(path).unwrap())
            .collect()
    }

    fn dirty(&self) -> Vec<RelPath> {
        vec![RelPath::new("notes.md").unwrap()]
    }

    fn land<'a>(
        &'a self,
        change: &'a workspace::ChangeSet,
        label: &'a str,
    ) -> futures::future::BoxFuture<'a, Result<Landed, LandError>> {
        self.disk.land(change, label)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_documents_are_shown_as_they_are_typed() {
    let stage = shop();
    let long = "pub fn one() {}\n\n".to_owned() + &"// filler filler filler filler\n".repeat(300);
    stage.write("long.rs", &long);
    let host = Desk {
        disk: stage.disk(),
        typed: "typed just now\n",
    };
    let agent = stage.agent_over(Arc::new(host), DONE, ToolsConfig::default(), |_| {});
    let started = agent.start(ask("look")).unwrap();
    let text = prompt(&finish(&agent, &started).await);
    assert!(
        text.contains("\nOpen in the editor: long.rs, notes.md (unsaved)\n\nlong.rs defines:\n1-1 pub fn one()\n\nnotes.md:\n```\ntyped just now\n```\n"),
        "{text}"
    );
    assert!(!text.contains("discount-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_edit_the_users_of_what_changed_are_named_once() {
    let stage = shop();
    let edit = |from: &str, to: &str| {
        patch_turn(&format!(
            "*** Begin Patch\n*** Update File: discount.rs\n@@\n-    total - total / {from}\n+    total - total / {to}\n*** End Patch"
        ))
    };
    let script = format!(
        "turns:\n  - calls:\n      - name: search\n        arguments: {{query: discount}}\n{}{}  - text: Done.\n",
        edit("10", "20"),
        edit("20", "30")
    );
    let run = crate::stage::run(&stage.agent(&script), "halve it").await;
    let outputs: Vec<&str> = run.results().map(|it| it.output.as_str()).collect();
    assert_eq!(
        outputs[1],
        "applied to the draft: discount.rs\nalso used in: bill (bill.rs:4), report (report.py:2)"
    );
    assert_eq!(outputs[2], "applied to the draft: discount.rs");
}
