//! Shims: editors stay thin. Lines written by hand in each shim are counted, blank lines and comments left out; what a
//! second editor would need too belongs into the server.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// One shim: where its sources are, which files count, what begins a comment, and how many lines it may have.
struct Shim {
    name: &'static str,
    folders: &'static [&'static str],
    extension: &'static str,
    comment: &'static str,
    most: usize,
}

const SHIMS: [Shim; 2] = [
    Shim {
        name: "Neovim",
        folders: &[
            "editors/nvim/lua",
            "editors/nvim/lsp",
            "editors/nvim/plugin",
        ],
        extension: "lua",
        comment: "--",
        most: 2_750,
    },
    Shim {
        name: "VS Code",
        folders: &["editors/vscode/src"],
        extension: "ts",
        comment: "//",
        most: 1_900,
    },
];

/// What is wrong with the shims of the checkout.
pub fn check(top: &Path) -> Result<Vec<String>> {
    let mut breaches = Vec::new();
    for shim in &SHIMS {
        let mut lines = 0;
        for folder in shim.folders {
            lines += count(&top.join(folder), shim)?;
        }
        breaches.extend(breach(shim, lines));
    }
    Ok(breaches)
}

/// Lines of code below a folder.
fn count(folder: &Path, shim: &Shim) -> Result<usize> {
    let mut lines = 0;
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            lines += count(&path, shim)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == shim.extension)
        {
            lines += code(&fs::read_to_string(&path)?, shim.comment);
        }
    }
    Ok(lines)
}

/// Lines that are neither blank nor a comment alone.
fn code(text: &str, comment: &str) -> usize {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(comment))
        .count()
}

fn breach(shim: &Shim, lines: usize) -> Option<String> {
    let (name, most) = (shim.name, shim.most);
    match lines {
        0 => Some(format!(
            "the shim of {name} was not found where it should be"
        )),
        lines if lines > most => Some(format!(
            "the shim of {name} has {lines} lines of code, {most} are the limit: move what other editors need too into the server"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_is_no_blank_line_and_no_comment() {
        let text = "-- a noun\n\nlocal a = 1 -- why\n  -- why\nreturn a\n";
        assert_eq!(code(text, "--"), 2);
    }

    #[test]
    fn a_shim_that_grew_or_is_gone_is_named() {
        let [shim, _] = SHIMS;
        assert!(breach(&shim, shim.most).is_none());
        assert!(breach(&shim, shim.most + 1).unwrap().contains("Neovim"));
        assert!(breach(&shim, 0).unwrap().contains("not found"));
    }
}
