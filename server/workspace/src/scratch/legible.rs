//! Legible: the files that a program may read which nobody confines. A language server that reads a draft must run nothing of it: so
//! only languages are here whose servers do not run what they read, and no file that says what is to be run.

use crate::error::Error;
use crate::path::RelPath;
use sandbox::{Kind, Tree};

/// Ends of names of sources: TypeScript, JavaScript and Python.
const SOURCES: [&str; 10] = [
    "ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "py", "pyi",
];

/// Folders of installed packages: where the workspace ignores them they are linked as they are there, and a server may run what is
/// in them.
const INSTALLED: [&str; 7] = [
    "node_modules",
    "bower_components",
    "jspm_packages",
    "vendor",
    "venv",
    "site-packages",
    "dist-packages",
];

/// What the name of a folder with sources begins with.
const TREE: &str = "tree-";

/// Whether it is a source. Settings written in the language itself (`eslint.config.js`), names with a dot in front and installed
/// packages are run by tools, and are none.
pub(super) fn is_source(path: &RelPath) -> bool {
    let name = path.name();
    let is_setting = name.contains(".config.")
        || name.contains(".conf.")
        || matches!(name, "sitecustomize.py" | "usercustomize.py")
        || sandbox::guard(path.as_str()).is_some();
    let mut parts = path.as_str().split('/');
    let is_apart = parts.any(|part| {
        part.starts_with('.') || INSTALLED.iter().any(|it| it.eq_ignore_ascii_case(part))
    });
    let ends = name.rsplit_once('.').map(|(_, end)| end);
    !is_setting && !is_apart && ends.is_some_and(|end| SOURCES.contains(&end))
}

/// Whether it is in such a tree: sources, and the settings that say how they are to be read.
pub(super) fn is_taken(path: &RelPath) -> bool {
    let name = path.name();
    let says = |start: &str| name.starts_with(start) && name.ends_with(".json");
    is_source(path) || says("tsconfig") || says("jsconfig") || name == "pyrightconfig.json"
}

/// The name that the tree of this folder gets now: a new one, with what is there already below it.
pub(super) fn renamed(state: &Tree, folder: &str) -> Result<String, Error> {
    let failed = |error| Error::io("cannot rename a scratch tree", error);
    let number = |name: &str| name.strip_prefix(TREE)?.parse::<u64>().ok();
    let entries = state.entries(folder).map_err(failed)?;
    let last = entries
        .iter()
        .filter(|(_, kind)| *kind == Kind::Dir)
        .filter_map(|(name, _)| number(name))
        .max();
    let name = |number: u64| format!("{TREE}{number}");
    let next = name(last.map_or(0, |last| last + 1));
    if let Some(last) = last {
        let path = |name: &str| format!("{folder}/{name}");
        state
            .rename(&path(&name(last)), &path(&next))
            .map_err(failed)?;
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_that_servers_read_without_running_anything_are_legible() {
        let path = |text: &str| RelPath::new(text).unwrap();
        for (name, expected) in [
            ("src/a.ts", true),
            ("b.py", true),
            ("eslint.config.js", false),
            (".eslintrc.js", false),
            (".hidden/a.ts", false),
            ("node_modules/css/index.js", false),
            ("web/Node_Modules/css/index.js", false),
            ("vendor/a.py", false),
            ("venv/lib/python3.13/site-packages/a.py", false),
            ("site-packages/a.py", false),
            (".yarn/a.cjs", false),
            ("conftest.py", false),
            ("setup.py", false),
            ("lib/sitecustomize.py", false),
            ("build.rs", false),
            ("package.json", false),
            ("tsconfig.json", false),
        ] {
            assert_eq!(is_source(&path(name)), expected, "{name}");
        }
        for (name, expected) in [
            ("tsconfig.build.json", true),
            ("web/jsconfig.json", true),
            ("package.json", false),
            ("pyproject.toml", false),
        ] {
            assert_eq!(is_taken(&path(name)), expected, "{name}");
        }
    }
}
