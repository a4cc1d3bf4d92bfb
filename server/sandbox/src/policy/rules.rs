//! Rules by words: the prefixes of the configuration and what is denied whatever the configuration says.
//!
//! Invariant: a prefix matches whole words, never a part of one.

use std::fmt;

use super::shell::Word;
use crate::Error;

/// A program's name with leading words: `cargo test`.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    words: Vec<String>,
}

impl Prefix {
    pub(super) fn new(key: &'static str, rule: &str) -> Result<Prefix, Error> {
        let words: Vec<String> = rule.split_whitespace().map(str::to_owned).collect();
        match words.first() {
            None => Err(Error::Config {
                key,
                problem: "a rule is empty; write a program and leading words".to_owned(),
            }),
            Some(first) if first.contains('/') => Err(Error::Config {
                key,
                problem: format!("{first:?} is a path; rules name programs, such as `cargo test`"),
            }),
            Some(_) => Ok(Prefix { words }),
        }
    }

    /// Whether a command begins with these words. A word that is known only at run time may be anything, so it matches.
    pub(super) fn matches(&self, name: &str, words: &[Word]) -> bool {
        let rest = &self.words[1..];
        // `rm -rf` also means `rm -fr` and `rm -r -f`.
        let flags = |word: &str| word.len() > 2 && word.starts_with('-') && !word.starts_with("--");
        self.words[0] == name
            && match rest {
                [only] if flags(only) => only.chars().skip(1).all(|letter| {
                    words.iter().any(|word| {
                        word.literal().is_none_or(|text| {
                            text.starts_with('-')
                                && !text.starts_with("--")
                                && text.chars().skip(1).any(|c| c == letter)
                        })
                    })
                }),
                _ => {
                    let plain: Vec<&Word> = words.iter().collect();
                    let exact = |words: &[&Word]| {
                        words.len() >= rest.len()
                            && rest
                                .iter()
                                .zip(words)
                                .all(|(want, word)| word.literal().is_none_or(|text| text == want))
                    };
                    // Options before the subcommand do not hide it.
                    let bare: Vec<&Word> = words
                        .iter()
                        .filter(|word| !word.text().starts_with('-'))
                        .collect();
                    exact(&plain)
                        || (rest.iter().all(|want| !want.starts_with('-')) && exact(&bare))
                }
            }
    }

    /// Whether this prefix lets a command run: the words match exactly, and none of the others makes it run something else.
    pub(super) fn covers(&self, name: &str, args: &[&str]) -> bool {
        let rest = &self.words[1..];
        self.words[0] == name
            && args.len() >= rest.len()
            && rest.iter().zip(args).all(|(want, arg)| want == arg)
            && !runs_others(name, &args[rest.len()..])
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.words.join(" "))
    }
}

/// Why a program given by its path is asked about.
pub(super) fn by_path(first: &str) -> Option<String> {
    let (folder, _) = first.rsplit_once('/')?;
    let system = ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"].contains(&folder);
    (!system).then(|| format!("runs {first} by its path"))
}

pub(super) fn harmless_variable(name: &str) -> bool {
    matches!(
        name,
        "CI" | "NO_COLOR" | "FORCE_COLOR" | "LANG" | "TZ" | "TERM" | "COLUMNS" | "LINES"
    ) || matches!(
        name,
        "RUST_BACKTRACE"
            | "RUST_LOG"
            | "RUST_TEST_THREADS"
            | "CARGO_TERM_COLOR"
            | "CARGO_INCREMENTAL"
    ) || matches!(
        name,
        "NODE_ENV" | "PYTHONDONTWRITEBYTECODE" | "PYTHONUNBUFFERED" | "CGO_ENABLED"
    ) || name.starts_with("LC_")
}

