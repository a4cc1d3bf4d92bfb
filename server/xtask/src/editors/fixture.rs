//! Fixture: the workspace, the model's script and the configuration of one session, made anew for each.

use crate::shell::{command, quiet};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const SHOP: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../fixture/Cargo.toml")),
    ("Cargo.lock", include_str!("../../fixture/Cargo.lock")),
    ("src/lib.rs", include_str!("../../fixture/src/lib.rs")),
    ("src/price.rs", include_str!("../../fixture/src/price.rs")),
];

const MENU: &str = include_str!("../../fixture/review/menu.txt");
const PRICES: &str = include_str!("../../fixture/review/prices.txt");
const OLD: &str = "Open from nine.\n";

/// What a session works on.
#[derive(Clone, Copy)]
pub enum Fixture {
    /// A small crate whose tests run; patches land at once.
    Shop,
    /// A folder with a menu and prices for each case; patches of three hunks in two files, which wait for review. The
    /// folder `files` is for files that come and go, `asked` for a command that policy asks about, three times.
    Review(&'static [&'static str]),
    /// As for review, but patches land at once.
    Landing(&'static [&'static str]),
    /// A file with a gap, and a model that completes; its first answer takes ten minutes.
    Completion,
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
        for (path, text) in self.files() {
            let path = workspace.join(path);
            fs::create_dir_all(path.parent().context("a file without a folder")?)?;
            fs::write(path, text)?;
        }
        let script = folder.join("script.yaml");
        fs::write(&script, self.script()?)?;
        let (land, test) = match self {
            Fixture::Shop => ("auto", "cargo test --offline"),
            Fixture::Review(_) => ("review", "grep -rq espresso ."),
            Fixture::Landing(_) => ("auto", "grep -rq espresso ."),
            Fixture::Completion => ("auto", "true"),
        };
        let config = match self {
            Fixture::Completion => concat!(
                include_str!("../../fixture/config.yaml"),
                include_str!("../../fixture/completion/config.yaml")
            ),
            _ => include_str!("../../fixture/config.yaml"),
        };
        let config = config
            .replace("@SCRIPT@", &script.display().to_string())
            .replace("@LAND@", land)
            .replace("@TEST@", test);
        fs::write(folder.join("config.yaml"), config)?;
        commit(&workspace)
    }

    fn files(self) -> Vec<(String, String)> {
        match self {
            Fixture::Shop => SHOP
                .map(|(path, text)| (path.to_owned(), text.to_owned()))
                .to_vec(),
            Fixture::Completion => {
                let text = include_str!("../../fixture/completion/sum.py");
                vec![("sum.py".to_owned(), text.to_owned())]
            }
            Fixture::Review(cases) | Fixture::Landing(cases) => cases
                .iter()
                .flat_map(|case| match *case {
                    "files" => vec![(format!("{case}/old.txt"), OLD.to_owned())],
                    "asked" => vec![(format!("{case}/hello.sh"), "echo hello\n".to_owned())],
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
            Fixture::Completion => {
                let turns = include_str!("../../fixture/completion/turns.yaml");
                let again = include_str!("../../fixture/completion/again.yaml");
                turns.to_owned() + &again.repeat(100)
            }
            Fixture::Review(cases) | Fixture::Landing(cases) => {
                let mut script = "turns:\n".to_owned();
                for case in cases {
                    let turns = match *case {
                        "files" => include_str!("../../fixture/review/files.yaml").to_owned(),
                        "asked" => include_str!("../../fixture/review/asked.yaml").to_owned(),
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
