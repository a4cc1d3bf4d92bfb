//! `Listing`: the names that a command prints for another one to take, as `find` does for `xargs`.
//!
//! Invariant: names may be taken only where none that could be listed is a secret or a link out of the workspace.

use super::paths::Places;
use crate::secret::matches_name;

/// Where listed names come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    starts: Vec<String>,
    /// Only names that match one of these are listed; empty: all.
    names: Vec<String>,
    dotted: Dotted,
    front: Front,
}

/// How a listed name begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    /// With the place that was searched, so that none looks like an option.
    Place,
    Any,
}

/// Whether names that begin with a dot are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dotted {
    Listed,
    LeftOut,
}

/// Whether a name stays one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whole {
    Always,
    /// `xargs` takes it apart at spaces and quotes.
    Unquoted,
}

impl Listing {
    /// What a command lists, if it prints names below the folder it is in, and nothing else: no text of its options, of other files or
    /// of a history.
    pub(super) fn of(name: &str, args: &[&str]) -> Option<Listing> {
        let away = |arg: &&str| arg.starts_with('/') || arg.contains("..") || arg.starts_with(':');
        if args.iter().any(away) {
            return None;
        }
        let only = |letters: &str, long: &[&str]| {
            args.iter()
                .filter(|arg| arg.starts_with('-'))
                .all(|arg| match arg.starts_with("--") {
                    true => long.contains(&arg.split('=').next().unwrap_or_default()),
                    false => arg.chars().skip(1).all(|letter| letters.contains(letter)),
                })
        };
        let has = |letter: char, long: &str| {
            args.iter().any(|arg| {
                *arg == long
                    || (arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter))
            })
        };
        let search = [
            "--files",
            "--files-with-matches",
            "--hidden",
            "--no-ignore",
            "--glob",
            "--iglob",
            "--type",
            "--type-not",
            "--ignore-case",
            "--include",
            "--exclude",
            "--exclude-dir",
        ];
        let listed = match name {
            "find" => return found(args),
            "git" => return tracked(args),
            "rg" => {
                only("lignwFetsuS.0", &search)
                    && (args.contains(&"--files") || has('l', "--files-with-matches"))
            }
            "grep" => only("lriwEFeIsZ", &search) && has('l', "--files-with-matches"),
            "fd" | "fdfind" => only(
                "etdHIi0",
                &[
                    "--type",
                    "--extension",
                    "--hidden",
                    "--max-depth",
                    "--exclude",
                ],
            ),
            "ls" => only("1tdrS", &[]),
            _ => false,
        };
        // A glob brings hidden files back.
        let shown = ['.', 'u', 'H', 'g']
            .into_iter()
            .any(|letter| has(letter, "--hidden"))
            || args.iter().any(|arg| arg.contains("glob"));
        let dotted = match name {
            "rg" | "fd" | "fdfind" if !shown => Dotted::LeftOut,
            _ => Dotted::Listed,
        };
        // Folders are told from values of options only where no option has one.
        let starts: Vec<String> = match name {
            "rg" | "grep"
                if only(
                    "lniwFsuIEZr0",
                    &["--files", "--hidden", "--files-with-matches"],
                ) =>
            {
                let others = args.iter().filter(|arg| !arg.starts_with('-'));
                let pattern = usize::from(!args.contains(&"--files"));
                others.skip(pattern).map(|arg| (*arg).to_owned()).collect()
            }
            _ => Vec::new(),
        };
        let everything = Listing {
            dotted,
            ..Listing::everything()
        };
        listed.then_some(match starts.is_empty() {
            true => everything,
            false => Listing {
                starts,
                ..everything
            },
        })
    }

    /// Whether a command passes on some of the names that it reads.
    pub(super) fn passes(name: &str, args: &[&str]) -> bool {
        let others = args.iter().filter(|arg| !arg.starts_with('-')).count();
        let valued = args.iter().any(|arg| matches!(*arg, "-n" | "-k" | "-t"));
        match name {
            "sort" | "uniq" => others == 0,
            "head" | "tail" => others == 0 || (others == 1 && valued),
            "grep" | "egrep" | "fgrep" => {
                others == 1
                    && args.iter().all(|arg| {
                        !arg.starts_with('-') || matches!(*arg, "-v" | "-E" | "-i" | "-F")
                    })
            }
            _ => false,
        }
    }

    /// Whether no name looks like an option.
    pub(super) fn only_names(&self) -> bool {
        self.front == Front::Place
    }

    /// Why the names may not be taken. `whole`: each of them is one word, whatever is in it.
    pub(super) fn check(&self, places: &Places, whole: Whole) -> Result<(), String> {
        let listed = |name: &str| {
            if self.dotted == Dotted::LeftOut && name.starts_with('.') {
                return false;
            }
            self.names.is_empty() || self.names.iter().any(|pattern| matches_name(pattern, name))
        };
        places.open_below(&self.starts, &listed, whole)
    }

    fn everything() -> Listing {
        Listing {
            starts: vec![".".to_owned()],
            names: Vec::new(),
            dotted: Dotted::Listed,
            front: Front::Any,
        }
    }
}