pub(super) fn block_device(path: &str) -> bool {
    let Some(name) = path.strip_prefix("/dev/") else {
        return false;
    };
    [
        "sd", "hd", "vd", "xvd", "nvme", "mmcblk", "loop", "dm-", "mapper", "md", "disk", "mem",
        "kmem", "port",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

/// Why a command never runs.
pub(super) fn denied(name: &str, words: &[Word]) -> Option<String> {
    let args: Vec<&str> = words.iter().map(Word::text).collect();
    match name {
        "shutdown" | "reboot" | "halt" | "poweroff" | "telinit" => {
            Some(format!("{name} stops the machine"))
        }
        "init" if matches!(args.as_slice(), ["0" | "6"]) => {
            Some("init 0 and 6 stop the machine".to_owned())
        }
        "wipefs" | "fdisk" | "sfdisk" | "parted" | "mkswap" => {
            Some(format!("{name} destroys file systems"))
        }
        name if name == "mkfs" || name.starts_with("mkfs.") => {
            Some("mkfs destroys file systems".to_owned())
        }
        "dd" => args
            .iter()
            .filter_map(|arg| arg.strip_prefix("of="))
            .find(|path| block_device(path))
            .map(|path| format!("writes to the device {path}")),
        "rm" => {
            let recursive = args.iter().any(|arg| {
                *arg == "--recursive"
                    || (arg.starts_with('-') && !arg.starts_with("--") && arg.contains(['r', 'R']))
            });
            let target = args
                .iter()
                .filter(|arg| !arg.starts_with('-'))
                .find(|arg| everything(arg));
            target
                .filter(|_| recursive)
                .map(|target| format!("removes all of {target}"))
        }
        "chmod" | "chown" | "chgrp" => {
            let recursive = args
                .iter()
                .any(|arg| *arg == "--recursive" || (arg.starts_with('-') && arg.contains('R')));
            let target = args.iter().find(|arg| matches!(**arg, "/" | "/*" | "~"));
            target
                .filter(|_| recursive)
                .map(|target| format!("changes all of {target}"))
        }
        "kill" if args.contains(&"-1") && args.len() > 1 => Some("ends every process".to_owned()),
        _ => None,
    }
}

fn everything(target: &str) -> bool {
    let trimmed = target.trim_end_matches('*').trim_end_matches('/');
    matches!(
        trimmed,
        "" | "~" | "$HOME" | "${HOME}" | "\"$HOME\"" | "/." | "/.."
    ) || matches!(
        trimmed,
        "/bin" | "/boot" | "/dev" | "/etc" | "/home" | "/lib" | "/opt" | "/root" | "/usr" | "/var"
    )
}

/// Whether arguments make a program run something that they, not the program, name.
fn runs_others(name: &str, args: &[&str]) -> bool {
    let any = |flags: &[&str]| {
        args.iter().any(|arg| {
            flags.iter().any(|flag| {
                let glued = arg
                    .strip_prefix(flag)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
                let letters = flag.len() == 2 && !arg.starts_with("--") && arg.starts_with('-');
                // Long options may be shortened.
                let short = flag.starts_with("--")
                    && arg.len() > 3
                    && flag.starts_with(arg.split('=').next().unwrap_or(arg));
                glued || short || (letters && arg.contains(&flag[1..]))
            })
        })
    };
    match name {
        "sh" | "bash" | "dash" | "zsh" | "ksh" | "fish" | "busybox" | "eval" | "source" | "."
        | "trap" | "ssh" | "awk" | "gawk" | "mawk" | "vim" | "vi" | "nvim" | "ex" | "ed"
        | "emacs" | "gdb" | "watch" | "parallel" | "script" => true,
        "python" | "python2" | "python3" => any(&["-c"]),
        "perl" | "ruby" | "lua" => any(&["-e", "-E"]),
        "node" | "deno" | "bun" => any(&[
            "-e",
            "--eval",
            "-p",
            "--print",
            "-r",
            "--require",
            "--import",
        ]),
        "php" => any(&["-r"]),
        "find" => args
            .iter()
            .any(|arg| arg.starts_with("-exec") || arg.starts_with("-ok")),
        "rg" => any(&["--pre", "--hostname-bin"]),
        "fd" | "fdfind" => any(&["-x", "-X", "--exec", "--exec-batch"]),
        "tar" => any(&[
            "-I",
            "-F",
            "--use-compress-program",
            "--to-command",
            "--checkpoint-action",
            "--info-script",
            "--rsh-command",
        ]),
        "sort" => any(&["--compress-program"]),
        "sed" => true,
        "git" => args.iter().any(|arg| {
            arg.starts_with("-c")
                || arg.starts_with("--config-env")
                || arg.starts_with("--exec")
                || arg.starts_with("--upload-pack")
        }),
        "cargo" => any(&["--config"]),
        "go" => args.iter().any(|arg| {
            let name = arg.trim_start_matches('-');
            arg.starts_with('-')
                && ["exec", "toolexec", "vettool"]
                    .iter()
                    .any(|flag| name.split('=').next() == Some(flag))
        }),
        "make" | "gmake" => any(&["--eval"]) || args.iter().any(|arg| arg.starts_with("SHELL=")),
        _ => false,
    }
}
