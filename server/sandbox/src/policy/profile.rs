//! Argument profiles: what a well-known program does with its arguments.
//!
//! Invariant: a program is allowed with the options listed for it, or with any only where no version of it has one that runs
//! another program or writes a file.

use super::{git, script, toolchain};

/// The files that a command touches; each is then judged by place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
    pub(super) enters: Option<String>,
}

/// Options of a program.
enum Flags {
    /// Any; words glued to them are judged as paths when they look like one.
    Any,
    /// These letters; these letters with a value; these long ones (`=` at the end: with a value).
    Only(&'static str, &'static str, &'static [&'static str]),
}

/// What its other words are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Words {
    /// Files or folders to read.
    Paths,
    /// First something else (a pattern, a filter), then paths.
    OneThenPaths,
    /// One path at most; a second would be written.
    OnePath,
    /// No paths.
    Free,
    /// Files or folders to write.
    Writes,
}

type Profile = (&'static [&'static str], Flags, Words);

#[rustfmt::skip]
const PROFILES: &[Profile] = &[
    (&["cat", "head", "tail", "wc", "nl", "tac", "rev", "cmp", "diff", "comm", "paste", "join", "fold", "expand", "unexpand", "od",
       "hexdump", "strings", "md5sum", "sha1sum", "sha256sum", "sha512sum", "b2sum", "cksum", "ls", "stat", "du", "df",
       "realpath", "readlink"], Flags::Any, Words::Paths),
    (&["basename", "dirname", "uname", "whoami", "id", "seq", "nproc", "arch", "groups", "which", "type", "true", "false", "pwd", "sleep", "tr"],
        Flags::Any, Words::Free),
    (&["cut"], Flags::Only("szn", "bcdf", &["--complement", "--delimiter=", "--fields=", "--characters=", "--output-delimiter="]), Words::Paths),
    (&["grep", "egrep", "fgrep"], Flags::Only("EFGPivwxcLlnHhoqsrRabzIyZTU", "ABCmed", &["--include=", "--exclude=",
        "--exclude-dir=", "--color", "--color=", "--colour=", "--context=", "--after-context=", "--before-context=", "--count",
        "--line-number", "--recursive", "--ignore-case", "--files-with-matches", "--files-without-match", "--only-matching",
        "--no-filename", "--with-filename", "--invert-match", "--word-regexp", "--fixed-strings", "--extended-regexp",
        "--perl-regexp", "--max-count=", "--quiet", "--text", "--null", "--no-messages", "--regexp="]), Words::OneThenPaths),
    (&["rg"], Flags::Only("nHNiISsvwxcloFPUuLhp0qa.", "gtTABCmedjMErgd", &["--glob=", "--type=", "--type-not=", "--iglob=",
        "--files-with-matches", "--files-without-match", "--count", "--count-matches", "--line-number", "--no-line-number",
        "--ignore-case", "--smart-case", "--case-sensitive", "--hidden", "--no-ignore", "--no-ignore-vcs", "--no-heading",
        "--heading", "--color=", "--context=", "--after-context=", "--before-context=", "--max-count=", "--max-depth=",
        "--multiline", "--fixed-strings", "--word-regexp", "--only-matching", "--json", "--sort=", "--stats", "--vimgrep",
        "--column", "--trim", "--no-messages", "--pcre2", "--max-columns=", "--with-filename", "--no-filename", "--regexp=",
        "--invert-match", "--quiet", "--null", "--type-list", "--no-config"]), Words::OneThenPaths),
    (&["sort"], Flags::Only("bdfghiMnRrVcCmsuz", "ktS", &["--reverse", "--numeric-sort", "--unique", "--key=",
        "--field-separator=", "--human-numeric-sort", "--version-sort", "--ignore-case", "--stable", "--check",
        "--zero-terminated", "--general-numeric-sort", "--month-sort", "--random-sort", "--parallel="]), Words::Paths),
    (&["uniq"], Flags::Only("cdDiuz", "fsw", &["--count", "--repeated", "--unique", "--ignore-case", "--skip-fields=",
        "--skip-chars=", "--check-chars="]), Words::OnePath),
    (&["jq"], Flags::Only("rcnsSaeMCj", "", &["--raw-output", "--compact-output", "--null-input", "--slurp", "--sort-keys", "--arg",
        "--exit-status", "--tab", "--monochrome-output"]), Words::OneThenPaths),
    (&["tree"], Flags::Only("adfilpsuhgDCFJXqNrtx", "LIP", &["--dirsfirst", "--noreport", "--gitignore", "--du", "--prune"]), Words::Paths),
    (&["fd", "fdfind"], Flags::Only("HIusigpaLF0l1", "tedEcj", &["--hidden", "--no-ignore", "--type=", "--extension=",
        "--max-depth=", "--exclude=", "--glob", "--full-path", "--absolute-path", "--follow", "--color="]), Words::OneThenPaths),
    (&["file"], Flags::Only("bhikLNrsz", "F", &["--brief", "--mime", "--mime-type", "--mime-encoding", "--dereference"]), Words::Paths),
    (&["date"], Flags::Only("uRI", "d", &["--utc", "--universal", "--rfc-3339=", "--iso-8601", "--iso-8601=", "--date="]), Words::Free),
    (&["mkdir"], Flags::Only("pv", "", &["--parents", "--verbose"]), Words::Writes),
    (&["touch"], Flags::Only("acm", "", &["--no-create"]), Words::Writes),
    (&["mv"], Flags::Only("nvfi", "", &["--no-clobber", "--verbose", "--force"]), Words::Writes),
    (&["cp"], Flags::Only("nvfirRpaT", "", &["--recursive", "--no-clobber", "--verbose", "--archive"]), Words::Writes),
    (&["tee"], Flags::Only("a", "", &["--append"]), Words::Writes),
];

