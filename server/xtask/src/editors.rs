//! Editor tests: one session of each real editor with the built server and a scripted model, in a workspace of its own.
//! A session counts only by the `test NAME ... ok` lines it prints; one that prints none has failed.

mod fixture;

use crate::setup::{Recorder, Tools};
use crate::shell::{command, quiet, run as show, top};
use crate::vsix;
use anyhow::{Context, Result, bail};
use fixture::{Fixture, PYTHON, TYPESCRIPT};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(300);

/// Cases of the review sessions, in the order in which the tests ask for them.
const CASES: [&str; 8] = [
    "show", "order", "typing", "edit", "window", "files", "whole", "reload",
];

/// How many tests went which way.
#[derive(Clone, Copy, Default)]
pub struct Tally {
    pub passed: u32,
    pub failed: u32,
}

/// One run of an editor.
struct Session {
    name: &'static str,
    fixture: Fixture,
    editor: Editor,
}

/// Which editor, and the tests it runs.
#[derive(Clone, Copy)]
enum Editor {
    /// Neovim with the plug-in.
    Neovim(&'static str),
    /// Neovim as it comes.
    Bare(&'static str),
    /// VS Code with the extension.
    VsCode(&'static str),
    /// VS Code with the extension as a user installs it, seen and driven on its page.
    Screen(&'static str),
    /// Emacs with eglot as Debian has them.
    Eglot,
    /// Kakoune with kak-lsp, in a terminal.
    Kakoune,
}

/// Cases of the sessions of editors without a plug-in of ours, in the order in which the tests ask for them.
const STOCK: [&str; 3] = ["asked", "show", "slow"];

const SESSIONS: &[Session] = &[
    Session {
        name: "nvim",
        fixture: Fixture::Shop,
        editor: Editor::Neovim("run.lua"),
    },
    Session {
        name: "nvim-review",
        fixture: Fixture::Review(&CASES),
        editor: Editor::Neovim("review.lua"),
    },
    Session {
        name: "nvim-use",
        fixture: Fixture::Use,
        editor: Editor::Bare("use.lua"),
    },
    Session {
        name: "nvim-help",
        fixture: Fixture::Shop,
        editor: Editor::Neovim("help.lua"),
    },
    Session {
        name: "nvim-stock",
        fixture: Fixture::Landing(&["first", "fresh", "later", "asked"]),
        editor: Editor::Bare("stock.lua"),
    },
    Session {
        name: "nvim-completion",
        fixture: Fixture::Completion,
        editor: Editor::Neovim("completion.lua"),
    },
    Session {
        name: "vscode",
        fixture: Fixture::Shop,
        editor: Editor::VsCode("suite.js"),
    },
    Session {
        name: "vscode-review",
        fixture: Fixture::Review(&CASES),
        editor: Editor::VsCode("review.js"),
    },
    Session {
        name: "vscode-completion",
        fixture: Fixture::Completion,
        editor: Editor::VsCode("completion.js"),
    },
    Session {
        name: "vscode-use",
        fixture: Fixture::Notes,
        editor: Editor::VsCode("use.js"),
    },
    Session {
        name: "vscode-web",
        fixture: Fixture::Notes,
        editor: Editor::VsCode("web.js"),
    },
    Session {
        name: "vscode-ui",
        fixture: Fixture::Counter,
        editor: Editor::Screen("ui.mjs"),
    },
    Session {
        name: "eglot",
        fixture: Fixture::Review(&STOCK),
        editor: Editor::Eglot,
    },
    Session {
        name: "kakoune",
        fixture: Fixture::Review(&STOCK),
        editor: Editor::Kakoune,
    },
    Session {
        name: "nvim-intelligence",
        fixture: Fixture::Typed(&PYTHON),
        editor: Editor::Neovim("intelligence.lua"),
    },
    Session {
        name: "vscode-intelligence",
        fixture: Fixture::Typed(&TYPESCRIPT),
        editor: Editor::VsCode("intelligence.js"),
    },
];

/// Runs the sessions of these names; all where none is named.
pub fn run(tools: &Tools, only: &[&str]) -> Result<Tally> {
    let names: Vec<&str> = SESSIONS.iter().map(|session| session.name).collect();
    if let Some(other) = only.iter().find(|name| !names.contains(name)) {
        bail!("no session `{other}`; one of: {}", names.join(", "));
    }
    let sessions = SESSIONS.iter();
    let sessions: Vec<&Session> = sessions
        .filter(|session| only.is_empty() || only.contains(&session.name))
        .collect();
    let extends =
        |session: &&Session| matches!(session.editor, Editor::VsCode(_) | Editor::Screen(_));
    if sessions.iter().any(extends) {
        build_extension()?;
    }
    let mut tally = Tally::default();
    if only.is_empty() || only.contains(&"vscode") {
        let step = vsix::settings_in_step(&tools.node);
        tally.passed += u32::from(step.is_ok());
        tally.failed += u32::from(step.is_err());
        match step {
            Ok(()) => println!("test vscode::settings_are_in_step_with_the_schema ... ok"),
            Err(problem) => {
                println!("test vscode::settings_are_in_step_with_the_schema ... FAILED: {problem}");
            }
        }
    }
    for session in sessions {
        run_one(session, tools, &mut tally)?;
    }
    Ok(tally)
}

fn build_extension() -> Result<()> {
    for script in ["check", "build", "build:test"] {
        let mut npm = command("npm");
        npm.args(["run", "--silent", script]);
        quiet(npm.current_dir(top().join("editors/vscode")))?;
    }
    Ok(())
}

/// The command that starts the editor for the session in `folder`.
fn start(editor: Editor, tools: &Tools, folder: &Path) -> Command {
    let shim = top().join("editors/nvim");
    let neovim = |plugin: &[String], tests: &str| {
        let mut nvim = command(&tools.neovim);
        nvim.args(["--headless", "--clean"])
            .args(plugin)
            .arg("-l")
            .arg(shim.join("test").join(tests))
            .env("NVIM_LOG_FILE", folder.join("nvim.log"));
        nvim
    };
    match editor {
        Editor::Neovim(tests) => {
            let path = format!("set runtimepath^={}", shim.display());
            neovim(&["--cmd".to_owned(), path], tests)
        }
        Editor::Bare(tests) => neovim(&[], tests),
        Editor::VsCode(tests) | Editor::Screen(tests) => {
            let mut node = command(&tools.node);
            node.arg("editors/vscode/test/host.mjs")
                .args([&tools.vscode, &tools.browser])
                .args([folder.join("workspace"), folder.join("server")])
                .arg(tests);
            node
        }
        Editor::Eglot => {
            let mut emacs = command(&tools.emacs);
            emacs
                .args(["-q", "--batch", "-l"])
                .arg(top().join("editors/stock/eglot.el"))
                .env("HOME", folder.join("home"));
            emacs
        }
        Editor::Kakoune => {
            let mut node = command(&tools.node);
            node.arg("editors/stock/kakoune.mjs")
                .args([&tools.kakoune.tmux, &tools.kakoune.kak, &tools.kakoune.lsp])
                .env("HOME", folder.join("home"));
            node
        }
    }
}

/// Prepares a workspace, runs one editor in it, counts what it prints, and looks for processes that outlived it.
fn run_one(session: &Session, tools: &Tools, tally: &mut Tally) -> Result<()> {
    let name = session.name;
    let folder = target()?.join("editor-tests").join(name);
    session.fixture.prepare(&folder)?;
    let config = folder.join("config.yaml");
    let mut editor = start(session.editor, tools, &folder);
    if let Editor::Screen(_) = session.editor {
        editor.env("ANIMUS_VSIX", vsix::build(vsix::Server::Absent)?);
    }
    surround(&mut editor, &folder)?
        .env("ANIMUS_TEST_WORKSPACE", folder.join("workspace"))
        .env("ANIMUS_TEST_NODE", &tools.node)
        .env("ANIMUS_TEST_PYRIGHT", &tools.pyright);
    let before = tally.failed;
    let noise = folder.join("stderr.log");
    editor.stderr(fs::File::create(&noise)?);
    let counted = watch(name, editor, tally)?;
    if !counted {
        println!("{}", fs::read_to_string(&noise)?);
        println!("test {name}::session ... FAILED: it ended badly, see above");
        tally.failed += 1;
    }
    match survivors(&config) {
        left if left.is_empty() => {
            println!("test {name}::no_process_of_the_server_is_left ... ok");
            tally.passed += 1;
        }
        left => {
            println!(
                "test {name}::no_process_of_the_server_is_left ... FAILED: {}",
                left.join(", ")
            );
            tally.failed += 1;
        }
    }
    if tally.failed > before {
        println!("the session's files are in {}", folder.display());
    }
    Ok(())
}

/// Nothing of the machine's own configuration reaches the editor or the server.
fn surround<'a>(editor: &'a mut Command, folder: &Path) -> Result<&'a mut Command> {
    editor
        .env("ANIMUS_BIN", target()?.join("debug/animus"))
        .env("ANIMUS_CONFIG", folder.join("config.yaml"))
        .env("ANIMUS_STATE_DIR", folder.join("state"));
    for variable in [
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
    ] {
        editor.env(variable, folder.join("xdg"));
    }
    Ok(editor)
}

/// Records Neovim for the documentation: the plug-in as a user installs it, in a terminal, with the day of the tests.
pub fn record(tools: &Tools, recorder: &Recorder, pictures: &Path) -> Result<()> {
    let folder = target()?.join("editor-tests/recording");
    Fixture::Use.prepare(&folder)?;
    let plugin = folder.join("xdg/nvim/site/pack/animus/start/animus");
    fs::create_dir_all(&plugin)?;
    for part in ["doc", "lsp", "lua", "plugin", "syntax"] {
        let from = top().join("editors/nvim").join(part);
        quiet(command("cp").arg("-r").arg(from).arg(&plugin))?;
    }
    let mut python = command(&recorder.python);
    python
        .arg(top().join("docs/pictures/record.py"))
        .arg(&tools.neovim)
        .arg("src/lib.rs")
        .arg(pictures)
        .current_dir(folder.join("workspace"))
        .env("PYTHONPATH", &recorder.packages);
    show(surround(&mut python, &folder)?)
}

/// Passes the editor's lines on and counts them. False where it failed without saying which test did.
pub fn watch(name: &str, mut editor: Command, tally: &mut Tally) -> Result<bool> {
    let mut child = editor
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    let output = child.stdout.take().context("no standard output")?;
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let end = Instant::now() + DEADLINE;
    let (mut passed, mut failed) = (0, 0);
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                println!("{line}");
                let test = line.starts_with("test ");
                passed += u32::from(test && line.ends_with(" ... ok"));
                failed += u32::from(test && line.contains(" ... FAILED"));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                println!("{name} took longer than {} s", DEADLINE.as_secs());
                child.kill()?;
                child.wait()?;
                break;
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait()?;
    tally.passed += passed;
    tally.failed += failed;
    Ok(failed > 0 || (status.success() && passed > 0))
}

/// Processes of the server (it, and what it started) that still run, found by the variable that names their config.
/// They get three seconds, as the server gives itself two. VS Code's own processes carry the variable too, and may take
/// their time.
fn survivors(config: &Path) -> Vec<String> {
    let mark = format!("ANIMUS_CONFIG={}", config.display());
    let end = Instant::now() + Duration::from_secs(3);
    loop {
        let left: Vec<String> = fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|process| {
                fs::read(process.join("environ")).is_ok_and(|text| {
                    text.split(|byte| *byte == 0)
                        .any(|pair| pair == mark.as_bytes())
                })
            })
            .filter_map(|process| {
                let line = fs::read(process.join("cmdline")).ok()?;
                Some(String::from_utf8_lossy(&line).replace('\0', " "))
            })
            .filter(|line| !line.is_empty() && !line.contains("/.editors/"))
            .collect();
        if left.is_empty() || Instant::now() > end {
            return left;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Cargo's target folder: the one this program lies in.
pub fn target() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    Ok(here
        .ancestors()
        .nth(2)
        .context("this program lies in no target folder")?
        .to_path_buf())
}
