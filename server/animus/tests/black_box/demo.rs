//! `demo` end to end, with a real `cargo test`.

use crate::stage::{Stage, said};
use serde_json::Value;

#[test]
fn the_demo_fails_first_then_verifies_lands_and_can_be_undone() {
    let stage = Stage::empty();
    let demo = said(&mut stage.animus(&["demo", "--json", "--keep", "till"]));
    let events = demo.events();
    assert_eq!(demo.code, 0, "{}\n{}", demo.out, demo.err);
    assert_eq!(demo.finished()["reason"], "verified");
    assert!(
        demo.err.matches("scripted").count() >= 2,
        "said at the beginning and at the end: {}",
        demo.err
    );
    assert_eq!(events[0]["update"]["scripted"], true);
    let of = |kind: &str| -> Vec<&Value> {
        events
            .iter()
            .map(|event| &event["update"])
            .filter(|update| update["type"] == kind)
            .collect()
    };
    let verdicts: Vec<_> = of("test")
        .iter()
        .map(|update| update["report"]["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, ["running", "failed", "running", "passed"]);
    let first_report = &of("test")[1]["report"];
    assert!(
        first_report["output"]
            .as_str()
            .unwrap()
            .contains("Money(268)"),
        "the first patch is wrong by one cent"
    );
    assert_eq!(
        first_report["failing"][0],
        "the_discount_is_taken_once_and_rounded_to_the_cent"
    );
    let tools: Vec<_> = of("toolCall")
        .iter()
        .map(|update| update["call"]["name"].as_str().unwrap())
        .collect();
    for tool in [
        "update_plan",
        "search",
        "read_file",
        "find_text",
        "apply_patch",
    ] {
        assert!(tools.contains(&tool), "{tool}: {tools:?}");
    }
    let failed = of("toolResult")
        .into_iter()
        .find(|update| update["result"]["status"] == "failed");
    assert!(failed.is_none(), "{failed:?}");
    assert_eq!(of("critique").len(), 2);

    // Two files changed on disk, in a real repository with one commit.
    let cart = stage.read("till/src/cart.rs");
    assert!(
        cart.contains("subtotal.minus") && stage.read("till/src/money.rs").contains("+ 50) / 100")
    );
    assert!(stage.root().join("till/.git/HEAD").is_file());
    assert!(
        !stage.root().join("till/target").exists(),
        "the tests ran in the scratch tree"
    );
    let diff = said(&mut stage.animus(&["-C", "till", "patch", "diff"]));
    assert!(
        diff.out.contains("+++ b/src/cart.rs") && diff.out.contains("+++ b/src/money.rs"),
        "{}",
        diff.out
    );
    let undo = said(&mut stage.animus(&["-C", "till", "patch", "undo"]));
    assert_eq!(undo.code, 0, "{}", undo.err);
    assert_eq!(
        stage.read("till/src/cart.rs"),
        include_str!("../../demo/files/cart.rs")
    );
    assert_eq!(
        stage.read("till/src/money.rs"),
        include_str!("../../demo/files/money.rs")
    );

    let again = said(&mut stage.animus(&["demo", "--keep", "till"]));
    assert!(
        again.code == 2 && again.err.contains("not empty"),
        "{}",
        again.err
    );
}
