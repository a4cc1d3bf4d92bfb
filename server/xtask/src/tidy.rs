//! Tidy: the rules of the house that no compiler knows. Each breach is one line that names the file and the rule.

mod arrows;
mod names;
mod shims;

use crate::shell::top;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Hard limit of lines in a Rust file.
const MAX_LINES: usize = 600;

pub fn run() -> Result<()> {
    let top = top();
    let mut breaches = Vec::new();
    for path in rust_files(&top.join("server"))? {
        let text = fs::read_to_string(&path)?;
        let shown = path
            .strip_prefix(&top)
            .unwrap_or(&path)
            .display()
            .to_string();
        breaches.extend(file(&shown, &text));
    }
    breaches.extend(arrows::check(&top)?);
    breaches.extend(shims::check(&top)?);
    if breaches.is_empty() {
        return Ok(());
    }
    bail!(
        "{} breaches of the house rules\n{}",
        breaches.len(),
        breaches.join("\n")
    )
}

/// What is wrong with one Rust file.
fn file(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        breaches.push(format!("{path}: {lines} lines, {MAX_LINES} are the limit"));
    }
    if !text.starts_with("//!") {
        breaches.push(format!(
            "{path}: does not open with `//!` (the noun it owns, and what always holds)"
        ));
    }
    if path.ends_with("/mod.rs") {
        breaches.push(format!(
            "{path}: write `name.rs` beside `name/`, not `mod.rs`"
        ));
    }
    for (name, word) in names::banned(path, text) {
        breaches.push(format!(
            "{path}: `{name}` says `{word}`, which says nothing"
        ));
    }
    breaches
}

/// Every `.rs` file below, build output and fixtures left out, in order.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() {
                if !["target", "fixture", "fixtures", "demo"].contains(&name) {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::file;

    #[test]
    fn each_rule_of_a_file_is_seen() {
        let cases = [
            ("server/a/src/lib.rs", "//! A noun.\nfn f() {}\n", 0),
            ("server/a/src/lib.rs", "fn f() {}\n", 1),
            ("server/a/src/b/mod.rs", "//! A noun.\n", 1),
            ("server/a/src/utils.rs", "//! A noun.\n", 0),
            ("server/a/src/util.rs", "//! A noun.\n", 1),
            (
                "server/a/src/b.rs",
                "//! A noun.\npub struct TaskManager;\n",
                1,
            ),
            (
                "server/a/src/b.rs",
                "//! A noun.\n// struct TaskManager\nstruct Database;\n",
                0,
            ),
            (
                "server/a/src/b.rs",
                "//! A noun.\nmod core;\npub(crate) enum BaseKind {}\n",
                2,
            ),
        ];
        for (path, text, breaches) in cases {
            assert_eq!(file(path, text).len(), breaches, "{path}: {text}");
        }
        let long = format!("//! A noun.\n{}", "\n".repeat(700));
        assert_eq!(file("server/a/src/b.rs", &long).len(), 1);
    }
}
