//! Languages: what is found in one small source of each; the tables are beside the sources in `fixtures/`.

use std::fmt::Write;

use expect_test::{ExpectFile, expect_file};
use index::{Language, error_count, outline};

/// The table of one source.
fn table(path: &str, text: &str) -> String {
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
    shown
}

fn check(path: &str, text: &str, expected: ExpectFile) {
    expected.assert_eq(&table(path, text));
}

/// One test a source: its path and the name it is known by, where a name of a test makes a difference.
macro_rules! sources {
    ($($(#[$when:meta])* $test:ident: $file:literal as $path:literal;)*) => {$(
        $(#[$when])*
        #[test]
        fn $test() {
            let expected = expect_file![concat!("fixtures/", $file, ".table")];
            check($path, include_str!(concat!("fixtures/", $file)), expected);
        }
    )*};
}

sources! {
    rust: "shop.rs" as "shop.rs";
    go: "shop.go" as "shop.go";
    python: "shop.py" as "shop.py";
    python_tests: "test_shop.py" as "test_shop.py";
    javascript: "shop.js" as "shop.js";
    typescript: "shop.ts" as "shop.ts";
    typescript_tests: "shop.test.ts" as "shop.test.ts";
    tsx: "shop.tsx" as "shop.tsx";
    java: "Shop.java" as "Shop.java";
    c: "shop.c" as "shop.c";
    c_header: "shop.h" as "shop.h";
    cpp: "shop.cpp" as "shop.cpp";
    c_sharp: "Shop.cs" as "Shop.cs";
    ruby: "shop.rb" as "shop.rb";
    php: "shop.php" as "shop.php";
    bash: "shop.sh" as "shop.sh";
    #[cfg(feature = "more-languages")]
    kotlin: "Shop.kt" as "Shop.kt";
    #[cfg(feature = "more-languages")]
    swift: "Shop.swift" as "Shop.swift";
    #[cfg(feature = "more-languages")]
    scala: "Shop.scala" as "Shop.scala";
    #[cfg(feature = "more-languages")]
    lua: "shop.lua" as "shop.lua";
    #[cfg(feature = "more-languages")]
    zig: "shop.zig" as "shop.zig";
}
