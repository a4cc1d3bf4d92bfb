//! Cost of the index: reading this repository's own Rust against a bare parse of it as the floor, then on generated code
//! reading a file, replacing a file, asking.

use std::path::Path;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use index::{Entry, Index, Query};

fn main() {
    divan::main();
}

/// Path and text of each Rust file of this repository.
fn repository() -> Vec<(String, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                // A benchmark of real files reads them itself.
                #[allow(clippy::disallowed_methods)]
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                files.push((path.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    files
}

fn bytes(files: &[(String, String)]) -> BytesCount {
    BytesCount::new(files.iter().map(|(_, text)| text.len()).sum::<usize>())
}

#[divan::bench]
fn repository_bare_parse(bencher: Bencher) {
    let files = repository();
    let mut parser = tree_sitter::Parser::new();
    let is_set = parser.set_language(&tree_sitter_rust::LANGUAGE.into());
    assert!(is_set.is_ok());
    bencher.counter(bytes(&files)).bench_local(|| {
        for (_, text) in &files {
            black_box(parser.parse(text, None));
        }
    });
}

#[divan::bench]
fn repository_error_count(bencher: Bencher) {
    let files = repository();
    bencher.counter(bytes(&files)).bench_local(|| {
        for (path, text) in &files {
            black_box(index::error_count(path, text));
        }
    });
}

#[divan::bench]
fn repository_outline(bencher: Bencher) {
    let files = repository();
    bencher.counter(bytes(&files)).bench_local(|| {
        for (path, text) in &files {
            black_box(index::outline(path, text));
        }
    });
}

#[divan::bench]
fn repository_index(bencher: Bencher) {
    let files = repository();
    bencher.counter(bytes(&files)).bench_local(|| {
        let mut index = Index::new();
        for (path, text) in &files {
            index.update(path, text);
        }
        index
    });
}

/// A Rust file of about 40 KB whose words depend on `seed`.
fn source(seed: usize) -> String {
    let word = |at: usize| ["parse", "token", "stream", "retry", "cache", "render"][at % 6];
    (0..200)
        .map(|at| {
            let (one, two) = (word(at + seed), word(at * 7 + seed));
            format!(
                "/// Does {one} before {two}.\npub fn {one}_{two}_{at}(left: usize, right: &str) -> usize {{\n    \
                 let {two}Limit = left + right.len() * {at};\n    match {two}Limit {{ 0 => {seed}, n => n - 1 }}\n}}\n\n"
            )
        })
        .collect()
}

fn filled() -> Index {
    let mut index = Index::new();
    for seed in 0..200 {
        index.update(&format!("src/part_{seed}.rs"), &source(seed));
    }
    index
}

#[divan::bench]
fn read_one_file(bencher: Bencher) {
    let text = source(1);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench(|| Entry::of("src/part_1.rs", black_box(&text)));
}

#[divan::bench]
fn replace_one_file(bencher: Bencher) {
    let text = source(7);
    let mut index = filled();
    bencher.bench_local(|| index.update("src/part_3.rs", black_box(&text)));
}

#[divan::bench]
fn ask(bencher: Bencher) {
    let index = filled();
    bencher.bench(|| {
        index.search(
            black_box(&Query::of("render the cached token stream before a retry")),
            20,
        )
    });
}
