//! Fixture: the workspace, the model's script and the configuration of one session, made anew for each.

mod typed;

pub use typed::{PYTHON, TYPESCRIPT};

use crate::shell::{command, quiet};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use typed::Typed;

const SHOP: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../fixture/Cargo.toml")),
    ("Cargo.lock", include_str!("../../fixture/Cargo.lock")),
    ("src/lib.rs", include_str!("../../fixture/src/lib.rs")),
    ("src/price.rs", include_str!("../../fixture/src/price.rs")),
];

const MENU: &str = include_str!("../../fixture/review/menu.txt");
const PRICES: &str = include_str!("../../fixture/review/prices.txt");
const NOTES: [(&str, &str); 3] = [
    ("notes.txt", "The garden\nrose\nlily\n"),
    ("more.txt", "Tools\nfork\nspade\n"),
    ("hello.sh", "echo hello \"$1\"\n"),
];
const CHECK: &str = include_str!("../../fixture/use/check.sh");
const OLD: &str = "Open from nine.\n";

/// What a session works on.
#[derive(Clone, Copy)]
pub enum Fixture {
    /// A small crate whose tests run; patches land at once.
    Shop,
    /// That crate with a script of its own, a critic, and patches that wait for review: what a person meets on one day.
    Use,
    /// A folder with a menu and prices for each case; patches of three hunks in two files, which wait for review. The
    /// folder `files` is for files that come and go, `asked` for a command that policy asks about, three times, `slow` for an
    /// answer that never comes.
    Review(&'static [&'static str]),
    /// Notes to talk about, and commands that policy asks about; patches wait for review.
    Notes,
    /// The small crate, with a command that policy asks about; patches wait for review.
    Counter,
    /// As for review, but patches land at once.
    Landing(&'static [&'static str]),
    /// A file with a gap, and a model that completes; its first answer takes ten minutes.
    Completion,
    /// A project that the editor's own language server knows; patches land at once.
    Typed(&'static Typed),
}

impl Fixture {
    /// Fills the session's folder.
    pub fn prepare(self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)
                .with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        let workspace = folder.join("workspace");
        fs::create_dir_all(&workspace)?;
        fs::create_dir_all(folder.join("state"))?;
        fs::create_dir_all(folder.join("home"))?;
        for (path, text) in self.files() {
            let path = workspace.join(path);
            fs::create_dir_all(path.parent().context("a file without a folder")?)?;
            fs::write(path, text)?;
        }
        let script = folder.join("script.yaml");
        fs::write(&script, self.script()?)?;
        let (land, test) = match self {
            Fixture::Shop => ("auto", "cargo test --offline"),
            Fixture::Counter => ("review", "cargo test --offline"),
            Fixture::Notes => ("review", "grep -q garden notes.txt"),
            Fixture::Use => ("review", "cargo test --offline"),
            Fixture::Review(_) => ("review", "grep -rq espresso ."),
            Fixture::Landing(_) => ("auto", "grep -rq espresso ."),
            Fixture::Typed(_) => ("auto", "grep -rq taxed ."),
            Fixture::Completion => ("auto", "test -f sum.py"),
        };
        let price = match self {
            Fixture::Counter => "price: {input_per_mtok_usd: 1.25, output_per_mtok_usd: 10}",
            _ => "",
        };
        let config = include_str!("../../fixture/config.yaml")
            .replace("@SCRIPT@", &script.display().to_string())
            .replace("@LAND@", land)
            .replace("@PRICE@", price)
            .replace("@TEST@", test);
        let config = match self {
            Fixture::Use => config.replace(
                "enable_reflect: false",
                "enable_reflect: true\n  test_retries: 0",
            ),
            Fixture::Completion => config + include_str!("../../fixture/completion/config.yaml"),
            _ => config,
        };
        fs::write(folder.join("config.yaml"), config)?;
        commit(&workspace)
    }

    fn files(self) -> Vec<(String, String)> {
        match self {
            Fixture::Shop => owned(&SHOP),
            Fixture::Counter => owned(&[&SHOP[..], &[("check.sh", "ls \"$1\"\n")]].concat()),
            Fixture::Notes => owned(&NOTES),
            Fixture::Use => owned(&[&SHOP[..], &[("tools/check.sh", CHECK)]].concat()),
            Fixture::Completion => {
                owned(&[("sum.py", include_str!("../../fixture/completion/sum.py"))])
            }
            Fixture::Typed(project) => owned(project.files),
            Fixture::Review(cases) | Fixture::Landing(cases) => cases
                .iter()
                .flat_map(|case| match *case {
                    "files" => vec![(format!("{case}/old.txt"), OLD.to_owned())],
                    "asked" => vec![(format!("{case}/hello.sh"), "echo hello\n".to_owned())],
                    "slow" => Vec::new(),
                    // The prices have the line endings of another system, and none at the end.
                    case => vec![
                        (format!("{case}/menu.txt"), MENU.to_owned()),
                        (format!("{case}/prices.txt"), PRICES.replace('\n', "\r\n")),
                    ],
                })
                .collect(),
        }
    }

    fn script(self) -> Result<String> {
        Ok(match self {
            Fixture::Shop => include_str!("../../fixture/script.yaml").to_owned(),
            Fixture::Counter => include_str!("../../fixture/vscode/ui.yaml").to_owned(),
            Fixture::Notes => include_str!("../../fixture/vscode/use.yaml").to_owned(),
            Fixture::Use => include_str!("../../fixture/use/script.yaml").to_owned(),
            Fixture::Completion => {
                let turns = include_str!("../../fixture/completion/turns.yaml");
                turns.to_owned() + &include_str!("../../fixture/completion/again.yaml").repeat(100)
            }
            Fixture::Typed(project) => project.script.to_owned(),
            Fixture::Review(cases) | Fixture::Landing(cases) => {
                let mut script = "turns:\n".to_owned();
                for case in cases {
                    let turns = match *case {
                        "files" => include_str!("../../fixture/review/files.yaml").to_owned(),
                        "asked" => include_str!("../../fixture/review/asked.yaml").to_owned(),
                        "slow" => include_str!("../../fixture/review/slow.yaml").to_owned(),
                        case => {
                            include_str!("../../fixture/review/turns.yaml").replace("@CASE@", case)
                        }
                    };
                    script.write_str(&turns)?;
                }
                script
            }
        })
    }
}

fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// A repository of its own, so that the project's does not count as the workspace's.
fn commit(workspace: &Path) -> Result<()> {
    let git = |words: &[&str]| quiet(command("git").args(words).current_dir(workspace));
    git(&["init", "--quiet"])?;
    git(&["-c", "core.safecrlf=false", "add", "."])?;
    git(&[
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@localhost",
        "commit",
        "--quiet",
        "-m",
        "A shop",
    ])?;
    Ok(())
}
