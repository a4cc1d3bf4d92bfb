//! Argument profiles: what a well-known program does with its arguments.
//!
//! Invariant: a program is allowed with the options listed for it (`profiles.txt`), or by a reader of its own words here.

use super::{awk, git, options, script, toolchain};

/// What a command touches; each is then judged by place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) reads: Vec<String>,
    pub(super) writes: Vec<String>,
    /// Only the names are told.
    pub(super) entries: Vec<String>,
    /// Words that may be paths.
    pub(super) names: Vec<String>,
    pub(super) enters: Option<String>,
    /// Reads all that lies below these, through links too.
    pub(super) follows: Vec<String>,
    /// Another command, for which `{}` stands for names that this one lists.
    pub(super) runs: Vec<String>,
    /// Moves or copies, so that later names of the line may mean other files than now.
    pub(super) moves: bool,
}

impl Uses {
    pub(super) fn add(&mut self, other: Uses) {
        self.reads.extend(other.reads);
        self.writes.extend(other.writes);
        self.entries.extend(other.entries);
        self.names.extend(other.names);
        self.follows.extend(other.follows);
    }
}

/// What a command touches, or why a person should see it.
pub(super) fn judge(name: &str, args: &[&str]) -> Result<Uses, String> {
    match name {
        _ if matches!(args, ["--version" | "--help"]) => Ok(Uses::default()),
        "echo" => Ok(Uses::default()),
        "printf" => printf(args),
        "cd" => enter(args),
        "test" | "[" | "[[" => {
            condition(name, &args.iter().map(|arg| Some(*arg)).collect::<Vec<_>>())
                .map(|()| Uses::default())
        }
        "env" if args.is_empty() => Ok(Uses::default()),
        "command" => Ok(Uses::default()),
        "find" => script::find(args),
        "sed" => script::sed(args),
        "awk" | "gawk" | "mawk" | "nawk" => awk::judge(args),
        "git" => git::judge(args),
        "read" => read(args),
        "date"
            if args.iter().any(|arg| !arg.starts_with(['-', '+']))
                && !args.iter().any(|arg| matches!(*arg, "-d" | "--date")) =>
        {
            Err("date with a word sets the clock".to_owned())
        }
        "exit"
            if args
                .iter()
                .all(|arg| arg.bytes().all(|byte| byte.is_ascii_digit())) =>
        {
            Ok(Uses::default())
        }
        _ => {
            odd(name, args)?;
            let mut uses = match options::judge(name, args) {
                Some(judged) => judged?,
                None => return toolchain::judge(name, args),
            };
            wider(name, args, &mut uses);
            Ok(uses)
        }
    }
}

/// Words that mean more to their program than their options say.
fn odd(name: &str, args: &[&str]) -> Result<(), String> {
    let problem = match name {
        // All of a folder, also what begins with a dot.
        "cp" | "mv"
            if args.split_last().is_some_and(|(_, sources)| {
                sources
                    .iter()
                    .any(|source| *source == "." || source.ends_with("/."))
            }) =>
        {
            Some("everything in a folder")
        }
        "tar" => args
            .iter()
            .find(|arg| arg.contains(':'))
            .map(|_| "an archive on another machine"),
        "less" | "more" => args
            .iter()
            .find(|arg| arg.starts_with('+'))
            .map(|_| "commands of its own"),
        "jq" | "yq" => args
            .iter()
            .find(|arg| {
                ["import", "include", "load", "eval", "env("]
                    .iter()
                    .any(|word| arg.contains(word))
            })
            .map(|_| "a filter that may read other files"),
        // `-auxe` falls back to the old options, of which `e` shows the environment.
        "ps" => args
            .iter()
            .find(|arg| {
                arg.contains("env")
                    || (arg.starts_with('-')
                        && !arg.starts_with("--")
                        && arg.contains('e')
                        && arg.contains(['u', 'x']))
            })
            .map(|_| "the environment of other processes"),
        "sleep" => args
            .iter()
            .find(|arg| {
                arg.parse::<f64>().is_ok_and(|seconds| seconds > 60.0)
                    || arg.ends_with(['m', 'h', 'd', 'y'])
            })
            .map(|_| "a long time"),
        "seq" => args
            .iter()
            .find(|arg| arg.parse::<f64>().is_ok_and(|number| number.abs() > 1e5))
            .map(|_| "a long list"),
        "top" if !args.iter().any(|arg| arg.contains('n')) => Some("it does not end"),
        "go" => args
            .iter()
            .find(|arg| arg.contains("@"))
            .map(|_| "a version to be downloaded"),
        _ => None,
    };
    problem.map_or(Ok(()), |problem| Err(format!("{name}: {problem}")))
}

