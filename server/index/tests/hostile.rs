//! I2: no text stops the index or costs it more than its allowance; the rest stays searchable.

use index::{Index, Language, Query, error_count, outline, symbol_at};
use proptest::prelude::*;

/// Texts made to exhaust stack, time or memory.
fn hostile() -> Vec<(&'static str, String)> {
    let words = "alpha beta(gamma, \"delta\") ";
    vec![
        ("one line of 1 MB", words.repeat((1 << 20) / words.len())),
        ("one word of 1 MB", "x".repeat(1 << 20)),
        (
            "one string of 1 MB",
            format!("const A: &str = \"{}\";", "y ".repeat(1 << 19)),
        ),
        ("closed parentheses", ")".repeat(DEEP)),
        ("nested comments", "/*".repeat(DEEP)),
        ("comparison or generics", "a < b ".repeat(DEEP)),
        (
            "nested generics",
            format!("type A = {}u8{};", "A<".repeat(DEEP), ">".repeat(DEEP)),
        ),
        ("empty lines", "\n".repeat(1 << 20)),
        ("comments", "// a\n".repeat(DEEP)),
        ("attributes", "#[a]".repeat(DEEP)),
        (
            "control characters",
            (0..1 << 18)
                .map(|at| char::from((at % 31) as u8 + 1))
                .collect(),
        ),
        ("NUL", "fn a() {}\0".repeat(1000)),
        ("other scripts", "函数 🦀\u{200d}\u{301} ".repeat(20_000)),
        ("carriage returns", "fn a() {}\r".repeat(10_000)),
        ("quotes", "\"".repeat(DEEP)),
        ("characters", "'".repeat(DEEP)),
        ("raw strings", "r#\"".repeat(DEEP)),
        ("hashes", "#".repeat(DEEP)),
        ("labels", "a: ".repeat(DEEP)),
        ("impl for impl", "impl A for ".repeat(DEEP)),
        ("JSON", "{\"a\": [1, 2, {\"b\": null}]},\n".repeat(DEEP / 5)),
        ("errors", "let = ;\nx = = ;\n".repeat(DEEP / 2)),
        (
            "table",
            format!("var x = {{{}}}", "0x1f, ".repeat(DEEP / 20)),
        ),
    ]
}

/// Brackets within brackets.
fn bracketed() -> Vec<(&'static str, String)> {
    let around = |open: &str, close: &str| open.repeat(DEEP) + &close.repeat(DEEP);
    vec![
        ("open parentheses", "(".repeat(DEEP)),
        (
            "balanced parentheses",
            format!("fn a() {{ {} }}", around("(", ")")),
        ),
        ("nested blocks", format!("fn a() {}", around("{", "}"))),
        ("nested functions", around("fn a() {\n", "}\n")),
        ("open functions", "fn a(".repeat(DEEP)),
        ("nested modules, unclosed", "mod a {".repeat(DEEP)),
        ("nested uses", format!("use {};", around("a::{", "}"))),
        ("all shapes", "([{<".repeat(DEEP)),
        ("matches", "match a { b => ".repeat(DEEP)),
        ("macro tokens", format!("m!{}", around("(", ")"))),
        (
            "go literals",
            format!("package a\nvar x = {}", "T{".repeat(DEEP)),
        ),
        (
            "go functions",
            format!("package a\n{}", "func(){".repeat(DEEP)),
        ),
        (
            "go calls",
            format!("package a\nvar x = {}", around("f(", ")")),
        ),
        (
            "go indexes",
            format!("package a\nvar x = a{}", "[a".repeat(DEEP)),
        ),
    ]
}

/// Depth without brackets: the first ones are valid in both languages, the others in one.
fn chained() -> Vec<(&'static str, String)> {
    let block = |chain: &str, end: &str| format!("{{\n{}{end};\n}}\n", chain.repeat(DEEP));
    vec![
        ("not", block("!", "a")),
        ("else if", block("if a {} else ", "{}")),
        ("methods", format!("{{\na{};\n}}\n", ".b()".repeat(DEEP))),
        ("shifts", block("1 << ", "a")),
        ("closures", block("|| ", "a")),
        ("assignments", block("a = ", "a")),
        ("receives", block("<-", "a")),
        (
            "pointers",
            format!("package a\n\ntype A {}int\n", "*".repeat(DEEP)),
        ),
    ]
}

/// Depth of the hostile texts.
const DEEP: usize = 100_000;

/// Each question, on each text: it is enough that they answer, and soon.
fn ask_all(end: &str) {
    let texts = [hostile(), bracketed(), chained()].concat();
    let mut index = Index::new();
    index.update("src/good.rs", "/// Finds the needle.\npub fn needle() {}\n");
    for (name, text) in &texts {
        let path = format!("hostile/{name}{end}");
        index.update(&path, text);
        // Asks for the outline on its way.
        symbol_at(&path, text, 2);
        let errors = error_count(&path, text);
        assert!(errors.is_none() || end != ".txt", "{path}");
    }
    assert_eq!(index.len(), 1 + texts.len());
    for path in index.paths() {
        for it in index.defined_in(path) {
            assert!(it.doc_start <= it.start && it.start <= it.end, "{path}");
        }
    }
    let hits = index.search(&Query::of("needle"), 3);
    let first = hits.first().map(|hit| hit.path.as_str());
    assert_eq!(first, Some("src/good.rs"));
    let paths: Vec<String> = index.paths().map(str::to_owned).collect();
    for path in paths {
        index.remove(&path);
    }
    assert!(index.is_empty());
    assert_eq!(index.terms(), 0);
}

#[test]
fn i2_hostile_texts_stop_nothing_as_rust() {
    ask_all(".rs");
}

#[test]
fn i2_hostile_texts_stop_nothing_as_go() {
    ask_all(".go");
}

#[test]
fn i2_hostile_texts_stop_nothing_as_text() {
    ask_all(".txt");
}

/// Pieces of code that broken files are made of.
const PIECES: &[&str] = &[
    "fn ",
    "a",
    "(",
    ")",
    "{",
    "}",
    "\n",
    "impl ",
    "struct ",
    "<",
    ">",
    "#[test]",
    "// c\n",
    "/*",
    "*/",
    "\"",
    "'",
    "mod ",
    "func ",
    "type ",
    "package p\n",
    "interface ",
    "const ",
    "=",
    "`",
    "r#\"",
    "\u{0}",
    "é",
    "\r\n",
    "macro_rules! ",
    "$x",
    "where ",
];

proptest! {
    #[test]
    fn i2_any_text_has_an_outline_in_bounds(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60),
        noise in any::<String>(),
    ) {
        for text in [pieces.concat(), noise] {
            let lines = text.lines().count().max(1) as u32;
            for path in ["a.rs", "a.go", "a.txt"] {
                let mut last = 0;
                for it in outline(path, &text) {
                    prop_assert!(last <= it.start && it.doc_start >= 1);
                    prop_assert!(it.doc_start <= it.start && it.start <= it.end && it.end <= lines);
                    prop_assert!(!it.name.is_empty() && it.signature.chars().count() <= 200);
                    last = it.start;
                }
                let is_code = Language::of(path) != Language::Text;
                prop_assert_eq!(error_count(path, &text).is_some(), is_code);
            }
        }
    }
}
