//! Wrappers: programs that run the rest of their words.
//!
//! Invariant: an option of a wrapper that is not known here is asked about, never skipped.

use super::shell::Word;

/// What a wrapper runs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Inner {
    /// Not a wrapper: the words are the command.
    Nothing,
    /// Another command.
    Words(Vec<Word>),
    /// A line of shell.
    Shell(String),
    /// To be asked about for this reason; the command inside, where it can be seen.
    Raised(String, Vec<Word>),
}

/// How a wrapper's own words are laid out before the command.
struct Layout {
    /// Options without a value.
    bare: &'static [&'static str],
    /// Options with a value, in the next word or glued on.
    valued: &'static [&'static str],
    /// Words before the command.
    words: usize,
}

pub(super) fn is_shell(name: &str) -> bool {
    matches!(
        name,
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "ash" | "fish"
    )
}

/// Takes one wrapper off.
pub(super) fn inner(name: &str, args: &[Word]) -> Inner {
    let layout = |bare, valued, words| Layout {
        bare,
        valued,
        words,
    };
    let layout = match name {
        name if is_shell(name) => return shell(name, args),
        "env" => return env(args),
        "command" if matches!(args.first().and_then(Word::literal), Some("-v" | "-V")) => {
            return Inner::Nothing;
        }
        "command" | "builtin" => layout(&["-p"], &[], 0),
        "exec" => layout(&["-c", "-l"], &["-a"], 0),
        "nice" => layout(&[], &["-n", "--adjustment"], 0),
        "nohup" => layout(&[], &[], 0),
        "time" => layout(&["-p", "-v"], &[], 0),
        "timeout" => layout(
            &["--foreground", "--preserve-status", "-v"],
            &["-k", "-s", "--signal", "--kill-after"],
            1,
        ),
        "stdbuf" => layout(
            &[],
            &["-i", "-o", "-e", "--input", "--output", "--error"],
            0,
        ),
        "ionice" => layout(&["-t"], &["-c", "-n"], 0),
        "xargs" => return with_input(args),
        "sudo" | "doas" => {
            let inner = after(args, &layout(&["-n", "-E", "-H", "-S"], &["-u", "-g"], 0))
                .unwrap_or_default();
            return Inner::Raised(format!("{name} runs with another user's rights"), inner);
        }
        "setsid" => {
            let inner = after(
                args,
                &layout(&["-w", "--wait", "-c", "-f", "--fork"], &[], 0),
            )
            .unwrap_or_default();
            return Inner::Raised("setsid detaches its command".to_owned(), inner);
        }
        "flock" | "chroot" | "unshare" | "nsenter" | "su" | "runuser" | "ssh" | "watch"
        | "parallel" | "script" | "busybox" => {
            return Inner::Raised(
                format!("{name} runs a command that is not judged"),
                Vec::new(),
            );
        }
        "alias" if args.is_empty() => return Inner::Nothing,
        "eval" | "source" | "." | "trap" | "alias" | "hash" | "enable" => {
            return Inner::Raised(format!("{name} runs text as commands"), Vec::new());
        }
        _ => return Inner::Nothing,
    };
    match after(args, &layout) {
        Some(inner) if inner.is_empty() => {
            Inner::Raised(format!("{name} without a command"), Vec::new())
        }
        Some(inner) => Inner::Words(inner),
        None => Inner::Raised(
            format!("{name} has an option that is not judged"),
            Vec::new(),
        ),
    }
}

/// The words after a wrapper's own; `None` when an option is unknown.
fn after(args: &[Word], layout: &Layout) -> Option<Vec<Word>> {
    let mut at = 0;
    while let Some(word) = args.get(at) {
        let Some(text) = word.literal() else { break };
        if text == "--" {
            at += 1;
            break;
        }
        if !text.starts_with('-') || text == "-" {
            break;
        }
        let glued = |option: &&str| {
            text.strip_prefix(*option).is_some_and(|value| {
                value.starts_with('=') || (option.len() == 2 && !value.is_empty())
            })
        };
        match text {
            text if layout.bare.contains(&text) => at += 1,
            text if layout.valued.contains(&text) => at += 2,
            _ if layout.valued.iter().any(glued) => at += 1,
            _ => return None,
        }
    }
    Some(args.get(at + layout.words..).unwrap_or_default().to_vec())
}

