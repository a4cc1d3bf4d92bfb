//! Reports: files in JUnit's form that Maven, Gradle and others leave in a tree. Those of earlier runs stand there too, so the time
//! counts; what is too large or too many is left out.

use crate::path::RelPath;
use sandbox::{Kind, Tree};
use std::collections::BTreeSet;
use std::time::SystemTime;

/// Where the tools put them, below a folder with sources.
const PLACES: [&str; 5] = [
    "target/surefire-reports",
    "target/failsafe-reports",
    "build/test-results",
    "test-results",
    "test-reports",
];

/// Folders that are looked at, files that are read, and bytes of one.
const FOLDERS: usize = 4_000;
const FILES: usize = 1_000;
const LARGEST: u64 = 4 * 1024 * 1024;

/// The texts written since then, in the order of their paths.
pub(super) fn read<'a>(
    tree: &Tree,
    sources: impl Iterator<Item = &'a RelPath>,
    since: SystemTime,
) -> Vec<String> {
    // A project's own folder has a manifest; its reports lie nowhere else.
    let mut parents: BTreeSet<&str> = BTreeSet::from([""]);
    for path in sources
        .filter(|path| is_manifest(path.name()))
        .take(FOLDERS)
    {
        parents.insert(
            path.as_str()
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder),
        );
    }
    let mut texts = Vec::new();
    for parent in parents {
        for place in PLACES {
            let place = match parent.is_empty() {
                true => place.to_owned(),
                false => format!("{parent}/{place}"),
            };
            let Ok(mut entries) = tree.entries(&place) else {
                continue;
            };
            entries.sort();
            for (name, kind) in entries {
                let path = format!("{place}/{name}");
                match kind {
                    Kind::File => add(tree, &path, since, &mut texts),
                    // Gradle has a folder for each task.
                    Kind::Dir => {
                        let mut inner = tree.entries(&path).unwrap_or_default();
                        inner.sort();
                        for (name, _) in inner {
                            add(tree, &format!("{path}/{name}"), since, &mut texts);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    texts
}

fn is_manifest(name: &str) -> bool {
    name == "pom.xml" || name == "package.json" || name.starts_with("build.gradle")
}

fn add(tree: &Tree, path: &str, since: SystemTime, texts: &mut Vec<String>) {
    if !path.ends_with(".xml") || texts.len() >= FILES {
        return;
    }
    let stat = tree.stat(path).ok().flatten();
    let fits = stat.is_some_and(|stat| {
        stat.kind == Kind::File && stat.len <= LARGEST && stat.modified >= since
    });
    if !fits {
        return;
    }
    if let Ok(text) = tree.read(path).map(String::from_utf8) {
        texts.extend(text);
    }
}
