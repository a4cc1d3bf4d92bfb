//! Languages: what is found in one small source of each; the tables are beside the sources in `fixtures/`.

use std::fmt::Write;

use expect_test::{ExpectFile, expect_file};
use index::{Language, error_count, identifiers, imports, outline, references};

/// The table of one source: its symbols, its imports, where each of `names` is used, and what its longest function uses.
fn table(path: &str, text: &str, names: &str) -> String {
    let language = Language::of_text(path, text).name();
    let errors = error_count(path, text).map_or("no tree".to_owned(), |it| it.to_string());
    let mut shown = format!("{language}, errors: {errors}\n");
    for it in outline(path, text) {
        let lines = format!("{}-{}", it.doc_start, it.end);
        let container = it.container.as_deref().unwrap_or("-");
        let kind = it.kind.as_str();
        let _ = writeln!(
            shown,
            "{:4} {lines:7} {kind:9} {} in {container}: {}",
            it.start, it.name, it.signature
        );
    }
    let _ = write!(shown, "imports");
    for (start, end) in imports(path, text) {
        let _ = write!(shown, " {start}-{end}");
    }
    for name in names.split(' ') {
        let _ = write!(shown, "\nuses of {name}:");
        for it in references(path, text, name) {
            let kind = format!("{:?}", it.kind).to_lowercase();
            let _ = write!(shown, " {}:{} {kind},", it.line, it.column_bytes);
            let line = text.lines().nth(it.line as usize - 1).unwrap_or_default();
            assert_eq!(
                &line[it.column_bytes as usize..it.end_column_bytes as usize],
                name
            );
        }
    }
    let symbols = outline(path, text);
    let functions = symbols
        .iter()
        .filter(|it| ["function", "method"].contains(&it.kind.as_str()));
    if let Some(it) = functions.max_by_key(|it| it.end - it.start) {
        let _ = write!(shown, "\nused in {}:", it.name);
        for it in identifiers(path, text, (it.start, it.end)) {
            let kind = format!("{:?}", it.kind).to_lowercase();
            let _ = write!(shown, " {} {kind},", it.name);
        }
    }
    shown + "\n"
}

fn check(path: &str, text: &str, names: &str, expected: ExpectFile) {
    expected.assert_eq(&table(path, text, names));
}

/// One test a source, with the names that are looked for in it.
macro_rules! sources {
    ($($(#[$when:meta])* $test:ident: $file:literal, $names:literal;)*) => {$(
        $(#[$when])*
        #[test]
        fn $test() {
            let expected = expect_file![concat!("fixtures/", $file, ".table")];
            check($file, include_str!(concat!("fixtures/", $file)), $names, expected);
        }
    )*};
}

sources! {
    rust: "shop.rs", "Item sell MAX_ITEMS Stock";
    go: "shop.go", "Item Sell MaxItems stock";
    python: "shop.py", "Item buy MAX_ITEMS Stock";
    python_tests: "test_shop.py", "Item";
    javascript: "shop.js", "Item add MAX_ITEMS Stock";
    typescript: "shop.ts", "Item sell Price Stock";
    typescript_tests: "shop.test.ts", "add";
    tsx: "shop.tsx", "Item Props toggle";
    java: "Shop.java", "Shop sell MAX_ITEMS Item List";
    c: "shop.c", "add find item MAX_ITEMS";
    c_header: "shop.h", "shop";
    cpp: "shop.cpp", "push Stack kMax helper";
    c_sharp: "Shop.cs", "Shop Sell MaxItems Item";
    ruby: "shop.rb", "Shop sell MAX_ITEMS empty?";
    php: "shop.php", "Item sell MAX_ITEMS Seller";
    bash: "shop.sh", "sell NAME";
    #[cfg(feature = "more-languages")]
    kotlin: "Shop.kt", "Item sell MAX_ITEMS Store";
    #[cfg(feature = "more-languages")]
    swift: "Shop.swift", "Item sell maxItems";
    #[cfg(feature = "more-languages")]
    scala: "Shop.scala", "Item sell Shop";
    #[cfg(feature = "more-languages")]
    lua: "shop.lua", "sell stock";
    #[cfg(feature = "more-languages")]
    zig: "shop.zig", "sell max_items Item";
}
