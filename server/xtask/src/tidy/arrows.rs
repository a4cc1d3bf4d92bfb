//! Arrows: which crate may depend on which. The block `arrows` of `docs/architecture.md` and every `Cargo.toml` say the
//! same; versions are named in the top `Cargo.toml` only.

use anyhow::{Context, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Every crate whose `Cargo.toml` says something else than the page.
pub fn check(top: &Path) -> Result<Vec<String>> {
    let mut crates = BTreeMap::new();
    for entry in fs::read_dir(top.join("server"))? {
        let folder = entry?.path();
        if let (Some(name), Ok(text)) = (
            folder.file_name().and_then(|name| name.to_str()),
            fs::read_to_string(folder.join("Cargo.toml")),
        ) {
            crates.insert(name.to_owned(), text);
        }
    }
    let page = fs::read_to_string(top.join("docs/architecture.md"))
        .context("docs/architecture.md must say the arrows")?;
    Ok(compare(&page, &crates))
}

fn compare(page: &str, crates: &BTreeMap<String, String>) -> Vec<String> {
    let ours: BTreeSet<String> = crates.keys().cloned().collect();
    let Some(arrows) = parse_page(page) else {
        return vec![
            "docs/architecture.md: no block fenced as `arrows` with lines `a -> b c`".to_owned(),
        ];
    };
    let none = BTreeSet::new();
    let mut breaches = Vec::new();
    for (name, manifest) in crates {
        let path = format!("server/{name}/Cargo.toml");
        let allowed = arrows.get(name).unwrap_or(&none);
        let mut found = BTreeSet::new();
        for (section, dependency, value) in dependencies(manifest) {
            if !value.contains("workspace = true") {
                breaches.push(format!("{path}: `{dependency}` must be `workspace = true`"));
            }
            if !ours.contains(dependency) {
                continue;
            }
            // Tests may reach whatever lies below, through any number of floors.
            let below = reachable(&arrows, name);
            match section {
                Section::Normal => {
                    found.insert(dependency.to_owned());
                    if !allowed.contains(dependency) {
                        breaches.push(format!(
                            "{path}: {name} -> {dependency} is no arrow of docs/architecture.md"
                        ));
                    }
                }
                Section::Dev if dependency == "testkit" || below.contains(dependency) => {}
                Section::Dev => breaches.push(format!(
                    "{path}: the tests of {name} reach up to {dependency}"
                )),
            }
        }
        for missing in allowed.difference(&found) {
            breaches.push(format!(
                "docs/architecture.md: {name} -> {missing} is no dependency of {path}"
            ));
        }
    }
    breaches
}

#[derive(Clone, Copy)]
enum Section {
    Normal,
    Dev,
}

/// The lines `a -> b c` of the block that is fenced as `arrows`.
fn parse_page(page: &str) -> Option<Arrows> {
    let (_, rest) = page.split_once("```arrows\n")?;
    let (block, _) = rest.split_once("```")?;
    block
        .lines()
        .map(|line| {
            let (from, to) = line.split_once("->")?;
            Some((
                from.trim().to_owned(),
                to.split_whitespace().map(str::to_owned).collect(),
            ))
        })
        .collect()
}

fn reachable(arrows: &Arrows, from: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        for next in arrows.get(name).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    found
}

/// Section, name and value of each dependency.
fn dependencies(manifest: &str) -> Vec<(Section, &str, String)> {
    let mut found = Vec::new();
    let mut section = None;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = match header.rsplit('.').next() {
                Some("dependencies" | "build-dependencies") => Some(Section::Normal),
                Some("dev-dependencies") => Some(Section::Dev),
                _ => None,
            };
        } else if let (Some(section), Some((name, value))) = (section, line.split_once('='))
            && !line.starts_with('#')
        {
            let (name, key) = name.trim().split_once('.').unwrap_or((name.trim(), ""));
            found.push((section, name, format!("{key} = {}", value.trim())));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::compare;
    use std::collections::BTreeMap;

    const PAGE: &str =
        "Words.\n```arrows\na ->\nb -> a\nc   -> a b\ntop -> a b c\n```\nMore -> words.";

    fn breaches(changed: &str, manifest: &str) -> Vec<String> {
        let mut crates: BTreeMap<String, String> = [
            ("a", "[dependencies]\nserde = { workspace = true }"),
            ("b", "[dependencies]\na.workspace = true"),
            ("c", "[dependencies]\na.workspace = true\nb.workspace = true\n[dev-dependencies]\ntestkit.workspace = true"),
            ("testkit", ""),
            ("top", "[dependencies]\na.workspace = true\nb.workspace = true\nc.workspace = true"),
        ]
        .map(|(name, text)| (name.to_owned(), text.to_owned()))
        .into();
        crates.insert(changed.to_owned(), manifest.to_owned());
        compare(PAGE, &crates)
    }

    #[test]
    fn arrows_are_what_the_page_says() {
        let cases = [
            ("a", "", 0),
            ("a", "[dependencies]\nb.workspace = true", 1),
            ("b", "", 1),
            ("b", "[dependencies]\na.workspace = true\nserde = \"1\"", 1),
            (
                "b",
                "[dependencies]\na.workspace = true\n[dev-dependencies]\nc.workspace = true",
                1,
            ),
            (
                "c",
                "[dependencies]\nb.workspace = true\na = { workspace = true }\n[target.'cfg(unix)'.dependencies]\ntop.workspace = true",
                1,
            ),
        ];
        for (name, manifest, count) in cases {
            let found = breaches(name, manifest);
            assert_eq!(found.len(), count, "{name}: {manifest}\n{found:#?}");
        }
        assert_eq!(compare("no block", &BTreeMap::new()).len(), 1);
    }
}