/// What a command touches, or why a person should see it.
pub(super) fn judge(name: &str, args: &[&str]) -> Result<Uses, String> {
    match name {
        "echo" => Ok(Uses::default()),
        "printf" if args.first().is_some_and(|first| !first.starts_with('-')) => {
            Ok(Uses::default())
        }
        "cd" => enter(args),
        "test" | "[" => test(args),
        "env" if args.is_empty() => Ok(Uses::default()),
        "command" => Ok(Uses::default()),
        "cat" if args.is_empty() => Ok(Uses::default()),
        "find" => script::find(args),
        "sed" => script::sed(args),
        "git" => git::judge(args),
        "exit"
            if args
                .iter()
                .all(|arg| arg.bytes().all(|byte| byte.is_ascii_digit())) =>
        {
            Ok(Uses::default())
        }
        _ if toolchain::asks_version(name, args) => Ok(Uses::default()),
        _ => match PROFILES.iter().find(|(names, ..)| names.contains(&name)) {
            Some((_, flags, words)) => by_profile(name, args, flags, *words),
            None => toolchain::judge(name, args),
        },
    }
}

fn by_profile(name: &str, args: &[&str], flags: &Flags, words: Words) -> Result<Uses, String> {
    let (others, glued) = match flags {
        Flags::Any => any(args),
        Flags::Only(bare, valued, long) => (only(name, args, bare, valued, long)?, Vec::new()),
    };
    // A pattern given by an option leaves no pattern among the words.
    let patterned = args
        .iter()
        .any(|arg| arg.starts_with("-e") || arg.starts_with("--regexp") || *arg == "--type-list");
    let mut uses = Uses::default();
    match words {
        Words::Free => {}
        Words::Paths => uses.reads = others,
        Words::OneThenPaths => {
            uses.reads = others.into_iter().skip(usize::from(!patterned)).collect()
        }
        Words::OnePath if others.len() > 1 => {
            return Err(format!("{name}: the second file is written"));
        }
        Words::OnePath => uses.reads = others,
        Words::Writes => uses.writes = others,
    }
    if words != Words::Free {
        uses.reads.extend(glued);
    }
    Ok(uses)
}

/// Words that are no options, and paths glued to options.
fn any(args: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut others = Vec::new();
    let mut glued = Vec::new();
    let mut options = true;
    for arg in args {
        if options && *arg == "--" {
            options = false;
        } else if !options || !arg.starts_with('-') || *arg == "-" {
            others.push((*arg).to_owned());
        } else if arg.contains('/') || arg.contains("..") || arg.contains('~') {
            let value = arg
                .split_once('=')
                .map_or(arg.get(2..).unwrap_or_default(), |(_, value)| value);
            glued.push(value.to_owned());
        }
    }
    (others, glued)
}

/// Words that are no options, when all options are known.
pub(super) fn only(
    name: &str,
    args: &[&str],
    bare: &str,
    valued: &str,
    long: &[&str],
) -> Result<Vec<String>, String> {
    let unknown = |arg: &str| Err(format!("{name}: the option {arg} is not judged"));
    let mut others = Vec::new();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if *arg == "--" {
            others.extend(rest.by_ref().map(|arg| (*arg).to_owned()));
        } else if arg.starts_with("--") {
            let (option, value) = arg
                .split_once('=')
                .map_or((*arg, None), |(option, value)| (option, Some(value)));
            let takes = long
                .iter()
                .any(|known| known.strip_suffix('=') == Some(option));
            match (value, takes, long.contains(&option)) {
                (Some(_), true, _) | (None, _, true) => {}
                (None, true, false) => drop(rest.next()),
                _ => return unknown(arg),
            }
        } else if let Some(letters) = arg.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            for (at, letter) in letters.char_indices() {
                if valued.contains(letter) {
                    if at + letter.len_utf8() == letters.len() {
                        rest.next();
                    }
                    break;
                }
                // `head -5`, `grep -3`.
                if !bare.contains(letter) && !letter.is_ascii_digit() {
                    return unknown(arg);
                }
            }
        } else {
            others.push((*arg).to_owned());
        }
    }
    Ok(others)
}

fn enter(args: &[&str]) -> Result<Uses, String> {
    match args {
        [folder] | ["--", folder] if !folder.starts_with('-') && !folder.is_empty() => Ok(Uses {
            enters: Some((*folder).to_owned()),
            ..Uses::default()
        }),
        _ => Err("cd without one plain folder".to_owned()),
    }
}

/// `test` and `[` evaluate array subscripts in their words, also quoted ones.
fn test(args: &[&str]) -> Result<Uses, String> {
    let subscript = args.iter().any(|arg| arg.contains('[') && *arg != "[");
    match subscript || args.contains(&"-v") {
        true => Err("test evaluates its words".to_owned()),
        false => Ok(Uses::default()),
    }
}
