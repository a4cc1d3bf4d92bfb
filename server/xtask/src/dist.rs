//! Dist: what is handed out, in `target/package`: the binary of the `dist` profile and the two editor shims, one archive.

use crate::shell::{cargo, command, quiet, run as show, top};
use crate::vsix;
use anyhow::{Context, Result};
use std::fs;

pub fn run() -> Result<()> {
    show(&mut cargo(&[
        "build",
        "--profile",
        "dist",
        "--package",
        "animus",
    ]))?;
    let extension = vsix::build(vsix::Server::Absent)?;

    let here = std::env::current_exe()?;
    let target = here
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?;
    let name = format!(
        "animus-{}-{}-{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let package = target.join("package");
    let folder = package.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for part in ["bin", "editors/vscode", "editors/nvim"] {
        fs::create_dir_all(folder.join(part))?;
    }
    fs::copy(target.join("dist/animus"), folder.join("bin/animus"))?;
    fs::copy(
        &extension,
        folder
            .join("editors/vscode")
            .join(extension.file_name().context("a file without a name")?),
    )?;
    for part in ["doc", "lsp", "lua", "plugin", "syntax", "README.md"] {
        quiet(
            command("cp")
                .arg("-r")
                .arg(top().join("editors/nvim").join(part))
                .arg(folder.join("editors/nvim")),
        )?;
    }
    for file in ["LICENSE", "README.md"] {
        fs::copy(top().join(file), folder.join(file))
            .with_context(|| format!("cannot take {file}"))?;
    }
    let archive = format!("{name}.tar.gz");
    quiet(
        command("tar")
            .args(["czf", &archive, &name])
            .current_dir(&package),
    )?;
    println!("{}", package.join(archive).display());
    Ok(())
}
