//! Table: all that is known of each language; a new one is a row here, a query file and, if need be, a lexis.

use super::Language;
use crate::lexis::{self, Lexis};

/// One language.
pub(crate) struct Row {
    pub(crate) language: Language,
    /// In lower case.
    pub(crate) name: &'static str,
    /// Endings of paths, without the dot, in lower case.
    pub(crate) ends: &'static [&'static str],
    /// Whole names of files.
    pub(crate) files: &'static [&'static str],
    /// Programs that a first line `#!` names, without numbers.
    pub(crate) programs: &'static [&'static str],
    pub(crate) grammar: fn() -> tree_sitter::Language,
    /// Texts of its query, read one after the other.
    pub(crate) queries: &'static [&'static str],
    /// Where its brackets do not count.
    pub(crate) lexis: &'static Lexis,
    /// Which of its functions are tests by their names.
    pub(crate) tests: Tests,
    pub(crate) imports: Imports,
}

/// Statements that name other files, packages or modules.
pub(crate) struct Imports {
    /// Kinds of nodes that do.
    pub(crate) nodes: &'static [&'static str],
    /// Kinds of nodes that do where their first line begins with the word; one that ends with `(` may be anywhere in it.
    pub(crate) calls: &'static [(&'static str, &'static str)],
    /// Kinds of nodes at the top level that may hold such statements.
    pub(crate) within: &'static [&'static str],
}

/// Functions that a test runner finds by their names. Marks and calls of a test runner are the query's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tests {
    Unnamed,
    /// By one of these words, which no small letter follows.
    Words(&'static [&'static str]),
    /// By this beginning, in a file of tests.
    InFiles(&'static str),
    /// Calls that begin with one of these words; which they are says the query, and about other calls it is not asked.
    Calls(&'static [&'static str]),
}

const RUNNERS: Tests = Tests::Calls(&["describe", "it", "test", "suite", "bench", "Deno"]);

const ECMA_IMPORTS: Imports = Imports {
    nodes: &["import_statement"],
    calls: &[
        ("export_statement", "export *"),
        ("lexical_declaration", "require("),
        ("variable_declaration", "require("),
        ("lexical_declaration", "import("),
        ("expression_statement", "require("),
    ],
    within: &[],
};