/// What links and folders add: those that are followed, and the names of files that are put into a folder.
fn wider(name: &str, args: &[&str], uses: &mut Uses) {
    let letter = |letter: char| {
        args.iter()
            .any(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter))
    };
    let follows = match name {
        "grep" | "egrep" | "fgrep" => letter('R'),
        "rg" | "fd" => letter('L') || args.contains(&"--follow"),
        "diff" => letter('r') || args.iter().any(|arg| arg.starts_with("--r")),
        _ => false,
    };
    if follows {
        uses.follows = uses.reads.clone();
        if uses.follows.is_empty() {
            uses.follows.push(".".to_owned());
        }
    }
    if !matches!(name, "mv" | "cp") {
        return;
    }
    // A plain copy is a file of its own; all else may bring links to where they lead elsewhere.
    uses.moves = name == "mv"
        || letter('r')
        || letter('R')
        || letter('a')
        || args.iter().any(|arg| arg.starts_with("--"));
    if let Some((last, sources)) = uses.writes.clone().split_last() {
        let names = sources
            .iter()
            .filter_map(|source| source.trim_end_matches('/').rsplit('/').next());
        uses.reads.extend(sources.iter().cloned());
        uses.writes
            .extend(names.map(|name| format!("{last}/{name}")));
    }
}

/// `printf` without options: `-v` evaluates, `%n` sets.
pub(super) fn printf(args: &[&str]) -> Result<Uses, String> {
    let format = args.first().copied().unwrap_or("-");
    let mut conversions = format.split('%').skip(1);
    let sets = conversions.any(|rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit() || "#-+ .*'lhjztL".contains(c))
            .starts_with('n')
    });
    // Widths from other words, or of more than four digits.
    let widths = format.split('%').skip(1).map(|rest| {
        rest.split(|c: char| c.is_ascii_alphabetic())
            .next()
            .unwrap_or_default()
    });
    let wide = widths
        .into_iter()
        .any(|width| width.contains('*') || width.chars().filter(char::is_ascii_digit).count() > 4);
    match (format.starts_with('-') || sets, wide) {
        (true, _) => Err("printf sets a variable".to_owned()),
        (false, true) => Err("printf makes a very long text".to_owned()),
        (false, false) => Ok(Uses::default()),
    }
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

/// `read -r NAME…`: into variables that nothing obeys; a subscript would be evaluated.
fn read(args: &[&str]) -> Result<Uses, String> {
    let ordinary = |name: &str| {
        name.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            && !name.ends_with("_proxy")
    };
    let names = args.strip_prefix(&["-r"]).unwrap_or(args);
    match names.iter().all(|name| ordinary(name)) {
        true => Ok(Uses::default()),
        false => Err("read sets variables that are not judged".to_owned()),
    }
}

/// `test`, `[` and `[[` evaluate array subscripts in some of their words, also quoted ones. `None`: a value known only when it
/// runs; it may only stand where it cannot be taken for an operator.
pub(super) fn condition(name: &str, args: &[Option<&str>]) -> Result<(), String> {
    let closing = match name {
        "[" => Some(Some("]")),
        "[[" => Some(Some("]]")),
        _ => None,
    };
    let words = match closing {
        Some(closing) => args
            .strip_suffix(&[closing])
            .ok_or_else(|| format!("{name} is not closed"))?,
        None => args,
    };
    let evaluates = |word: &Option<&str>| {
        word.is_some_and(|word| {
            let arithmetic =
                name == "[[" && matches!(word, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge");
            arithmetic || word.contains('[') || matches!(word, "-v" | "-R")
        })
    };
    if words.iter().any(evaluates) {
        return Err(format!("{name} evaluates its words"));
    }
    if words.iter().all(Option::is_some) {
        return Ok(());
    }
    let unary =
        |word: &Option<&str>| word.is_some_and(|word| word.len() == 2 && word.starts_with('-'));
    let binary = |word: &Option<&str>| {
        matches!(
            word,
            Some(
                "=" | "=="
                    | "!="
                    | "-eq"
                    | "-ne"
                    | "-lt"
                    | "-le"
                    | "-gt"
                    | "-ge"
                    | "-nt"
                    | "-ot"
                    | "-ef"
                    | "=~"
            )
        )
    };
    let words = words.strip_prefix(&[Some("!")]).unwrap_or(words);
    let judged = match words {
        [operator, _] => unary(operator),
        [_, operator, _] => binary(operator),
        _ => false,
    };
    match judged {
        true => Ok(()),
        false => Err(format!(
            "{name}: a word that may be an operator is known only when it runs"
        )),
    }
}
