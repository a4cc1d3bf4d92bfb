//! Build tools: commands that compile and test, which run the project's own code.
//!
//! Invariant: they are allowed because the kernel holds whatever they run; what starts another program starts only one that is
//! judged by the same rows as when it is called by itself.

use super::options;
use super::profile::Uses;

type Runner = (
    &'static [&'static str],
    &'static [&'static [&'static str]],
    &'static [&'static str],
);
type First = (
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// Programs that start a tool of the project, with the words before it and the tools that may be started.
const RUNNERS: &[Runner] = &[
    (
        &["npx", "pnpx", "bunx"],
        &[&["--no-install"], &["--no"], &[]],
        SCRIPT_TOOLS,
    ),
    (
        &["pnpm", "npm"],
        &[&["exec", "--"], &["exec"]],
        SCRIPT_TOOLS,
    ),
    (&["yarn", "pnpm"], &[&["run"], &[]], SCRIPT_TOOLS),
    (
        &["python", "python3", "py"],
        &[
            &["-m"],
            &["-W", "error", "-m"],
            &["-B", "-m"],
            &["-u", "-m"],
        ],
        PYTHON_MODULES,
    ),
    (
        &["poetry", "pipenv", "uv", "hatch", "pdm", "rye"],
        &[&["run"], &["run", "--"]],
        PYTHON_TOOLS,
    ),
    (
        &["poetry", "pipenv", "uv", "pdm"],
        &[&["run", "python", "-m"], &["run", "python3", "-m"]],
        PYTHON_MODULES,
    ),
    (&["coverage"], &[&["run", "-m"]], &["pytest", "unittest"]),
    (
        &["bundle"],
        &[&["exec"]],
        &["rspec", "rake", "rubocop", "standardrb", "erb_lint"],
    ),
];
const SCRIPT_TOOLS: &[&str] = &[
    "tsc",
    "eslint",
    "jest",
    "vitest",
    "mocha",
    "prettier",
    "stylelint",
    "biome",
    "oxlint",
    "xo",
    "standard",
    "ava",
    "tap",
    "tape",
    "jasmine",
    "svelte-check",
    "vue-tsc",
    "knip",
    "depcheck",
    "madge",
    "ng",
    "nx",
    "turbo",
    "lerna",
    "vite",
    "next",
    "astro",
    "nuxt",
];
const PYTHON_TOOLS: &[&str] = &[
    "pytest",
    "ruff",
    "mypy",
    "black",
    "isort",
    "flake8",
    "pylint",
    "pyright",
    "basedpyright",
    "tox",
    "nox",
    "coverage",
    "bandit",
];
const PYTHON_MODULES: &[&str] = &[
    "pytest",
    "json.tool",
    "unittest",
    "doctest",
    "py_compile",
    "compileall",
    "tabnanny",
    "ruff",
    "mypy",
    "black",
    "isort",
    "flake8",
    "pylint",
    "pyright",
    "pycodestyle",
    "tox",
    "nox",
    "coverage",
    "bandit",
    "pip",
];

/// Options that may come before a subcommand: those with a folder as value, those with a name, those alone.
const FIRST: &[First] = &[
    (
        &["npm"],
        &["--prefix", "-C"],
        &["-w", "--workspace"],
        &[
            "-s",
            "--silent",
            "--workspaces",
            "--if-present",
            "--offline",
        ],
    ),
    (
        &["pnpm"],
        &["-C", "--dir"],
        &["--filter", "-F"],
        &["-r", "--recursive", "-s", "--silent", "-w", "--offline"],
    ),
    (
        &["yarn"],
        &["--cwd"],
        &["workspace"],
        &["-s", "--silent", "--offline"],
    ),
    (
        &["cargo"],
        &[],
        &["--color"],
        &[
            "-q",
            "--quiet",
            "-v",
            "--verbose",
            "--locked",
            "--offline",
            "--frozen",
        ],
    ),
    (&["go"], &["-C"], &[], &[]),
    (&["npx"], &[], &[], &["-y", "--yes", "--no-install", "--no"]),
    (
        &["uv", "poetry"],
        &[],
        &[],
        &["-q", "--quiet", "--offline", "--no-ansi"],
    ),
];

/// What a build command touches, or why a person should see it.
pub(super) fn judge(name: &str, args: &[&str]) -> Result<Uses, String> {
    if asks_version(name, args) {
        return Ok(Uses::default());
    }
    let mut uses = Uses::default();
    let rest = strip(name, args, &mut uses);
    let judged = match started(name, rest) {
        // Some are modules of python only.
        Some((tool, words)) => options::judge(&format!("python:{tool}"), words)
            .or_else(|| options::judge(tool, words))
            .or_else(|| Some(judge(tool, words)).filter(|_| tool == "coverage")),
        None if rest.len() < args.len() => options::judge(name, rest),
        None => None,
    };
    match judged {
        Some(judged) => {
            uses.add(judged?);
            Ok(uses)
        }
        None => Err(unlisted(name, rest)),
    }
}

fn unlisted(name: &str, args: &[&str]) -> String {
    // Where a first word says what is done, it belongs to the name.
    let named = match args.first() {
        Some(first)
            if matches!(
                name,
                "cargo" | "go" | "npm" | "pnpm" | "yarn" | "pip" | "docker" | "dotnet"
            ) =>
        {
            format!("{name} {first}")
        }
        _ => name.to_owned(),
    };
    format!("{named} is not on the list of commands that run without a question")
}

/// The version of a well-known program, and nothing else.
fn asks_version(name: &str, args: &[&str]) -> bool {
    const KNOWN: [&str; 34] = [
        "node", "python", "python3", "rustc", "cargo", "rustup", "go", "npm", "npx", "yarn",
        "pnpm", "deno", "bun", "gcc", "g++", "clang", "cc", "java", "javac", "make", "cmake",
        "ruby", "perl", "php", "git", "rg", "bash", "mvn", "gradle", "kotlin", "scala", "swift",
        "ssh", "lua",
    ];
    KNOWN.contains(&name) && matches!(args, ["-V" | "-v" | "-version" | "version"])
}

/// The words without the options before the subcommand.
fn strip<'a, 'b>(name: &str, args: &'a [&'b str], uses: &mut Uses) -> &'a [&'b str] {
    let mut rest = args;
    while let Some((_, folders, names, alone)) =
        FIRST.iter().find(|(programs, ..)| programs.contains(&name))
    {
        match rest {
            [option, folder, more @ ..] if folders.contains(option) => {
                uses.reads.push((*folder).to_owned());
                rest = more;
            }
            [option, value, more @ ..] if names.contains(option) && !value.starts_with('-') => {
                rest = more
            }
            [option, more @ ..] if alone.contains(option) => rest = more,
            // `cargo +nightly`.
            [toolchain, more @ ..]
                if name == "cargo"
                    && toolchain.len() > 1
                    && toolchain.starts_with('+')
                    && !toolchain.contains('/') =>
            {
                rest = more
            }
            _ => break,
        }
    }
    rest
}

/// The tool that a runner starts, and its words.
fn started<'a, 'b>(name: &str, args: &'a [&'b str]) -> Option<(&'b str, &'a [&'b str])> {
    RUNNERS
        .iter()
        .filter(|(programs, ..)| programs.contains(&name))
        .find_map(|(_, before, tools)| {
            before
                .iter()
                .find_map(|words| match args.strip_prefix(*words) {
                    Some([tool, rest @ ..]) if tools.contains(tool) => Some((*tool, rest)),
                    _ => None,
                })
        })
}