fn found(args: &[&str]) -> Option<Listing> {
    let options = args
        .iter()
        .take_while(|arg| matches!(**arg, "-L" | "-H" | "-P"))
        .count();
    let starts = args[options..]
        .iter()
        .take_while(|arg| !arg.starts_with(['-', '(', '!']))
        .map(|arg| (*arg).to_owned());
    let starts: Vec<String> = starts.collect();
    // With these, names that do not match the first pattern are listed, or folders entered whose names do not.
    let branches = args
        .iter()
        .any(|arg| matches!(*arg, "-o" | "-or" | "!" | "-not" | "," | "-L" | "-follow"));
    let names = match branches {
        true => Vec::new(),
        false => first_name(&args[options + starts.len()..]),
    };
    let names_only = !args.iter().any(|arg| matches!(*arg, "-printf" | "-ls"));
    names_only.then(|| Listing {
        dotted: Dotted::Listed,
        front: Front::Place,
        names,
        starts: if starts.is_empty() {
            vec![".".to_owned()]
        } else {
            starts
        },
    })
}

/// The pattern of the first `-name`, where every name has to match it before anything is done with it.
fn first_name(tests: &[&str]) -> Vec<String> {
    let mut rest = tests.iter();
    while let Some(test) = rest.next() {
        match *test {
            "-name" => {
                return rest
                    .next()
                    .map(|name| (*name).to_owned())
                    .into_iter()
                    .collect();
            }
            "-type" | "-maxdepth" | "-mindepth" | "-size" | "-mtime" | "-mmin" | "-path"
            | "-newer" => drop(rest.next()),
            "(" | "-empty" | "-xdev" | "-a" | "-and" => {}
            // An action, or a test whose words are not followed here.
            _ => break,
        }
    }
    Vec::new()
}

/// git's commands that print names only.
fn tracked(args: &[&str]) -> Option<Listing> {
    let (command, rest) = args.split_first()?;
    let known: &[&str] = match *command {
        "ls-files" => &[
            "-z",
            "-m",
            "-o",
            "-c",
            "-d",
            "--others",
            "--cached",
            "--modified",
            "--exclude-standard",
        ],
        "diff" if rest.contains(&"--name-only") => &["--name-only", "--cached", "--staged", "-z"],
        "grep"
            if rest
                .iter()
                .any(|arg| matches!(*arg, "-l" | "--files-with-matches")) =>
        {
            &["-l", "--files-with-matches", "-i", "-w", "-E", "-F", "-z"]
        }
        _ => return None,
    };
    if rest
        .iter()
        .any(|arg| arg.starts_with('-') && *arg != "--" && !known.contains(arg))
    {
        return None;
    }
    // `ls-files '*.rs'`.
    let patterns: Vec<String> = rest
        .iter()
        .filter(|arg| !arg.starts_with('-'))
        .map(|arg| (*arg).to_owned())
        .collect();
    let named = *command == "ls-files"
        && patterns
            .iter()
            .all(|pattern| pattern.starts_with("*.") && !pattern.contains('/'));
    Some(Listing {
        names: if named { patterns } else { Vec::new() },
        ..Listing::everything()
    })
}
