//! Search: what ranks first, what a hit says, and I1: answers depend on the set of files alone.

use index::{Definition, Entry, Index, Query, SymbolKind};
use proptest::prelude::*;

const RETRY: &str = "\
use std::time::Duration;

/// Waits longer after each failure.
pub struct Backoff {
    attempts: u32,
}

impl Backoff {
    /// The pause before the next attempt, doubled each time.
    pub fn next_delay(&mut self) -> Duration {
        self.attempts += 1;
        Duration::from_millis(100 << self.attempts.min(6))
    }
}
";

const SERVER: &str = "\
package server

// Server answers requests.
type Server struct{ addr string }

// ListenAndServe opens the socket and answers until it is closed.
func (s *Server) ListenAndServe() error {
	return nil
}
";

fn shop() -> Index {
    let mut index = Index::new();
    for (path, text) in [
        ("net/src/retry.rs", RETRY),
        ("net/tests/retry.rs", RETRY),
        ("http/server.go", SERVER),
        (
            "docs/guide.md",
            "# Guide\n\nStart the server, then open the page.\n",
        ),
        ("deploy/Dockerfile", "FROM scratch\n"),
        ("empty.rs", ""),
    ] {
        index.update(path, text);
    }
    index
}

fn first(index: &Index, query: &str) -> String {
    let hits = index.search(&Query::of(query), 5);
    hits.first()
        .map(|hit| format!("{}:{}-{}", hit.path, hit.start, hit.end))
        .unwrap_or_default()
}

#[test]
fn words_identifiers_and_paths_find_their_region() {
    let index = shop();
    for (query, place) in [
        (
            "wait longer after a failed attempt",
            "net/src/retry.rs:1-14",
        ),
        ("nextDelay", "net/src/retry.rs:1-14"),
        ("listen_and_serve", "http/server.go:1-9"),
        ("how do sockets get opened?", "http/server.go:1-9"),
        ("guide", "docs/guide.md:1-3"),
        ("dockerfile", "deploy/Dockerfile:1-1"),
        ("empty", "empty.rs:1-1"),
        ("zebra", ""),
        ("the of a", ""),
        ("", ""),
        ("\0 ((( \u{301}", ""),
    ] {
        assert_eq!(first(&index, query), place, "{query}");
    }
    assert!(index.search(&Query::of("server"), 0).is_empty());
    assert_eq!(index.search(&Query::of("server"), 1).len(), 1);
}

#[test]
fn hits_are_sorted_and_say_why() {
    let index = shop();
    let hits = index.search(&Query::of("server socket retry"), 10);
    assert!(hits.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(hits[0].path, "http/server.go");
    assert_eq!(
        hits[0].why,
        ["names: server", "path: server", "text: server, socket"]
    );
    let rank = |path| hits.iter().position(|hit| hit.path == path);
    assert!(rank("net/src/retry.rs") < rank("net/tests/retry.rs"));
    let line = serde_json::to_value(&hits[0]).unwrap();
    let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["end", "path", "score", "start", "why"]);
}

#[test]
fn an_unsaved_symbol_is_found_and_forgotten() {
    let mut index = shop();
    assert_eq!(first(&index, "frobnicate"), "");
    index.update("http/server.go", "package server\n\nfunc frobnicate() {}\n");
    assert_eq!(first(&index, "frobnicate"), "http/server.go:1-3");
    assert!(index.definitions("ListenAndServe").is_empty());
    index.remove("http/server.go");
    index.remove("never/there.go");
    assert_eq!(first(&index, "frobnicate"), "");
    assert_eq!(index.len(), 5);
}

