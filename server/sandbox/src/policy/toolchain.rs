//! Build tools: commands that compile and test, which run the project's own code.
//!
//! Invariant: they are allowed because the kernel holds whatever they run; options that point them at other code are not.

use super::profile::Uses;

/// `--version` of a well-known program, and nothing else.
pub(super) fn asks_version(name: &str, args: &[&str]) -> bool {
    const KNOWN: [&str; 27] = [
        "node", "python", "python3", "rustc", "cargo", "rustup", "go", "npm", "npx", "yarn",
        "pnpm", "deno", "bun", "gcc", "g++", "clang", "cc", "java", "javac", "make", "cmake",
        "ruby", "perl", "php", "git", "rg", "bash",
    ];
    KNOWN.contains(&name)
        && matches!(
            args,
            ["--version" | "-V" | "-v" | "-version" | "version" | "--help"]
        )
}

/// What a build command touches, or why a person should see it.
pub(super) fn judge(name: &str, args: &[&str]) -> Result<Uses, String> {
    match (name, args) {
        ("cargo", [command, rest @ ..]) => cargo(command, rest),
        ("go", [command, rest @ ..]) => go(command, rest),
        ("pytest" | "py.test", rest)
        | ("python" | "python3", ["-m", "pytest" | "unittest", rest @ ..]) => Ok(Uses {
            reads: paths(rest),
            ..Uses::default()
        }),
        ("npm" | "pnpm" | "yarn", ["test" | "t", rest @ ..]) if plain(rest) => Ok(Uses::default()),
        (
            "npm" | "pnpm" | "yarn",
            [
                "run",
                "test" | "build" | "lint" | "typecheck" | "check",
                rest @ ..,
            ],
        ) if plain(rest) => Ok(Uses::default()),
        ("npm" | "pnpm", ["ls" | "list" | "outdated"]) => Ok(Uses::default()),
        (
            "npx" | "pnpx",
            [
                tool @ ("tsc" | "eslint" | "jest" | "vitest" | "mocha"),
                rest @ ..,
            ],
        ) => script_tool(tool, rest),
        (tool @ ("tsc" | "eslint" | "jest" | "vitest" | "mocha"), rest) => script_tool(tool, rest),
        ("node", ["--test", rest @ ..]) if rest.iter().all(|arg| !arg.starts_with('-')) => {
            Ok(Uses {
                reads: paths(rest),
                ..Uses::default()
            })
        }
        ("rustfmt" | "gofmt", rest)
            if rest
                .iter()
                .all(|arg| !arg.starts_with("--config") && *arg != "-w") =>
        {
            Ok(Uses {
                reads: paths(rest),
                ..Uses::default()
            })
        }
        _ => Err(format!(
            "{name} is not on the list of commands that run without a question"
        )),
    }
}

fn cargo(command: &str, args: &[&str]) -> Result<Uses, String> {
    let known = [
        "check",
        "c",
        "test",
        "t",
        "build",
        "b",
        "clippy",
        "fmt",
        "tree",
        "metadata",
        "doc",
        "bench",
        "version",
        "locate-project",
        "pkgid",
        "nextest",
    ];
    if !known.contains(&command) {
        return Err(format!(
            "cargo {command} is not on the list of commands that run without a question"
        ));
    }
    // What follows `--` is for the tests.
    let own: Vec<&str> = args
        .iter()
        .copied()
        .take_while(|arg| *arg != "--")
        .collect();
    let refused = [
        "--config",
        "-Z",
        "-C",
        "--fix",
        "--allow-dirty",
        "--open",
        "--lockfile-path",
        "--artifact-dir",
        "--out-dir",
    ];
    if let Some(option) = own
        .iter()
        .find(|arg| refused.iter().any(|refused| arg.starts_with(refused)))
    {
        return Err(format!(
            "cargo {command}: the option {option} is not judged"
        ));
    }
    Ok(Uses {
        reads: paths(&own),
        ..Uses::default()
    })
}

fn go(command: &str, args: &[&str]) -> Result<Uses, String> {
    let reads = ["build", "test", "vet", "list", "version", "doc"].contains(&command);
    let shows = command == "env" && args.iter().all(|arg| !arg.starts_with('-'));
    if !reads && !shows {
        return Err(format!(
            "go {command} is not on the list of commands that run without a question"
        ));
    }
    let refused = [
        "exec",
        "toolexec",
        "vettool",
        "overlay",
        "modfile",
        "o",
        "C",
        "ldflags",
        "gcflags",
        "asmflags",
        "gccgoflags",
    ];
    for arg in args.iter().filter(|arg| arg.starts_with('-')) {
        let option = arg
            .trim_start_matches('-')
            .split('=')
            .next()
            .unwrap_or_default();
        if refused.contains(&option) {
            return Err(format!("go {command}: the option {arg} is not judged"));
        }
    }
    Ok(Uses {
        reads: paths(args),
        ..Uses::default()
    })
}

fn script_tool(tool: &str, args: &[&str]) -> Result<Uses, String> {
    let refused = [
        "--fix",
        "--config",
        "-c",
        "--globalSetup",
        "--init",
        "--outDir",
        "--outFile",
        "--require",
        "-r",
        "--watch",
        "-w",
    ];
    match args.iter().find(|arg| {
        refused
            .iter()
            .any(|refused| arg.split('=').next() == Some(refused))
    }) {
        Some(option) => Err(format!("{tool}: the option {option} is not judged")),
        None => Ok(Uses {
            reads: paths(args),
            ..Uses::default()
        }),
    }
}

fn plain(args: &[&str]) -> bool {
    args.iter().all(|arg| {
        !arg.contains("prefix") && !arg.contains("script-shell") && !arg.contains("node-options")
    })
}

/// Words that name a place outside the folder, whether alone or after `=`.
fn paths(args: &[&str]) -> Vec<String> {
    let values = args
        .iter()
        .map(|arg| arg.split_once('=').map_or(*arg, |(_, value)| value));
    let leads = |value: &&str| {
        value.starts_with(['/', '~', '.']) && *value != "./..." || value.contains("..")
    };
    values
        .filter(leads)
        .filter(|value| !value.ends_with("..."))
        .map(str::to_owned)
        .collect()
}
