//! `demo`: a whole task on a small repository made for it. The model's words are scripted and that is said; the repository,
//! the tools, the tests and the landing are real.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::config::Loaded;
use crate::print;
use crate::render::style::{DIM, HEAD, Painted, STRONG};
use crate::work;
use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use protocol::{Code, Failure, TaskRequest};
use sandbox::Tree;
use std::sync::Arc;

/// See a whole task on a small real repository, with a scripted model
#[derive(Debug, Args)]
pub struct Demo {
    /// Make the repository in this folder, which must not exist or be empty (default: a new temporary folder)
    #[arg(long, value_name = "DIR")]
    keep: Option<Utf8PathBuf>,
}

const TASK: &str = "Make the failing test in tests/cart.rs pass: the discount of a cart must be taken once and rounded to the nearest cent.";

const SCRIPT: &str = include_str!("../../demo/script.yaml");

const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", include_str!("../../demo/files/manifest.toml")),
    ("Cargo.lock", include_str!("../../demo/files/lock.toml")),
    (".gitignore", include_str!("../../demo/files/ignore.txt")),
    ("README.md", include_str!("../../demo/files/readme.md")),
    ("src/lib.rs", include_str!("../../demo/files/lib.rs")),
    ("src/money.rs", include_str!("../../demo/files/money.rs")),
    ("src/cart.rs", include_str!("../../demo/files/cart.rs")),
    (
        "src/receipt.rs",
        include_str!("../../demo/files/receipt.rs"),
    ),
    (
        "tests/cart.rs",
        include_str!("../../demo/files/cart_test.rs"),
    ),
];

/// Runs it. The exit code is the task's.
pub fn run(args: &Demo, compose: &Compose) -> Result<u8, Failure> {
    let root = make_repository(args.keep.as_deref(), compose.root())?;
    let program = compose.program().to_owned();
    let compose = compose.at(&root);
    say(&compose, &format!("\n{}\n", Painted(HEAD, "Animus demo")));
    say(&compose, &scripted());
    say(&compose, "\n");

    // Its own settings: what a person has configured must not change what the demo shows.
    let loaded = Loaded::default();
    let models = llm::Models::scripted(SCRIPT)
        .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
    let code = compose::runtime()?.block_on(async {
        let agent = compose.agent(compose.disk()?, Ok(&loaded), Ok(Arc::new(models)))?;
        let feed = agent.feed();
        let started = agent.start(TaskRequest {
            prompt: TASK.to_owned(),
            ..TaskRequest::default()
        })?;
        Ok::<_, Failure>(work::watched(&compose, agent, feed, &started).await)
    })?;

    say(
        &compose,
        &format!(
            "  {} {}\n\n",
            Painted(DIM, format!("{:<14}", "look around")),
            Painted(STRONG, format!("cd {}", compose::quoted(root.as_str())))
        ),
    );
    say(&compose, &scripted());
    say(
        &compose,
        &format!(
            "Now with a model of yours: {}\n",
            Painted(STRONG, format!("{program} run \"…\""))
        ),
    );
    Ok(code)
}

fn scripted() -> String {
    "The model is scripted: its words were written beforehand.\nEverything they cause is real: search, edits, tests, git.\n".to_owned()
}

/// Words beside the stream; a program gets the events alone, and the words on stderr.
fn say(compose: &Compose, text: &str) {
    match (compose.output(), text.trim_end()) {
        (Output::Text, _) => print::text(text),
        (Output::Json, "") => {}
        (Output::Json, text) => print::warning(text),
    }
}

fn make_repository(keep: Option<&Utf8Path>, here: &Utf8Path) -> Result<Utf8PathBuf, Failure> {
    let failed = |path: &Utf8Path, error: &dyn std::fmt::Display| {
        Failure::new(Code::Io, format!("{path}: {error}"))
            .hint("name a folder that can be written with --keep")
    };
    let folder = match keep {
        Some(folder) => here.join(folder),
        None => {
            let temp =
                Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap_or_else(|_| "/tmp".into());
            // The random end of the id: the name cannot be guessed, and a folder that is there already is refused below.
            let id = uuid::Uuid::now_v7().simple().to_string();
            temp.join(format!("animus-demo-{}", &id[20..]))
        }
    };
    let tree = Tree::create(&folder).map_err(|error| failed(&folder, &error))?;
    if !tree
        .entries("")
        .map_err(|error| failed(&folder, &error))?
        .is_empty()
    {
        return Err(
            Failure::new(Code::InvalidInput, format!("{folder} is not empty"))
                .hint("name a new folder with --keep"),
        );
    }
    for (path, text) in FILES {
        tree.write(path, text.as_bytes(), None)
            .map_err(|error| failed(&folder.join(path), &error))?;
    }
    let root = folder
        .canonicalize_utf8()
        .map_err(|error| failed(&folder, &error))?;
    workspace::Root::open(&root)
        .and_then(|root| workspace::git::create(&root, "A cart with a discount"))
        .map_err(|error| failed(&root, &error))?;
    Ok(root)
}