fn env(args: &[Word]) -> Inner {
    let layout = Layout {
        bare: &["-i", "--ignore-environment", "-0"],
        valued: &["-u", "--unset"],
        words: 0,
    };
    let Some(mut inner) = after(args, &layout) else {
        return Inner::Raised(
            "env has an option that is not judged".to_owned(),
            Vec::new(),
        );
    };
    let mut raised = None;
    while let Some((name, _)) = inner
        .first()
        .and_then(Word::literal)
        .and_then(|text| text.split_once('='))
    {
        if !super::rules::harmless_variable(name) {
            raised = Some(format!("sets the variable {name}"));
        }
        inner.remove(0);
    }
    match raised {
        Some(reason) => Inner::Raised(reason, inner),
        None if inner.is_empty() => Inner::Nothing,
        None => Inner::Words(inner),
    }
}

/// `xargs`: its command gets words that nobody has seen yet.
fn with_input(args: &[Word]) -> Inner {
    let layout = Layout {
        bare: &["-0", "--null", "-r", "--no-run-if-empty", "-t"],
        valued: &[
            "-n",
            "-P",
            "-L",
            "-d",
            "-I",
            "--max-args",
            "--max-procs",
            "--delimiter",
        ],
        words: 0,
    };
    let Some(inner) = after(args, &layout) else {
        return Inner::Raised(
            "xargs has an option that is not judged".to_owned(),
            Vec::new(),
        );
    };
    if inner.is_empty() {
        return Inner::Words(vec![Word::Literal("echo".to_owned())]);
    }
    let own: Vec<&str> = args[..args.len() - inner.len()]
        .iter()
        .map(Word::text)
        .collect();
    let places: Vec<&str> = own
        .iter()
        .enumerate()
        .filter_map(|(at, option)| match option.strip_prefix("-I")? {
            "" => own.get(at + 1).copied(),
            glued => Some(glued),
        })
        .collect();
    // Of options that say how names are put in, the last one counts.
    let counted = own.iter().any(|option| {
        ["-n", "-L", "--max-args"]
            .iter()
            .any(|start| option.starts_with(start))
    });
    let replaced = match places.as_slice() {
        [] => None,
        [only] if !counted => Some(*only),
        _ => {
            return Inner::Raised(
                "xargs puts names in in a way that is not judged".to_owned(),
                Vec::new(),
            );
        }
    };
    Inner::Words(listed(inner, replaced))
}

/// A command with listed names put in for `place`, or added at its end.
pub(super) fn listed(words: Vec<Word>, place: Option<&str>) -> Vec<Word> {
    let name = || Word::Listed("names from the input".to_owned());
    let Some(place) = place else {
        return words.into_iter().chain([name()]).collect();
    };
    let put = |word: Word| match word.text() {
        text if text == place => name(),
        text if text.contains(place) => Word::Unknown(text.to_owned()),
        _ => word,
    };
    words.into_iter().map(put).collect()
}

fn shell(name: &str, args: &[Word]) -> Inner {
    let literal: Option<Vec<&str>> = args.iter().map(Word::literal).collect();
    match literal.as_deref() {
        Some([flags, text, rest @ ..])
            if flags.len() > 1
                && flags.starts_with('-')
                && flags.ends_with('c')
                && flags[1..].bytes().all(|byte| b"ceux".contains(&byte))
                && rest.is_empty() =>
        {
            Inner::Shell((*text).to_owned())
        }
        Some(["--version"]) => Inner::Nothing,
        // Only looks whether it is shell grammar.
        Some(["-n", script])
            if matches!(name, "sh" | "bash" | "dash") && !script.starts_with(['-', '+']) =>
        {
            Inner::Nothing
        }
        Some([]) | None => Inner::Raised(
            format!("{name} runs commands that are known only when it runs"),
            Vec::new(),
        ),
        Some(_) => Inner::Raised(
            format!("{name} runs a script or has options that are not judged"),
            Vec::new(),
        ),
    }
}
