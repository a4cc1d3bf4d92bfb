//! git's arguments: subcommands that read, without the options by which they write, leave the repository or run helpers.
//!
//! Invariant: git accepts shortened long options, so a shortening of a refused option is refused.

use super::profile::Uses;
use crate::secret::{is_secret_path, picks_secrets};

const REFUSED: [&str; 15] = [
    "--output",
    "--ext-diff",
    "--textconv",
    "--no-index",
    "--open-files-in-pager",
    "--exec",
    "--upload-pack",
    "--contents",
    "--show-signature",
    "--edit-description",
    "--delete",
    "--move",
    "--force",
    "--remote",
    "--receive-pack",
];

/// What a git command touches, or why a person should see it.
pub(super) fn judge(args: &[&str]) -> Result<Uses, String> {
    let mut uses = Uses::default();
    let mut at = 0;
    let command = loop {
        match args.get(at).copied() {
            Some("--no-pager" | "-P" | "--no-optional-locks" | "--literal-pathspecs") => at += 1,
            Some("-C") => {
                uses.reads
                    .extend(args.get(at + 1).map(|folder| (*folder).to_owned()));
                at += 2;
            }
            Some("--version" | "--help") if args.len() == 1 => return Ok(uses),
            Some(option) if option.starts_with('-') => {
                return Err(format!("git: the option {option} is not judged"));
            }
            Some(command) => break command,
            None => return Err("git without a command".to_owned()),
        }
    };
    let rest = &args[at + 1..];
    let words: Vec<&str> = rest
        .iter()
        .copied()
        .take_while(|arg| *arg != "--")
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let plain = match command {
        "status" | "diff" | "log" | "show" | "describe" | "rev-parse" | "rev-list" | "ls-files"
        | "ls-tree" | "blame" | "shortlog" | "merge-base" | "name-rev" | "for-each-ref"
        | "count-objects" | "check-ignore" | "cherry" | "diff-tree" | "grep" | "whatchanged"
        | "show-ref" | "var" | "version" | "annotate" | "range-diff" | "diff-index"
        | "diff-files" => true,
        "cat-file" => !rest
            .iter()
            .any(|arg| arg.starts_with("--filters") || arg.starts_with("--batch")),
        "branch" => words.is_empty() && rest.iter().all(|arg| LISTING.contains(arg)),
        "tag" => {
            rest.is_empty() || (words.is_empty() && rest.iter().all(|arg| LISTING.contains(arg)))
        }
        "remote" => matches!(rest, [] | ["-v" | "--verbose"]),
        "stash" => matches!(rest, ["list", ..] | ["show", ..]),
        "worktree" => matches!(rest, ["list", ..]),
        "submodule" => matches!(rest, ["status"]),
        "reflog" => rest.is_empty() || rest.first() == Some(&"show"),
        "config" => matches!(rest, ["--get" | "--get-all", _] | ["--list" | "-l"]),
        _ => {
            return Err(format!(
                "git {command} is not on the list of commands that only read"
            ));
        }
    };
    if !plain {
        return Err(format!(
            "git {command} with these arguments may change something"
        ));
    }
    if let Some(option) = rest
        .iter()
        .take_while(|arg| **arg != "--")
        .find(|arg| refused(command, arg))
    {
        return Err(format!("git {command}: the option {option} is not judged"));
    }
    // Their names alone are no secret.
    if !matches!(command, "status" | "check-ignore")
        && let Some(arg) = rest.iter().find(|arg| names_secret(arg))
    {
        return Err(format!("git {command}: {arg} may hold secrets"));
    }
    // Outside the repository git diff compares any two files.
    uses.reads.extend(
        rest.iter()
            .filter(|arg| !arg.starts_with('-') && outside(arg))
            .map(|arg| (*arg).to_owned()),
    );
    Ok(uses)
}

const LISTING: [&str; 11] = [
    "-a",
    "-r",
    "-v",
    "-vv",
    "-l",
    "--all",
    "--list",
    "--remotes",
    "--show-current",
    "--sort=-committerdate",
    "-n",
];

fn refused(command: &str, arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg);
    let long = name.starts_with("--")
        && name.len() > 2
        && REFUSED.iter().any(|option| option.starts_with(name));
    // `-O` opens files with a program in grep, and reads an order file elsewhere.
    long || arg.starts_with("-O") || (command == "grep" && arg.starts_with("-f"))
}

fn outside(arg: &str) -> bool {
    arg.starts_with(['/', '~']) || arg.split('/').any(|part| part == "..")
}

/// Whether a word names a file with secrets: a path, `REV:PATH`, `:STAGE:PATH`, a pathspec with or without magic, `RANGE:PATH` of
/// `-L`, or the value of an option. What is left out by `:!` and `:^` is not shown.
fn names_secret(arg: &str) -> bool {
    if arg.starts_with(":!") || arg.starts_with(":^") {
        return false;
    }
    let value = match arg.strip_prefix('-') {
        Some(option) => option
            .split_once('=')
            .map_or(option.get(1..).unwrap_or_default(), |(_, value)| value),
        None => arg,
    };
    let after = value.match_indices(':').map(|(at, _)| &value[at + 1..]);
    std::iter::once(value).chain(after).any(|path| {
        // `:(glob,icase)PATH` and `:/PATH`.
        let path = match path.strip_prefix('(') {
            Some(magic) => magic.split_once(')').map_or(path, |(_, path)| path),
            None => path.trim_start_matches('/'),
        };
        let path = path.trim_end_matches('/');
        is_secret_path(path) || (path.contains(['*', '?', '[', '\\']) && picks_secrets(path))
    })
}
