//! Ways from name to name, as the model's tools and as verbs: over real files, the draft and unsaved text included.

use crate::stage::{Stage, patch_turn, run};
use agent::verbs;
use serde_json::{Value, json};

/// A workspace of three files in two languages.
fn shop() -> Stage {
    let stage = Stage::empty();
    stage.write("check.sh", "true\n");
    stage.write(
        "price.rs",
        "/// Money.\npub struct Money(u64);\n\nimpl Money {\n    pub fn plain(&self) -> String {\n        self.0.to_string()\n    }\n}\n",
    );
    stage.write(
        "cart.rs",
        "use crate::price::Money;\n\npub fn bill(größe: Money) -> String {\n    /* ß */ größe.plain()\n}\n",
    );
    stage.write(
        "shop.py",
        "def plain(it):\n    return bill(it)\n\n\ndef bill(it):\n    return it\n",
    );
    stage.write(".env", "fn plain() {} // TOKEN=1\n");
    stage
}

fn call_turn(name: &str, arguments: Value) -> String {
    format!("  - calls:\n      - name: {name}\n        arguments: {arguments}\n")
}

const END: &str = "  - text: Done.\n";

/// The output of the last call of a script.
async fn output(stage: &Stage, turns: &[String]) -> String {
    let script = format!("turns:\n{}{END}", turns.concat());
    let run = run(&stage.agent(&script), "look").await;
    run.results().last().unwrap().output.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_model_finds_symbols_uses_and_neighbours() {
    let stage = shop();
    let found = output(
        &stage,
        &[call_turn("find_symbol", json!({"name": "Money::plain"}))],
    )
    .await;
    assert_eq!(
        found,
        "price.rs:5-7 pub fn plain(&self) -> String  (in Money)\n"
    );
    let like = output(&stage, &[call_turn("find_symbol", json!({"name": "mon"}))]).await;
    assert_eq!(
        like,
        "no `mon`; names like it:\nprice.rs:2-2 pub struct Money(u64);\n"
    );
    let none = output(
        &stage,
        &[call_turn("find_symbol", json!({"name": "nothing"}))],
    )
    .await;
    assert!(none.starts_with("nothing here defines `nothing`"), "{none}");

    let uses = output(
        &stage,
        &[call_turn("references", json!({"name": "Money::plain"}))],
    )
    .await;
    assert_eq!(uses, "cart.rs:4: /* ß */ größe.plain()  (in bill)\n");

    let near = output(
        &stage,
        &[call_turn(
            "neighbours",
            json!({"name": "bill", "path": "cart.rs"}),
        )],
    )
    .await;
    assert_eq!(
        near,
        "cart.rs:3-5 pub fn bill(größe: Money) -> String\nuses:\nprice.rs:2-2 pub struct Money(u64);\nprice.rs:5-7 pub fn plain(&self) -> String  (in Money)\nused by:\nshop.py:1 plain  (lines 2)\nother definitions of that name:\nshop.py:5 bill\n"
    );
    let secret = output(
        &stage,
        &[call_turn(
            "neighbours",
            json!({"name": "plain", "path": ".env"}),
        )],
    )
    .await;
    assert!(secret.contains("path_refused"), "{secret}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_looked_at_as_it_is() {
    let stage = shop();
    let patch = patch_turn(
        "*** Begin Patch\n*** Update File: cart.rs\n@@\n-    /* ß */ größe.plain()\n+    fresh_one(größe)\n*** Add File: fresh.rs\n+pub fn fresh_one(it: Money) -> String {\n+    it.plain()\n+}\n*** Delete File: shop.py\n*** End Patch",
    );
    let find = |name: &str| {
        vec![
            patch.clone(),
            call_turn("find_symbol", json!({"name": name})),
        ]
    };
    let found = output(&stage, &find("fresh_one")).await;
    assert!(found.starts_with("fresh.rs:1-3"), "{found}");
    // What the draft deleted is gone, and back for a task that starts from the files before it.
    let stage = shop();
    let found = output(&stage, &find("plain")).await;
    assert_eq!(
        found,
        "price.rs:5-7 pub fn plain(&self) -> String  (in Money)\n"
    );
    let stage = shop();
    let uses = output(
        &stage,
        &[patch, call_turn("references", json!({"name": "fresh_one"}))],
    )
    .await;
    assert_eq!(uses, "cart.rs:4: fresh_one(größe)  (in bill)\n");
}

const END_ONLY: &str = "turns:\n  - text: Done.\n";

async fn ask(agent: &agent::Agent, verb: &str, params: Value) -> Value {
    verbs::call(agent, verb, params).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_answer_the_same_questions() {
    let stage = shop();
    let agent = stage.agent(END_ONLY);
    // Verbs answer out of what is there.
    let mut progress = agent.knowledge().progress();
    agent.knowledge().start();
    progress
        .wait_for(|now| now.stage == agent::Stage::Ready)
        .await
        .unwrap();
    let symbols = ask(&agent, "symbol", json!({"name": "plain"})).await;
    let paths: Vec<&Value> = symbols["symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["path"])
        .collect();
    assert_eq!(paths, ["price.rs", "shop.py"]);
    assert_eq!(symbols["symbols"][0]["container"], "Money");
    assert_eq!(
        symbols["symbols"][0]["signature"],
        "pub fn plain(&self) -> String"
    );

    // `größe.plain` on line 4: ß and ö have two bytes each.
    let place = json!({"path": "cart.rs", "line": 4, "column": 22});
    let defined = ask(&agent, "definition", place.clone()).await;
    assert_eq!(defined["definitions"][0]["path"], "price.rs");
    let uses = ask(&agent, "references", place.clone()).await;
    assert_eq!(uses["uses"][0]["path"], "cart.rs");
    assert_eq!(uses["uses"][0]["column"], 21);
    assert_eq!(uses["uses"][0]["end_column"], 26);
    assert_eq!(uses["uses"][0]["within"], "bill");
    assert_eq!(
        (&uses["more"], &uses["partial"]),
        (&json!(false), &json!(false))
    );
    let near = ask(&agent, "neighbours", place).await;
    assert_eq!(near["of"]["path"], "price.rs");
    assert_eq!(near["used_by"][0]["name"], "bill");

    for (verb, params, code) in [
        ("symbol", json!({}), "invalid_input"),
        (
            "definition",
            json!({"path": "cart.rs", "line": 99}),
            "not_found",
        ),
        (
            "references",
            json!({"path": "../x", "line": 1}),
            "path_refused",
        ),
        (
            "neighbours",
            json!({"path": ".env", "line": 1}),
            "path_refused",
        ),
        ("neighbours", json!({"name": "nothing_at_all"}), "not_found"),
        ("symbol", json!({"nam": "x"}), "invalid_input"),
    ] {
        let failure = verbs::call(&agent, verb, params.clone()).await.unwrap_err();
        assert_eq!(failure.code.as_str(), code, "{verb} {params}: {failure}");
    }
}

/// A workspace of three files where `total` is one function, and `run` may be several things.
fn sums() -> Stage {
    let stage = Stage::empty();
    stage.write("check.sh", "true\n");
    stage.write(
        "sum.ts",
        "export function total(a: number) {\n  return a;\n}\nexport function run() {}\n",
    );
    stage.write(
        "one.ts",
        "import { total, run } from './sum';\n// total\nexport const one = total(1);\nit.run();\n",
    );
    stage.write(
        "two.ts",
        "import { total } from './sum';\nexport const two = total(2) + total(3);\n",
    );
    stage.write("twice.ts", "function twin() {}\n");
    stage.write("again.ts", "function twin() {}\nclass It {\n  go() {}\n}\n");
    stage
}

fn rename(name: &str, new: &str) -> String {
    call_turn("rename", json!({"name": name, "new_name": new}))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_editor_a_name_that_means_one_thing_is_renamed_in_all_files() {
    let stage = sums();
    let said = output(&stage, &[rename("total", "sum")]).await;
    assert!(
        said.starts_with("renamed in the draft by the index (no editor with a language server can be asked): 6 places in 3 files: one.ts, sum.ts, two.ts\n"),
        "{said}"
    );
    assert_eq!(
        stage.read("one.ts"),
        "import { sum, run } from './sum';\n// total\nexport const one = sum(1);\nit.run();\n"
    );
    assert_eq!(
        stage.read("two.ts"),
        "import { sum } from './sum';\nexport const two = sum(2) + sum(3);\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_editor_names_of_other_modules_and_languages_are_left_alone() {
    for (path, text) in [
        (
            "three.ts",
            "import { total } from 'yaml';\ntotal('a: 1');\n",
        ),
        ("three.py", "from pandas import total\nprint(total(2))\n"),
        ("three.py", "print(total(2))\n"),
    ] {
        let stage = sums();
        stage.write(path, text);
        let said = output(&stage, &[rename("total", "sum")]).await;
        let why = format!("{path} may mean another `total`");
        assert!(said.contains(&why), "{path}: {said}");
        assert!(stage.read("one.ts").contains("total(1)"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_editor_a_name_that_may_mean_more_is_not_renamed() {
    for (name, new, why) in [
        ("run", "start", "one.ts:4 may mean another `run`: it.run();"),
        ("total", "run", "code here has the name `run` already"),
        (
            "twin",
            "other",
            "several have the name `twin`: again.ts:1, twice.ts:1",
        ),
        ("nothing", "other", "nothing here defines `nothing`"),
        ("go", "walk", "it is a member"),
        ("total", "a b", "`a b` is no name"),
        (
            "total",
            "r#type",
            "cannot tell whether a name may have a `#`",
        ),
    ] {
        let stage = sums();
        let said = output(&stage, &[rename(name, new)]).await;
        assert!(said.contains(why), "{name}: {said}");
        assert!(stage.read("one.ts").contains("total(1)"), "{name}");
    }
}
