//! Tests of the ways through code, over a small workspace of Rust and Go.

use std::collections::BTreeMap;

use super::*;

const FILES: &[(&str, &str)] = &[
    (
        "src/price.rs",
        "/// Money.\npub struct Money(u64);\n\nimpl Money {\n    pub fn new(cents: u64) -> Money {\n        Money(cents)\n    }\n\n    pub fn format_plain(&self) -> String {\n        helper(self.0)\n    }\n}\n\nfn helper(cents: u64) -> String {\n    cents.to_string()\n}\n",
    ),
    (
        "src/cart.rs",
        "use crate::price::Money;\n\npub struct Cart {\n    lines: Vec<Money>,\n}\n\nimpl Cart {\n    pub fn new() -> Cart {\n        Cart { lines: Vec::new() }\n    }\n\n    /// The größe.\n    pub fn describe(&self) -> String {\n        let total = Money::new(1);\n        total.format_plain() + &helper()\n    }\n}\n\nfn helper() -> String {\n    String::new()\n}\n",
    ),
    (
        "other/report.rs",
        "use crate::price::Money;\n\npub fn report(money: &Money) -> String {\n    money.format_plain()\n}\n",
    ),
    (
        "tests/a.rs",
        "use shop::Money;\n\n#[test]\nfn plain() {\n    // format_plain in a comment\n    assert_eq!(Money::new(1).format_plain(), \"format_plain\");\n}\n",
    ),
    ("docs/a.md", "Use `format_plain` for bills.\n"),
];

fn with<T>(work: impl FnOnce(&Code) -> T) -> T {
    let mut index = Index::new();
    let mut texts: BTreeMap<&str, Arc<str>> = BTreeMap::new();
    for (path, text) in FILES {
        index.update(path, text);
        texts.insert(path, (*text).into());
    }
    let read = |path: &str| texts.get(path).cloned();
    work(&Code::of(&index, &read))
}

fn places(found: &[Definition]) -> Vec<String> {
    let place = |it: &Definition| format!("{} {}:{}", it.full_name(), it.path, it.start);
    found.iter().map(place).collect()
}

#[test]
fn symbols_are_found_by_name_and_nearly_so() {
    with(|code| {
        let find = |name| places(&code.symbols(name, 10));
        assert_eq!(find("Money"), ["Money src/price.rs:2"]);
        assert_eq!(find("Money::new"), ["Money::new src/price.rs:5"]);
        assert_eq!(find("Cart.new"), ["Cart::new src/cart.rs:8"]);
        assert_eq!(find("formatPlain"), ["Money::format_plain src/price.rs:9"]);
        assert_eq!(find("FORMAT"), ["Money::format_plain src/price.rs:9"]);
        assert_eq!(find("money::form"), ["Money::format_plain src/price.rs:9"]);
        assert_eq!(find("Bill::describe"), ["Cart::describe src/cart.rs:13"]);
        assert!(find("nothing_like_it").is_empty() && find("_").is_empty());
    });
}

#[test]
fn the_nearest_definition_comes_first() {
    with(|code| {
        let from = |path| places(&code.definitions("helper", Some(path)));
        assert_eq!(from("src/cart.rs")[0], "helper src/cart.rs:19");
        assert_eq!(from("src/price.rs")[0], "helper src/price.rs:14");
        // What a file imports comes before what only shares its folder.
        assert_eq!(
            places(&code.definitions("new", Some("other/report.rs"))),
            ["Money::new src/price.rs:5", "Cart::new src/cart.rs:8"]
        );
        let at = |line, column| {
            let place = Place {
                path: "src/cart.rs",
                line,
                column,
            };
            places(&code.definitions_at(place))
        };
        // `Money::new(1)`: the qualifier tells.
        assert_eq!(at(14, 28)[0], "Money::new src/price.rs:5");
        assert_eq!(at(15, 20), ["Money::format_plain src/price.rs:9"]);
        assert!(at(2, 0).is_empty() && at(99, 0).is_empty());
    });
}

#[test]
fn references_are_uses_near_ones_first() {
    with(|code| {
        let found = code.references("format_plain", 10);
        let shown: Vec<String> = found
            .uses
            .iter()
            .map(|it| format!("{}:{}:{}", it.path, it.line, it.column))
            .collect();
        assert_eq!(
            shown,
            [
                "src/cart.rs:15:14",
                "docs/a.md:1:5",
                "other/report.rs:4:10",
                "tests/a.rs:6:29"
            ]
        );
        assert_eq!(found.uses[0].within.as_deref(), Some("Cart::describe"));
        assert_eq!(found.uses[0].kind, ReferenceKind::Call);
        assert_eq!(found.uses[0].text, "total.format_plain() + &helper()");
        assert!(!found.more);
        let cut = code.references("format_plain", 2);
        assert!(cut.more && cut.uses.len() == 2);
        assert!(code.references("", 10).uses.is_empty());
    });
}

#[test]
fn users_and_neighbours_are_definitions() {
    with(|code| {
        let users = code.users("format_plain", 10);
        let names: Vec<String> = users.iter().map(|it| it.definition.full_name()).collect();
        assert_eq!(names, ["Cart::describe", "report", "plain"]);
        assert_eq!(users[0].lines, [15]);

        let of = code.symbols("Cart::describe", 1).remove(0);
        let near = code.neighbours(&of, 10);
        let uses: Vec<String> = near
            .uses
            .iter()
            .map(|it| it.definition.full_name())
            .collect();
        assert_eq!(
            uses,
            ["Money", "Money::new", "Money::format_plain", "helper"]
        );
        assert_eq!(near.uses[3].definition.path, "src/cart.rs");
        assert!(near.used_by.is_empty());
    });
}

#[test]
fn a_map_has_what_is_used_most_and_keeps_its_budget() {
    with(|code| {
        let central = code.central();
        assert_eq!(central[0].0.name, "Money", "{central:?}");
        let all = code.map(4_000);
        assert_eq!(all[0].path, "src/price.rs");
        assert_eq!(all[0].symbols[0].signature, "pub struct Money(u64);");
        assert!(all.iter().all(|it| it.path != "tests/a.rs"));
        for budget in [0, 10, 20, 40, 80] {
            let map = code.map(budget);
            let cost: usize = map
                .iter()
                .map(|file| {
                    let lines = file.symbols.iter().map(|it| it.signature.len() + 8);
                    file.path.len() + 2 + lines.sum::<usize>()
                })
                .sum();
            assert!(cost <= budget * 4, "{cost} bytes of {budget} tokens");
        }
        assert_eq!(code.map(12).len(), 1);
    });
}
