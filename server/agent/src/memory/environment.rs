//! Environment: values that the project's `.env` files give to names of secrets. They look like nothing, so no pattern finds them; what
//! is remembered must not hold them all the same. The files are read here and nowhere else, and nothing of them goes on.

use camino::Utf8Path;
use sandbox::{Kind, Tree};

/// Bytes of such a file above which it is none, folders that are looked into, and values that are looked for.
const LARGEST: u64 = 64 * 1024;
const MOST_FOLDERS: usize = 64;
const MOST_VALUES: usize = 500;
/// Bytes of a value below which it is part of too many words.
const SHORTEST: usize = 6;
/// Bytes of a value from which on it is masked in all that a task says.
const LONG_ENOUGH: usize = 8;
/// Bytes of a value of letters and digits that counts whatever its name is.
const LIKE_A_KEY: usize = 16;

/// The text with the values masked.
pub(super) fn mask(root: &Utf8Path, text: &str) -> String {
    let mut values = values(root);
    // What holds another goes first.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    let mut text = text.to_owned();
    for value in values {
        if text.contains(&value) {
            text = text.replace(&value, llm::MASK);
        }
    }
    text
}

/// The values that are masked wherever they stand: not those that are ordinary words, numbers or addresses, which code has too.
pub(crate) fn known(root: &Utf8Path) -> Vec<String> {
    let mut values = values(root);
    values.retain(|value| value.len() >= LONG_ENOUGH && !is_ordinary(value));
    values
}

fn is_ordinary(value: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || "-_./:".contains(c);
    let is_short = value.len() < LIKE_A_KEY;
    let is_address = value.contains("://") && !value.contains('@');
    is_address
        || value.starts_with(['/', '.', '$'])
        || (is_short && value.chars().all(is_word))
        || (is_short && value.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// The values in the root and in the folders of it.
fn values(root: &Utf8Path) -> Vec<String> {
    let Ok(tree) = Tree::open(root) else {
        return Vec::new();
    };
    let top = tree.entries("").unwrap_or_default();
    let folders = top
        .iter()
        .filter(|(name, kind)| *kind == Kind::Dir && !sandbox::is_git(name));
    let folders = folders.map(|(name, _)| name.as_str()).take(MOST_FOLDERS);
    let mut found = Vec::new();
    for folder in std::iter::once("").chain(folders) {
        for (name, kind) in tree.entries(folder).unwrap_or_default() {
            if kind != Kind::File || !name.starts_with(".env") || !sandbox::is_secret_path(&name) {
                continue;
            }
            let path = match folder {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            if matches!(tree.stat(&path), Ok(Some(stat)) if stat.len <= LARGEST)
                && let Ok(bytes) = tree.read(&path)
            {
                let text = String::from_utf8_lossy(&bytes);
                found.extend(text.lines().filter_map(secret));
            }
        }
    }
    found.truncate(MOST_VALUES);
    found
}

/// The value of a line `NAME=value`, where it is a secret.
fn secret(line: &str) -> Option<String> {
    let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
    let (name, value) = line.split_once('=')?;
    let value = value.trim();
    let value = match value.chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => value[1..].split(quote).next().unwrap_or_default(),
        _ => value.split(" #").next().unwrap_or_default().trim_end(),
    };
    let name = name.trim().to_ascii_uppercase();
    let named = [
        "KEY",
        "TOKEN",
        "SECRET",
        "PASS",
        "PWD",
        "CREDENTIAL",
        "AUTH",
        "DSN",
        "PRIVATE",
        "SALT",
        "SIGNATURE",
        "WEBHOOK",
    ];
    let is_named = !name.starts_with('#') && named.iter().any(|word| name.contains(word));
    let has = |test: fn(u8) -> bool| value.bytes().any(test);
    let is_like_a_key = value.len() >= LIKE_A_KEY
        && has(|b| b.is_ascii_digit())
        && has(|b| b.is_ascii_alphabetic())
        && !value.contains(['/', ' ', '.']);
    (value.len() >= SHORTEST && (is_named || is_like_a_key)).then(|| value.to_owned())
}