#[test]
fn definitions_are_found_by_name_and_container() {
    let index = shop();
    let found = |name| {
        let list = index.definitions(name);
        let show = |it: &Definition| format!("{}:{}", it.path, it.start);
        list.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(
        found("Backoff"),
        ["net/src/retry.rs:4", "net/tests/retry.rs:4"]
    );
    assert_eq!(found("Server.ListenAndServe"), ["http/server.go:7"]);
    assert_eq!(found("retry::Backoff::next_delay").len(), 2);
    assert!(found("Other::next_delay").is_empty());
    assert!(found("").is_empty());
    let defined = index.defined_in("net/src/retry.rs");
    let kinds: Vec<SymbolKind> = defined.iter().map(|it| it.kind).collect();
    assert_eq!(
        kinds,
        [SymbolKind::Struct, SymbolKind::Impl, SymbolKind::Method]
    );
}

/// All that an index answers, for comparison.
fn answers(index: &Index) -> String {
    let queries = [
        "parse",
        "parse token stream",
        "alpha_beta",
        "gamma test",
        "a.rs",
    ];
    let hits: Vec<_> = queries
        .iter()
        .map(|query| index.search(&Query::of(query), 50))
        .collect();
    format!(
        "{hits:?} {:?} {:?} {}",
        index
            .paths()
            .map(|path| index.defined_in(path))
            .collect::<Vec<_>>(),
        index.definitions("parse"),
        index.terms()
    )
}

/// One change to a set of files.
#[derive(Debug, Clone)]
enum Change {
    Update(&'static str, String),
    Remove(&'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let path =
        prop::sample::select(&["a.rs", "b.rs", "src/parse.go", "tests/a.rs", "notes.md"][..]);
    let line = prop::sample::select(
        &[
            "fn parse() {}",
            "struct AlphaBeta;",
            "// token stream",
            "",
            "impl X { fn gamma() {} }",
            "package p",
            "func parseToken() {}",
            "gamma gamma test",
            "type Stream interface{}",
            "{",
        ][..],
    );
    let text = prop::collection::vec(line, 0..90).prop_map(|lines| lines.join("\n"));
    prop_oneof![
        3 => (path.clone(), text).prop_map(|(path, text)| Change::Update(path, text)),
        1 => path.prop_map(Change::Remove),
    ]
}

proptest! {
    #[test]
    fn i1_answers_depend_on_the_set_of_files_alone(
        changes in prop::collection::vec(change(), 0..12),
    ) {
        let mut grown = Index::new();
        let mut files = std::collections::BTreeMap::new();
        for change in &changes {
            match change {
                Change::Update(path, text) => {
                    grown.update(path, text);
                    files.insert(*path, text.as_str());
                }
                Change::Remove(path) => {
                    grown.remove(path);
                    files.remove(path);
                }
            }
        }
        let mut forward = Index::new();
        for (path, text) in &files {
            forward.update(path, text);
        }
        let mut backward = Index::new();
        for (path, text) in files.iter().rev() {
            backward.insert(Entry::of(path, text));
        }
        prop_assert_eq!(answers(&grown), answers(&forward));
        prop_assert_eq!(answers(&backward), answers(&forward));
        prop_assert_eq!(grown.len(), files.len());
    }
}

#[test]
fn tests_within_a_file_rank_below_what_they_test() {
    let mut index = Index::new();
    let body = "    let needle = open_valve();\n    needle.turn();\n".repeat(5);
    for (path, first, second) in [
        (
            "rust.rs",
            format!("#[cfg(test)]\nmod checks {{\nfn one() {{\n{body}}}\n}}\n"),
            format!("fn two() {{\n{body}}}\n"),
        ),
        (
            "all.rs",
            format!("#[cfg(all(test, unix))]\nmod checks {{\nfn one() {{\n{body}}}\n}}\n"),
            format!("fn two() {{\n{body}}}\n"),
        ),
        (
            "go.go",
            format!("package a\n\nfunc TestOne() {{\n{body}}}\n"),
            format!("func two() {{\n{body}}}\n"),
        ),
    ] {
        index.update(path, &format!("{first}{second}"));
        let start = first.lines().count() as u32 + 1;
        let hits = index.search(&Query::of("open the valve, turn the needle"), 5);
        let found: Vec<_> = hits.iter().filter(|hit| hit.path == path).collect();
        assert_eq!(found.len(), 2, "{path}");
        assert_eq!(found[0].start, start, "{path}");
        index.remove(path);
    }
}

#[test]
fn scripts_without_spaces_are_searched_by_parts() {
    let mut index = Index::new();
    index.update("a.md", "本模块读取配置文件并检查结果。\n");
    index.update("b.md", "この関数は結果を返す。\n");
    assert_eq!(first(&index, "配置文件"), "a.md:1-1");
    assert_eq!(first(&index, "読む関数"), "b.md:1-1");
    assert_eq!(first(&index, "天气"), "");
}

#[test]
fn several_files_define_one_name() {
    let mut index = Index::new();
    for path in ["c.rs", "a.rs", "b.go"] {
        index.update(path, "package x\nfunc parse() {}\nfn parse() {}\n");
    }
    index.update(
        "c.rs",
        "fn parse() {}\nmod m { fn parse() {} }\nimpl parse {}\n",
    );
    let found = index.definitions("parse");
    let places: Vec<_> = found
        .iter()
        .map(|it| (it.path.as_str(), it.start))
        .collect();
    assert_eq!(places, [("a.rs", 3), ("b.go", 2), ("c.rs", 1), ("c.rs", 2)]);
    index.remove("b.go");
    assert_eq!(index.definitions("parse").len(), 3);
    assert_eq!(index.definitions("m::parse").len(), 1);
}
