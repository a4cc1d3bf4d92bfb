//! Programs: what is known of some whatever the configuration says: those that steer others, and those that ruin.
//!
//! Invariant: a program is known by the last part of its name; how it was found is judged apart.

use crate::policy::shell::Word;
use crate::policy::wrapper;

/// Why a program given by its path is asked about.
pub(in crate::policy) fn by_path(first: &str) -> Option<String> {
    // Build scripts of the project, like the build files that other tools read.
    if matches!(first, "./gradlew" | "./mvnw") {
        return None;
    }
    let (folder, _) = first.rsplit_once('/')?;
    let system = ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"].contains(&folder);
    (!system).then(|| format!("runs {first} by its path"))
}

pub(in crate::policy) fn harmless_variable(name: &str) -> bool {
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
        "NODE_ENV"
            | "GOOS"
            | "GOARCH"
            | "PYTHONDONTWRITEBYTECODE"
            | "PYTHONUNBUFFERED"
            | "CGO_ENABLED"
    ) || name.starts_with("LC_")
}

pub(in crate::policy) fn block_device(path: &str) -> bool {
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
pub(in crate::policy) fn denied(name: &str, words: &[Word]) -> Option<String> {
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
                arg.starts_with("--r")
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
        "systemctl"
            if args.iter().any(|arg| {
                matches!(
                    *arg,
                    "poweroff" | "reboot" | "halt" | "kexec" | "suspend" | "hibernate"
                )
            }) =>
        {
            Some("systemctl stops the machine".to_owned())
        }
        "kill" if args.contains(&"-1") && args.len() > 1 => Some("ends every process".to_owned()),
        _ => None,
    }
}

fn everything(target: &str) -> bool {
    const WHOLE: [&str; 22] = [
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "opt", "root", "usr", "var",
        "sbin", "proc", "sys", "srv", "run", "mnt", "media", "Users", "System", "Library",
    ];
    let trimmed = target.trim_end_matches(['*', '/']);
    let mut parts: Vec<&str> = Vec::new();
    for part in trimmed.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    match parts.as_slice() {
        [] => target.starts_with('/'),
        ["~" | "$HOME"] => !target.starts_with('/'),
        [part] => target.starts_with('/') && WHOLE.contains(part),
        _ => false,
    }
}

/// Why nobody can allow a program whatever its words: they say what is run, so that the program's name says nothing.
pub(in crate::policy) fn steering(name: &str) -> Option<&'static str> {
    if wrapper::is_shell(name) {
        return Some("is a shell: it runs any command");
    }
    // `python3.12`, `ruby3.1`.
    match name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.') {
        "python" | "pypy" | "ipython" | "perl" | "ruby" | "irb" | "lua" | "luajit" | "php"
        | "node" | "nodejs" | "deno" | "bun" | "tclsh" | "wish" | "expect" | "guile" | "racket"
        | "Rscript" | "R" | "julia" | "ghci" | "runghc" | "groovy" | "scala" | "java"
        | "osascript" | "pwsh" | "powershell" | "awk" | "gawk" | "mawk" | "nawk" | "m4" | "bc"
        | "dc" | "sqlite" | "psql" | "mysql" | "ed" | "ex" | "vi" | "vim" | "nvim" | "view"
        | "emacs" | "nano" | "less" | "more" | "man" | "gdb" | "lldb" => {
            Some("is an interpreter: its words are programs")
        }
        "" => Some("reads commands from a file"),
        "env" | "xargs" | "nice" | "nohup" | "time" | "timeout" | "stdbuf" | "ionice" | "chrt"
        | "taskset" | "setsid" | "setarch" | "flock" | "script" | "watch" | "parallel" | "sudo"
        | "doas" | "su" | "runuser" | "chroot" | "unshare" | "nsenter" | "busybox" | "toybox"
        | "ssh" | "strace" | "ltrace" | "valgrind" | "perf" | "command" | "builtin" | "exec"
        | "eval" | "source" | "trap" | "coproc" | "npx" | "pnpx" | "bunx" | "uvx" | "pipx"
        | "corepack" | "dbus-run-session" | "systemd-run" | "pkexec" | "setpriv" | "unbuffer"
        | "socat" | "nc" | "ncat" | "netcat" | "telnet" | "at" | "batch" | "crontab" | "entr"
        | "fakeroot" | "faketime" | "ld.so" | "prlimit" | "bwrap" | "firejail"
        | "docker-compose" => Some("runs the command that its words name"),
        _ if name.starts_with("ld-linux") || name.starts_with("ld-musl") => {
            Some("runs the program that its words name")
        }
        _ => None,
    }
}

/// Whether a program without words runs what it reads.
pub(in crate::policy) fn interprets(name: &str) -> bool {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(
        name,
        "python"
            | "pypy"
            | "perl"
            | "ruby"
            | "node"
            | "php"
            | "lua"
            | "deno"
            | "bun"
            | "Rscript"
            | "tclsh"
    )
}

