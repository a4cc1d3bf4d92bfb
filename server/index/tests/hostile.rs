//! I2: no text stops the index or costs it more than its allowance; the rest stays searchable.

use index::{Index, Language, Query, error_count, outline};
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
/// Depth of words that nest, which the parser must read.
const WORDS: usize = 500;

/// Each question, on each text: it is enough that they answer, and soon.
fn ask_all(end: &str) {
    let texts = [hostile(), bracketed(), chained()].concat();
    let mut index = Index::new();
    index.update("src/good.rs", "/// Finds the needle.\npub fn needle() {}\n");
    for (name, text) in &texts {
        let path = format!("hostile/{name}{end}");
        index.update(&path, text);
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

/// An ending of each language of this build, and a small good source of it.
const LANGUAGES: &[(&str, &str)] = &[
    (".rs", include_str!("fixtures/shop.rs")),
    (".go", include_str!("fixtures/shop.go")),
    (".py", include_str!("fixtures/shop.py")),
    (".js", include_str!("fixtures/shop.js")),
    (".ts", include_str!("fixtures/shop.ts")),
    (".tsx", include_str!("fixtures/shop.tsx")),
    (".java", include_str!("fixtures/Shop.java")),
    (".c", include_str!("fixtures/shop.c")),
    (".cpp", include_str!("fixtures/shop.cpp")),
    (".cs", include_str!("fixtures/Shop.cs")),
    (".rb", include_str!("fixtures/shop.rb")),
    (".php", include_str!("fixtures/shop.php")),
    (".sh", include_str!("fixtures/shop.sh")),
    #[cfg(feature = "more-languages")]
    (".kt", include_str!("fixtures/Shop.kt")),
    #[cfg(feature = "more-languages")]
    (".swift", include_str!("fixtures/Shop.swift")),
    #[cfg(feature = "more-languages")]
    (".scala", include_str!("fixtures/Shop.scala")),
    #[cfg(feature = "more-languages")]
    (".lua", include_str!("fixtures/shop.lua")),
    #[cfg(feature = "more-languages")]
    (".zig", include_str!("fixtures/shop.zig")),
];

/// Asks for the outline of `text`, and holds that it is one.
fn has_outline(end: &str, name: &str, text: &str) {
    let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    let mut last = 0;
    for it in outline(&format!("{name}{end}"), text) {
        assert!(last <= it.start && it.start <= it.end, "{name}{end}");
        assert!(it.doc_start <= it.start && it.end <= lines, "{name}{end}");
        last = it.start;
    }
}

#[test]
fn i2_every_language_is_here() {
    let known = LANGUAGES.iter().map(|(end, _)| Language::of(end));
    assert!(known.eq(Language::all()));
}

#[test]
fn i2_brackets_and_strings_without_end_stop_no_language() {
    let opens = [
        "(", "[", "{", "<", "\"", "'", "`", "/*", "\"\"\"", "<<A\n", "<<~A, ", "<<<A\n", "\"#{",
        "\"${", "$\"{", "`${", "f'{", "$(", "%q(", "R\"x(", "r#\"", "--[[", "<a>", "<a b={", "(:",
        "@\"", "?>", "<?php ", "\\",
    ];
    for (end, _) in LANGUAGES {
        for open in opens {
            // The parser reads what is no bracket.
            let depth = if "([{<".contains(open) { DEEP } else { WORDS };
            has_outline(end, open, &open.repeat(depth));
            has_outline(end, open, &format!("<?php\n{}", open.repeat(100)));
        }
        let line = "alpha beta(gamma, \"delta\") ";
        has_outline(end, "line", &line.repeat((1 << 20) / line.len()));
    }
}

#[test]
fn i2_words_that_nest_stop_no_language() {
    let words = [
        "if a\n",
        "if a then\n",
        "if a; then\n",
        "if a:\n",
        "def a\n",
        "def a =\n",
        "begin\n",
        "a do |x|\n",
        "while a; do\n",
        "case a in\na)\n",
        "function a()\n",
        "#if A\n",
        "a ? ",
        "a => ",
        "lambda: ",
        "not ",
        "template <class T> ",
        "else if (a) ",
        "@a\n",
        "new ",
        "await ",
        "**",
    ];
    for (end, _) in LANGUAGES {
        for word in words {
            has_outline(end, word, &word.repeat(WORDS));
        }
        // Each line deeper than the one before, up to 4 MB of indentation where that makes blocks.
        let depth = if *end == ".py" { 2_500 } else { 200 };
        for word in ["if a:", "class A:", "def a ="] {
            let lines: String = (0..depth)
                .map(|at| format!("{}{word}\n", " ".repeat(at)))
                .collect();
            has_outline(end, word, &lines);
        }
    }
}

#[test]
fn i2_no_language_is_stopped_by_the_text_of_another() {
    for (end, _) in LANGUAGES {
        for (other, text) in LANGUAGES {
            has_outline(end, other, &text.repeat(1 + (40 << 10) / text.len()));
        }
    }
}

#[test]
fn i2_bytes_at_random_stop_no_language() {
    let mut state = 7u64;
    let mut bytes = Vec::new();
    while bytes.len() < 48 << 10 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        bytes.push((state >> 33) as u8);
    }
    let any = String::from_utf8_lossy(&bytes).into_owned();
    let ascii: String = bytes.iter().map(|byte| char::from(byte & 0x7f)).collect();
    for (end, _) in LANGUAGES {
        has_outline(end, "any", &any);
        has_outline(end, "ascii", &ascii);
    }
}

/// Errors behind a good beginning made the parser recurse until the stack of a thread was used up, or take gigabytes.
#[test]
fn i2_errors_without_end_take_no_stack() {
    let good = "int good(void) { return 0; }\n".repeat(400);
    for errors in [1_000, 5_000, DEEP / 2] {
        let text = format!("{good}{}", "let = ;\nx = = ;\n".repeat(errors));
        assert!(error_count("a.c", &text).is_none(), "{errors}");
        has_outline(".c", "errors", &text);
    }
    // Code that stands in brackets, or around strings, is code wherever it is looked at.
    let cases = "\tcase \"--a\":\n\t\tb := `\n= ; = ) ; =\n`\n\t\tc(b)\n".repeat(3_000);
    let text = format!("package a\n\nfunc a(b string) {{\n\tswitch b {{\n{cases}\t}}\n}}\n");
    assert_eq!(error_count("a.go", &text), Some(0));
}

/// A lexer that looks a character up in a table of 256 ended the process at one beyond it.
#[test]
fn i2_characters_beyond_a_table_stop_no_language() {
    for wide in [
        '\u{100}',
        '\u{3000}',
        '\u{1f600}',
        '\u{e010d}',
        '\u{10ffff}',
    ] {
        for (end, _) in LANGUAGES {
            for text in [
                format!("x{{{wide}}}\n"),
                format!("a() {{ echo {{{wide}..3}}; }}\n"),
                format!("${{{wide}a}} <<{wide}\n{wide}\n"),
            ] {
                has_outline(end, "wide", &text);
            }
        }
    }
    let named = outline("a.sh", "größe_\u{1f600}() { echo {\u{e010d}; }\n");
    assert_eq!(named[0].name, "größe_\u{1f600}");
}

/// What the lexers of these grammars save between tokens has 1,024 bytes; one more ended the process.
#[test]
fn i2_what_a_lexer_keeps_has_bounds() {
    let deep = |depth: usize| -> String {
        let lines = (0..depth).map(|at| format!("{}if a:\n", " ".repeat(at)));
        lines.collect::<String>() + &" ".repeat(depth)
    };
    let word = |length: usize| "A".repeat(length);
    for depth in [200, 299, 300, 505, 510, 511, 512, 600] {
        has_outline(".py", "indents", &(deep(depth) + "f'{a}'\n"));
    }
    for (first, second) in [
        (1_018, 1),
        (1_019, 1),
        (1_020, 1),
        (1_021, 1),
        (510, 507),
        (300, 300),
    ] {
        let (first, second) = (word(first), word(second));
        let text = format!("a <<~{first}, <<~{second}\n#{{b}}\n{first}\n#{{c}}\n{second}\n");
        has_outline(".rb", "words", &text);
    }
    for (strings, length) in [(180, 95), (184, 96), (203, 1), (204, 1)] {
        let text = format!("{}<<~{}\n", "\"#{".repeat(strings), word(length));
        has_outline(".rb", "strings", &text);
    }
}

#[test]
fn i2_broken_code_gives_fewer_symbols_in_every_language() {
    for (end, text) in LANGUAGES {
        let path = format!("a{end}");
        let whole = outline(&path, text).len();
        for part in 1..8 {
            let cut = text.floor_char_boundary(text.len() * part / 8);
            // A definition may seem to go on, or to hold what follows, but none comes from nothing.
            let broken = outline(&path, &text[..cut]).len();
            assert!(broken <= whole + 1, "{path}, {part}/8: {broken} of {whole}");
        }
        assert!(whole > 0, "{path}");
    }
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
            for path in LANGUAGES.iter().map(|(end, _)| format!("a{end}")).chain(["a.txt".to_owned()]) {
                let path = path.as_str();
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