/// The languages of this build, in the order of the enum.
pub(crate) const LANGUAGES: &[Row] = &[
    Row {
        language: Language::Rust,
        name: "rust",
        ends: &["rs"],
        files: &[],
        programs: &["rust-script"],
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        queries: &[include_str!("../../queries/rust.scm")],
        lexis: &lexis::RUST,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &["use_declaration", "extern_crate_declaration"],
            calls: &[],
            within: &[],
        },
    },
    Row {
        language: Language::Go,
        name: "go",
        ends: &["go"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_go::LANGUAGE.into(),
        queries: &[include_str!("../../queries/go.scm")],
        lexis: &lexis::GO,
        tests: Tests::Words(&["Test", "Benchmark", "Fuzz", "Example"]),
        imports: Imports {
            nodes: &["import_declaration", "package_clause"],
            calls: &[],
            within: &[],
        },
    },
    Row {
        language: Language::Python,
        name: "python",
        ends: &["py", "pyi", "pyw"],
        files: &["SConstruct", "SConscript"],
        programs: &["python", "pypy"],
        grammar: || tree_sitter_python::LANGUAGE.into(),
        queries: &[include_str!("../../queries/python.scm")],
        lexis: &lexis::PYTHON,
        tests: Tests::InFiles("test"),
        imports: Imports {
            nodes: &[
                "import_statement",
                "import_from_statement",
                "future_import_statement",
            ],
            calls: &[],
            within: &[
                "if_statement",
                "try_statement",
                "except_clause",
                "else_clause",
                "block",
            ],
        },
    },
    Row {
        language: Language::JavaScript,
        name: "javascript",
        ends: &["js", "mjs", "cjs", "jsx"],
        files: &["Jakefile"],
        programs: &["node", "bun"],
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        queries: &[
            include_str!("../../queries/ecmascript.scm"),
            include_str!("../../queries/javascript.scm"),
        ],
        lexis: &lexis::ECMA,
        tests: RUNNERS,
        imports: ECMA_IMPORTS,
    },
    Row {
        language: Language::TypeScript,
        name: "typescript",
        ends: &["ts", "mts", "cts"],
        files: &[],
        programs: &["deno", "ts-node", "tsx"],
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        queries: &[
            include_str!("../../queries/ecmascript.scm"),
            include_str!("../../queries/typescript.scm"),
        ],
        lexis: &lexis::ECMA,
        tests: RUNNERS,
        imports: ECMA_IMPORTS,
    },
    Row {
        language: Language::Tsx,
        name: "tsx",
        ends: &["tsx"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        queries: &[
            include_str!("../../queries/ecmascript.scm"),
            include_str!("../../queries/typescript.scm"),
        ],
        lexis: &lexis::ECMA,
        tests: RUNNERS,
        imports: ECMA_IMPORTS,
    },
    Row {
        language: Language::Java,
        name: "java",
        ends: &["java"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_java::LANGUAGE.into(),
        queries: &[include_str!("../../queries/java.scm")],
        lexis: &lexis::JAVA,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &["import_declaration", "package_declaration"],
            calls: &[],
            within: &[],
        },
    },
    Row {
        language: Language::C,
        name: "c",
        ends: &["c", "h"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_c::LANGUAGE.into(),
        queries: &[include_str!("../../queries/c.scm")],
        lexis: &lexis::C,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &["preproc_include"],
            calls: &[],
            within: &[
                "preproc_ifdef",
                "preproc_if",
                "preproc_else",
                "preproc_elif",
                "linkage_specification",
                "declaration_list",
            ],
        },
    },
    Row {
        language: Language::Cpp,
        name: "cpp",
        ends: &[
            "cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl", "tpp", "cu", "cuh",
            "ino",
        ],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_cpp::LANGUAGE.into(),
        queries: &[
            include_str!("../../queries/c.scm"),
            include_str!("../../queries/cpp.scm"),
        ],
        lexis: &lexis::CPP,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &[
                "preproc_include",
                "using_declaration",
                "namespace_alias_definition",
            ],
            calls: &[],
            within: &[
                "preproc_ifdef",
                "preproc_if",
                "preproc_else",
                "preproc_elif",
                "linkage_specification",
                "declaration_list",
                "namespace_definition",
            ],
        },
    },
    Row {
        language: Language::CSharp,
        name: "c_sharp",
        ends: &["cs", "csx"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_c_sharp::LANGUAGE.into(),
        queries: &[include_str!("../../queries/c_sharp.scm")],
        lexis: &lexis::C_SHARP,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &[
                "using_directive",
                "extern_alias_directive",
                "file_scoped_namespace_declaration",
            ],
            calls: &[],
            within: &["namespace_declaration", "declaration_list", "preproc_if"],
        },
    },
    Row {
        language: Language::Ruby,
        name: "ruby",
        ends: &["rb", "rake", "gemspec", "ru", "podspec"],
        files: &[
            "Rakefile",
            "Gemfile",
            "Guardfile",
            "Vagrantfile",
            "Podfile",
            "Fastfile",
            "Brewfile",
        ],
        programs: &["ruby", "jruby"],
        grammar: || tree_sitter_ruby::LANGUAGE.into(),
        queries: &[include_str!("../../queries/ruby.scm")],
        lexis: &lexis::RUBY,
        tests: Tests::InFiles("test_"),
        imports: Imports {
            nodes: &[],
            calls: &[("call", "require"), ("call", "load "), ("call", "autoload")],
            within: &[],
        },
    },
    Row {
        language: Language::Php,
        name: "php",
        ends: &["php", "phtml", "php5"],
        files: &[],
        programs: &["php"],
        grammar: || tree_sitter_php::LANGUAGE_PHP.into(),
        queries: &[include_str!("../../queries/php.scm")],
        lexis: &lexis::PHP,
        tests: Tests::InFiles("test"),
        imports: Imports {
            nodes: &["namespace_use_declaration"],
            calls: &[
                ("namespace_definition", "namespace"),
                ("expression_statement", "require"),
                ("expression_statement", "include"),
            ],
            within: &[],
        },
    },
    Row {
        language: Language::Bash,
        name: "bash",
        ends: &["sh", "bash", "zsh", "ksh", "bats", "ebuild"],
        files: &[
            ".bashrc",
            ".bash_profile",
            ".profile",
            ".zshrc",
            "PKGBUILD",
            "APKBUILD",
        ],
        programs: &["sh", "bash", "zsh", "ksh", "dash", "ash", "bats"],
        grammar: || tree_sitter_bash::LANGUAGE.into(),
        queries: &[include_str!("../../queries/bash.scm")],
        lexis: &lexis::BASH,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &[],
            calls: &[("command", "source "), ("command", ". ")],
            within: &[],
        },
    },
    #[cfg(feature = "more-languages")]
    Row {
        language: Language::Kotlin,
        name: "kotlin",
        ends: &["kt", "kts"],
        files: &[],
        programs: &["kotlin"],
        grammar: || tree_sitter_kotlin_ng::LANGUAGE.into(),
        queries: &[include_str!("../../queries/kotlin.scm")],
        lexis: &lexis::JVM,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &["import", "package_header"],
            calls: &[],
            within: &[],
        },
    },
    #[cfg(feature = "more-languages")]
    Row {
        language: Language::Swift,
        name: "swift",
        ends: &["swift"],
        files: &[],
        programs: &["swift"],
        grammar: || tree_sitter_swift::LANGUAGE.into(),
        queries: &[include_str!("../../queries/swift.scm")],
        lexis: &lexis::SWIFT,
        tests: Tests::InFiles("test"),
        imports: Imports {
            nodes: &["import_declaration"],
            calls: &[],
            within: &[],
        },
    },
    #[cfg(feature = "more-languages")]
    Row {
        language: Language::Scala,
        name: "scala",
        ends: &["scala", "sc", "sbt"],
        files: &[],
        programs: &["scala"],
        grammar: || tree_sitter_scala::LANGUAGE.into(),
        queries: &[include_str!("../../queries/scala.scm")],
        lexis: &lexis::JVM,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &["import_declaration", "package_clause"],
            calls: &[],
            within: &[],
        },
    },
    #[cfg(feature = "more-languages")]
    Row {
        language: Language::Lua,
        name: "lua",
        ends: &["lua"],
        files: &[],
        programs: &["lua", "luajit"],
        grammar: || tree_sitter_lua::LANGUAGE.into(),
        queries: &[include_str!("../../queries/lua.scm")],
        lexis: &lexis::LUA,
        tests: Tests::InFiles("test"),
        imports: Imports {
            nodes: &[],
            calls: &[
                ("variable_declaration", "require("),
                ("function_call", "require"),
                ("assignment_statement", "require("),
            ],
            within: &[],
        },
    },
    #[cfg(feature = "more-languages")]
    Row {
        language: Language::Zig,
        name: "zig",
        ends: &["zig"],
        files: &[],
        programs: &[],
        grammar: || tree_sitter_zig::LANGUAGE.into(),
        queries: &[include_str!("../../queries/zig.scm")],
        lexis: &lexis::ZIG,
        tests: Tests::Unnamed,
        imports: Imports {
            nodes: &[],
            calls: &[("variable_declaration", "@import(")],
            within: &[],
        },
    },
];