/// Options by which programs run what their words name. Programs without the digits of their version.
const RUNNING: &[(&[&str], &[&str])] = &[
    (&["python", "pypy", "ipython"], &["-c"]),
    (
        &["perl", "ruby", "lua", "luajit", "Rscript", "R", "julia"],
        &["-e", "-E"],
    ),
    (
        &["node", "deno", "bun"],
        &[
            "-e",
            "--eval",
            "-p",
            "--print",
            "-r",
            "--require",
            "--import",
        ],
    ),
    (&["php"], &["-r", "-R", "-B", "-E"]),
    (&["rsync"], &["-e", "--rsh", "--rsync-path"]),
    (&["scp", "sftp"], &["-S", "-o", "-F"]),
    (&["prove"], &["-e", "--exec"]),
    (&["split"], &["--filter"]),
    (&["zip"], &["--unzip-command", "-TT"]),
    (
        &["npm", "pnpm", "yarn"],
        &["--script-shell", "--node-options"],
    ),
    (&["pylint"], &["--init-hook", "--load-plugins"]),
    (
        &["cabal", "stack"],
        &["-w", "--with-compiler", "--with-gcc"],
    ),
    (&["cmake"], &["-P", "-E"]),
    (&["ctest"], &["-S", "--build-and-test", "--script"]),
    (&["cloc"], &["--vcs", "--diff-list-file", "--extract-with"]),
    (&["rg"], &["--pre", "--hostname-bin"]),
    (&["fd", "fdfind"], &["-x", "-X", "--exec", "--exec-batch"]),
    (
        &["tar"],
        &[
            "-I",
            "-F",
            "--use-compress-program",
            "--to-command",
            "--checkpoint-action",
            "--info-script",
            "--rsh-command",
        ],
    ),
    (&["sort"], &["--compress-program"]),
    (
        &["git"],
        &[
            "--config-env",
            "--exec",
            "--exec-path",
            "--upload-pack",
            "--receive-pack",
            "--extcmd",
        ],
    ),
    (&["cargo"], &["--config"]),
    (&["make", "gmake"], &["--eval"]),
];

/// Whether arguments make a program run something that they, not the program, name.
pub(in crate::policy) fn runs_others(name: &str, args: &[&str]) -> bool {
    // `python3.12`.
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let listed = RUNNING
        .iter()
        .any(|(names, flags)| names.contains(&family) && args.iter().any(|arg| gives(arg, flags)));
    let begins = |starts: &[&str]| {
        args.iter()
            .any(|arg| starts.iter().any(|start| arg.starts_with(start)))
    };
    listed
        || match family {
            name if wrapper::is_shell(name) => true,
            // `.` is all dots.
            "" | "busybox" | "eval" | "source" | "trap" | "ssh" | "awk" | "gawk" | "mawk"
            | "vim" | "vi" | "nvim" | "ex" | "ed" | "emacs" | "gdb" | "watch" | "parallel"
            | "script" | "sed" => true,
            "find" => begins(&["-exec", "-ok"]),
            "gcc" | "g++" | "cc" | "c++" | "clang" | "clang++" => begins(&[
                "-B", "-wrapper", "-specs", "--specs", "-fplugin", "-fuse-ld",
            ]),
            "git" => git_runs(args) || begins(&["-c"]),
            "go" => args.iter().any(|arg| {
                let name = arg.trim_start_matches('-');
                arg.starts_with('-')
                    && ["exec", "toolexec", "vettool"]
                        .iter()
                        .any(|flag| name.split('=').next() == Some(flag))
            }),
            "make" | "gmake" => begins(&["SHELL="]),
            _ => false,
        }
}

/// Whether a word is one of these options, in a cluster, with a value or shortened.
fn gives(arg: &str, flags: &[&str]) -> bool {
    flags.iter().any(|flag| {
        let glued = arg
            .strip_prefix(flag)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
        let letters = flag.len() == 2 && !arg.starts_with("--") && arg.starts_with('-');
        let short = flag.starts_with("--")
            && arg.len() > 3
            && flag.starts_with(arg.split('=').next().unwrap_or(arg));
        glued || short || (letters && arg.contains(&flag[1..]))
    })
}

/// Whether git would run what its words or a setting in them name.
fn git_runs(args: &[&str]) -> bool {
    let has = |word: &str| args.contains(&word);
    let short = |letter: char| {
        args.iter()
            .any(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.contains(letter))
    };
    let long = |option: &str| {
        args.iter()
            .any(|arg| arg.len() > 3 && option.starts_with(arg.split('=').next().unwrap_or(arg)))
    };
    (has("bisect") && has("run"))
        || (has("submodule") && has("foreach"))
        || (has("hook") && has("run"))
        || [
            "filter-branch",
            "for-each-repo",
            "difftool",
            "mergetool",
            "instaweb",
            "credential",
        ]
        .iter()
        .any(|command| has(command))
        || (has("rebase") && short('x'))
        || (has("grep") && (short('O') || long("--open-files-in-pager")))
        || (["clone", "fetch", "pull", "ls-remote"]
            .iter()
            .any(|command| has(command))
            && short('u'))
        || (has("config") && args.iter().any(|arg| sets_program(arg)))
        || args.iter().any(|arg| arg.contains("ext::"))
}

/// Sections of git's settings that name programs.
fn sets_program(setting: &str) -> bool {
    let setting = setting.to_lowercase();
    [
        "alias.",
        "core.",
        "pager.",
        "filter.",
        "diff.",
        "difftool.",
        "merge.",
        "mergetool.",
        "credential.",
        "gpg.",
        "sequence.",
        "include",
        "browser.",
        "man.",
        "trailer.",
        "interactive.",
        "uploadpack.",
        "remote.",
        "url.",
        "ssh.",
        "web.",
    ]
    .iter()
    .any(|section| setting.starts_with(section))
}
