//! Vsix: the extension of VS Code as one file in `target/package`, and the settings that its manifest takes from the
//! configuration's schema.

use crate::editors;
use crate::setup;
use crate::shell::{cargo, command, quiet, run as show, top};
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Whether the file brings the server along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// For any machine; the server is found on it.
    Absent,
    /// For machines like this one.
    Bundled,
}

/// Builds the file and says where it is.
pub fn run(server: Server) -> Result<()> {
    println!("{}", build(server)?.display());
    Ok(())
}

/// The extension as one file.
pub fn build(server: Server) -> Result<PathBuf> {
    let node = setup::packager()?;
    let extension = top().join("editors/vscode");
    quiet(
        command("npm")
            .args(["run", "--silent", "build"])
            .current_dir(&extension),
    )?;
    let bundled = extension.join("server");
    if bundled.exists() {
        fs::remove_dir_all(&bundled)?;
    }
    let mut target = String::new();
    if server == Server::Bundled {
        let profile = ["build", "--profile", "dist", "--package", "animus"];
        show(&mut cargo(&profile))?;
        fs::create_dir_all(&bundled)?;
        fs::copy(
            editors::target()?.join("dist/animus"),
            bundled.join("animus"),
        )?;
        target = format!("{}-{}", std::env::consts::OS, machine()?);
    }
    let name = match server {
        Server::Absent => format!("animus-{}.vsix", env!("CARGO_PKG_VERSION")),
        Server::Bundled => format!("animus-{}-{target}.vsix", env!("CARGO_PKG_VERSION")),
    };
    let package = editors::target()?.join("package");
    fs::create_dir_all(&package)?;
    let file = package.join(name);
    let mut vsce = command(node);
    vsce.arg("node_modules/@vscode/vsce/vsce")
        .args([
            "package",
            "--no-dependencies",
            "--allow-missing-repository",
            "--out",
        ])
        .arg(&file);
    if server == Server::Bundled {
        vsce.args(["--target", &target]);
    }
    let made = quiet(vsce.current_dir(&extension));
    if bundled.exists() {
        fs::remove_dir_all(&bundled)?;
    }
    made.map(|_| file)
}

/// This machine's architecture in VS Code's words.
fn machine() -> Result<&'static str> {
    match std::env::consts::ARCH {
        "x86_64" => Ok("x64"),
        "aarch64" => Ok("arm64"),
        other => bail!("VS Code has no name for {other}"),
    }
}

/// Writes the manifest's settings from the schema.
pub fn settings() -> Result<()> {
    show(&mut cargo(&["build", "--package", "animus"]))?;
    step(Path::new("node"), &[])
}

/// Whether the manifest's settings are those of the schema; what differs is in the error.
pub fn settings_in_step(node: &Path) -> Result<()> {
    step(node, &["--check"])
}

fn step(node: &Path, words: &[&str]) -> Result<()> {
    let schema =
        quiet(command(editors::target()?.join("debug/animus")).args(["config", "schema"]))?;
    let mut child = command(node)
        .arg("editors/vscode/scripts/settings.mjs")
        .args(words)
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(schema.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
