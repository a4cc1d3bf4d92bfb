//! xtask: what the project does to itself. One command sets up and checks everything; nothing is skipped in silence.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a tool for the checkout: it starts cargo and editors, writes below .editors and target, and prints"
)]

mod bare;
mod bench;
mod client;
mod clients;
mod dist;
mod editors;
mod observe;
mod pictures;
mod setup;
mod shell;
mod test;
mod tidy;
mod vsix;

use anyhow::{Result, bail};
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test [--no-editors]  set up what is missing, then check everything
cargo xtask editors [SESSION…]   only the editor tests, or only some sessions of them
cargo xtask observe              the metrics, dashboard and alerts with a real Prometheus
cargo xtask clients              only the tests of the network door with real clients
cargo xtask tidy                 only the rules that no compiler knows
cargo xtask setup                only install what the editor tests need
cargo xtask bench                the language server beside bare ones, patches beside git, the index (release build)
cargo xtask bench patches        only patches
cargo xtask bench confine        what holding a command costs, the scratch copy included
cargo xtask bench crowd          200 tasks on one server, one reader of which stands for a minute (release build)
cargo xtask bench kills [--rounds N]  a server killed N times (100) while it works, and what is left then
cargo xtask bench turns          what the agent costs beside a model that answers at once
cargo xtask bench search [FOLDER]  the index beside a bare parse of the same files
cargo xtask bench quality --truth FILE --snapshots FOLDER  how well the index finds
cargo xtask bench attacks --cases FILE --benign FILE  what policy and kernel do about a list of attacks
cargo xtask pictures [nvim|vscode]  the pictures of the documentation, taken anew in docs/pictures
cargo xtask vsix [--with-server]  the extension of VS Code as one file in target/package, with the server for this machine
cargo xtask settings             the extension's settings from the configuration's schema
cargo xtask dist                 the binary and the editor shims in target/package";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test::run(test::Editors::Run),
        ["test", "--no-editors"] => test::run(test::Editors::LeaveOut),
        ["editors", only @ ..] => test::editors_only(only),
        ["observe"] => test::observe_only(),
        ["clients"] => test::clients_only(),
        ["tidy"] => tidy::run(),
        ["setup"] => setup::run().map(drop),
        ["bench"] => bench::run(bench::What::All),
        ["bench", "patches"] => bench::run(bench::What::Patches),
        ["bench", "turns"] => bench::run(bench::What::Turns),
        ["bench", "crowd"] => bench::crowd(),
        ["bench", "kills"] => bench::kills("100"),
        ["bench", "kills", "--rounds", rounds] => bench::kills(rounds),
        ["bench", "confine"] => bench::run(bench::What::Confine),
        ["bench", "confine", starter, animus] => bench::confine(starter, animus),
        ["bench", "search"] => bench::run(bench::What::Search(None)),
        ["bench", "search", folder] => bench::run(bench::What::Search(Some(folder))),
        ["bench", "quality", words @ ..] => bench::run(bench::What::Quality(words)),
        ["bench", "attacks", words @ ..] => bench::run(bench::What::Attacks(words)),
        ["bench", "measure", server, bare] => bench::measure(server, bare),
        ["bench", "bare"] => bare::serve(),
        ["pictures"] => pictures::run(None),
        ["pictures", editor @ ("nvim" | "vscode")] => pictures::run(Some(editor)),
        ["vsix"] => vsix::run(vsix::Server::Absent),
        ["vsix", "--with-server"] => vsix::run(vsix::Server::Bundled),
        ["settings"] => vsix::settings(),
        ["dist"] => dist::run(),
        _ => bail!("usage:\n{USAGE}"),
    }
}
