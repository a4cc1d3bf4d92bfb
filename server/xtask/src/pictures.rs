//! Pictures: what the documentation shows of the editors, taken from the real thing by `cargo xtask pictures`.

use crate::editors;
use crate::setup;
use crate::shell::{cargo, command, run as show, top};
use anyhow::{Context, Result};
use std::fs;

/// Takes all of them anew, or those of one editor.
pub fn run(only: Option<&str>) -> Result<()> {
    let pictures = top().join("docs/pictures");
    fs::create_dir_all(&pictures).context("docs/pictures")?;
    if only.is_none_or(|editor| editor == "nvim") {
        let tools = setup::run()?;
        show(&mut cargo(&["build", "--package", "animus"]))?;
        editors::record(&tools, &setup::recorder()?, &pictures)?;
    }
    if only.is_none_or(|editor| editor == "vscode") {
        // The session that looks at the page takes pictures where it is told to.
        let mut session = command(std::env::current_exe()?);
        session.args(["editors", "vscode-ui"]);
        show(session.env("ANIMUS_PICTURES", &pictures))?;
    }
    Ok(())
}
