//! Ways from name to name in the terminal, and the map of a folder in few words.

use crate::stage::{Stage, said};
use serde_json::{Value, json};

fn shop() -> Stage {
    let stage = Stage::empty();
    stage.write(
        "src/price.rs",
        "/// Money.\npub struct Money(u64);\n\nimpl Money {\n    pub fn plain(&self) -> String {\n        self.0.to_string()\n    }\n}\n",
    );
    stage.write(
        "src/cart.rs",
        "use crate::price::Money;\n\npub fn bill(it: Money) -> String {\n    it.plain()\n}\n",
    );
    stage.write(
        "lib/shop.py",
        "def bill(it):\n    return it\n\n\ndef unused_part(it):\n    return bill(it)\n",
    );
    stage
}

fn names(answer: &Value, key: &str) -> Vec<String> {
    let list = answer[key].as_array().unwrap();
    let name = |it: &Value| format!("{}:{}", it["path"].as_str().unwrap(), it["start"]);
    list.iter().map(name).collect()
}

#[test]
fn names_lead_to_definitions_and_uses() {
    let stage = shop();
    let json = |args: &[&str]| said(&mut stage.animus(&[&["--json"], args].concat())).json();
    assert_eq!(
        names(&json(&["symbol", "PLAIN"]), "symbols"),
        ["src/price.rs:5"]
    );
    assert_eq!(
        names(&json(&["symbol", "Money::plain"]), "symbols"),
        ["src/price.rs:5"]
    );
    assert_eq!(
        names(&json(&["symbol", "nothing_at_all"]), "symbols"),
        [""; 0]
    );
    assert_eq!(
        names(&json(&["definition", "src/cart.rs:4:8"]), "definitions"),
        ["src/price.rs:5"]
    );
    assert_eq!(
        names(&json(&["definition", "bill"]), "definitions"),
        ["lib/shop.py:1", "src/cart.rs:3"]
    );
    let uses = json(&["references", "plain"]);
    assert_eq!(
        uses,
        json!({"uses": [{"path": "src/cart.rs", "line": 4, "column": 7, "end_column": 12, "kind": "call", "within": "bill", "text": "it.plain()"}], "more": false})
    );
    let near = json(&["neighbours", "src/cart.rs:3:8"]);
    assert_eq!(names(&near, "uses"), ["src/price.rs:2", "src/price.rs:5"]);
    assert_eq!(names(&near, "used_by"), ["lib/shop.py:5"]);
    assert_eq!(names(&near, "others"), ["lib/shop.py:1"]);
    let outline = json(&["outline", "src/price.rs"]);
    assert_eq!(outline["symbols"].as_array().unwrap().len(), 3);

    let text = said(&mut stage.animus(&["references", "plain"])).out;
    assert_eq!(text, "src/cart.rs:4:8  bill\n    it.plain()\n");
    let text = said(&mut stage.animus(&["symbol", "plain"])).out;
    assert_eq!(
        text,
        "src/price.rs:5-7  method Money::plain\n    pub fn plain(&self) -> String\n"
    );
}

#[test]
fn wrong_questions_say_what_is_wrong() {
    let stage = shop();
    for (args, word) in [
        (&["definition", "src/cart.rs:0"][..], "count from 1"),
        (&["definition", "src/cart.rs:2:1"][..], "no name stands"),
        (
            &["neighbours", "nothing_at_all"][..],
            "nothing here defines",
        ),
        (&["outline", "src/none.rs"][..], "no file"),
        (&["references", "../x.rs:1"][..], "workspace"),
    ] {
        let run = said(&mut stage.animus(args));
        assert!(
            run.code != 0 && run.err.contains(word),
            "{args:?}: {}",
            run.err
        );
    }
}

#[test]
fn a_map_keeps_to_its_budget() {
    let stage = shop();
    let whole = said(&mut stage.animus(&["map", "--budget", "2000"])).out;
    assert!(
        whole.starts_with("src/price.rs\n    2 pub struct Money(u64);\n"),
        "{whole}"
    );
    assert!(
        whole.contains("lib/shop.py") && whole.contains("def unused_part(it)"),
        "{whole}"
    );
    for budget in ["0", "5", "15", "30"] {
        let map = said(&mut stage.animus(&["map", "--budget", budget])).out;
        let most = budget.parse::<usize>().unwrap() * 4;
        assert!(map.len() <= most, "{} bytes: {map}", map.len());
    }
    let json = said(&mut stage.animus(&["--json", "map", "--budget", "15"])).json();
    assert_eq!(json[0]["symbols"][0]["name"], "Money");
}
