//! git's arguments: subcommands that read, without the options by which they write, leave the repository or run helpers.
//!
//! Invariant: git accepts shortened long options, so a shortening of a refused option is refused.

use super::profile::Uses;
use crate::secret::{is_secret_path, picks_secrets};

const REFUSED: [&str; 21] = [
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
    "--pathspec-from-file",
    "--ignore-revs-file",
    "--exclude-from",
    "--lost-found",
    "--filters",
    "--batch",
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
    // What follows `--` too, which may be the value of an option before it.
    let words: Vec<&str> = rest
        .iter()
        .copied()
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let plain = match command {
        "status" | "diff" | "log" | "show" | "describe" | "rev-parse" | "rev-list" | "ls-files"
        | "ls-tree" | "blame" | "shortlog" | "merge-base" | "name-rev" | "for-each-ref"
        | "count-objects" | "check-ignore" | "cherry" | "diff-tree" | "grep" | "whatchanged"
        | "show-ref" | "var" | "version" | "annotate" | "range-diff" | "diff-index"
        | "diff-files" | "show-branch" | "check-attr" | "check-mailmap" => true,
        "cat-file" => !rest.iter().any(|arg| arg.starts_with("--batch")),
        "branch" | "tag" => lists(command, rest, &words),
        "remote" => matches!(rest, [] | ["-v" | "--verbose" | "show"] | ["get-url", _]),
        "stash" => matches!(rest, ["list", ..] | ["show", ..]),
        "worktree" => matches!(rest, ["list", ..]),
        "submodule" => matches!(rest, [] | ["status"] | ["status", "--recursive"]),
        "reflog" => !words
            .iter()
            .any(|word| matches!(*word, "expire" | "delete" | "drop" | "write")),
        "config" => reads_config(rest, &words),
        "symbolic-ref" => {
            words.len() == 1
                && rest
                    .iter()
                    .all(|arg| matches!(*arg, "--short" | "-q" | "--quiet") || words.contains(arg))
        }
        "hash-object" => rest.len() == words.len(),
        "notes" => matches!(rest, [] | ["list", ..] | ["show", ..]),
        "bisect" => matches!(rest, ["log"]),
        "archive" => matches!(rest, ["--list" | "-l"]),
        "fsck" => words.is_empty(),
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
    if let Some(option) = rest.iter().find(|arg| refused(command, arg)) {
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
            .filter(|arg| !arg.starts_with('-') && (outside(arg) || command == "diff"))
            .map(|arg| (*arg).to_owned()),
    );
    Ok(uses)
}

/// `git branch` and `git tag` that list.
fn lists(command: &str, rest: &[&str], words: &[&str]) -> bool {
    const BARE: [&str; 16] = [
        "-a",
        "-r",
        "-v",
        "-vv",
        "-l",
        "-i",
        "-n",
        "--all",
        "--list",
        "--remotes",
        "--show-current",
        "--verbose",
        "--ignore-case",
        "--no-color",
        "--column",
        "--no-column",
    ];
    // They make it list, and take a commit as the next word.
    const FILTERS: [&str; 5] = [
        "--contains",
        "--no-contains",
        "--merged",
        "--no-merged",
        "--points-at",
    ];
    let option = |arg: &str| arg.split('=').next().unwrap_or_default().to_owned();
    let known = |arg: &&str| {
        words.contains(arg)
            || BARE.contains(arg)
            || FILTERS.contains(&option(arg).as_str())
            || ["--sort=", "--format=", "--color="]
                .iter()
                .any(|start| arg.starts_with(start))
            || (command == "tag"
                && arg
                    .strip_prefix("-n")
                    .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())))
    };
    let listing = rest
        .iter()
        .any(|arg| matches!(*arg, "-l" | "--list") || FILTERS.contains(&option(arg).as_str()));
    rest.iter().all(known) && (words.is_empty() || listing)
}

/// `git config` that prints values of the usual places.
fn reads_config(rest: &[&str], words: &[&str]) -> bool {
    const SCOPES: [&str; 9] = [
        "--global",
        "--local",
        "--system",
        "--worktree",
        "--show-origin",
        "--show-scope",
        "-z",
        "--name-only",
        "--includes",
    ];
    let verbs: Vec<&&str> = rest
        .iter()
        .filter(|arg| {
            matches!(
                **arg,
                "--get" | "--get-all" | "--get-regexp" | "--list" | "-l"
            )
        })
        .collect();
    let known = rest
        .iter()
        .all(|arg| SCOPES.contains(arg) || verbs.contains(&arg) || words.contains(arg));
    known
        && match (verbs.as_slice(), words) {
            ([], ["list"] | ["get", _]) => true,
            // A second word would be written.
            ([], [name]) => name.contains('.'),
            ([_], words) => words.len() <= 1,
            _ => false,
        }
}

fn refused(command: &str, arg: &str) -> bool {
    let name = arg.split('=').next().unwrap_or(arg);
    let long = name.starts_with("--")
        && name.len() > 2
        && name != "--text"
        && REFUSED.iter().any(|option| option.starts_with(name));
    let letters = arg
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))
        .unwrap_or_default();
    let short = match command {
        // `-O` opens files with a program, `-f` reads patterns from a file.
        "grep" => letters.contains(['O', 'f']),
        "blame" | "annotate" => letters.contains('S'),
        "ls-files" => letters.contains('X'),
        // An order file; what follows these letters is their value.
        _ => letters
            .split(['S', 'G', 'L'])
            .next()
            .is_some_and(|letters| letters.contains('O')),
    };
    // Signatures are checked by a program that the repository's configuration names.
    let verifies = arg.contains("%G") || arg.contains("signature");
    long || short || (verifies && arg.starts_with('-')) || (verifies && arg.contains('%'))
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
    // So many that only somebody who hides one writes them.
    if value.matches(':').count() > 16 {
        return true;
    }
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
