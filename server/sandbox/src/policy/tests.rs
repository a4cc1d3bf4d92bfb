//! The policy's cases: ordinary commands that run, and disguises that do not.

use camino::Utf8PathBuf;

use super::*;
use crate::config::{CommandRule, RuleDecision, RuleWord};

/// A workspace with links that lead out of it, secrets, and a program of its own.
fn root() -> (tempfile::TempDir, Utf8PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(dir.path().canonicalize().unwrap()).unwrap();
    let root = path.join("up/ws");
    for folder in [
        "src",
        "sub/src",
        "tests",
        "build",
        ".git/hooks",
        ".github/workflows",
    ] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::create_dir_all(path.join("up/out")).unwrap();
    std::fs::write(path.join("up/out/secret"), "s").unwrap();
    for file in [
        "f.txt",
        "g.txt",
        "a.txt",
        "b.txt",
        "a.rs",
        "x.rs",
        "x.sh",
        ".env",
        "src/.env",
        "src/main.rs",
        "src/lib.rs",
        "package.json",
    ] {
        std::fs::write(root.join(file), "x\n").unwrap();
    }
    for (target, link) in [("out/secret", "notes.txt"), ("out", "linkdir")] {
        std::os::unix::fs::symlink(path.join("up").join(target), root.join(link)).unwrap();
    }
    std::os::unix::fs::symlink("src", root.join("inside")).unwrap();
    // Each means another file where it is moved to, or from another folder.
    for (target, link) in [
        ("../../out/secret", "sub/src/l"),
        ("../../out/secret", "sub/l.txt"),
        ("../out/secret", "w\u{e9}b"),
    ] {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    std::fs::create_dir_all(root.join("conf/a b")).unwrap();
    std::fs::write(root.join("conf/a b/.env"), "x\n").unwrap();
    std::os::unix::fs::symlink("sub/src", root.join("deep")).unwrap();
    (dir, root)
}

/// Judges every line of a file of cases, and tells all that are judged otherwise.
fn cases(text: &str, fits: impl Fn(Decision) -> bool) {
    let (_keep, root) = root();
    let policy = Policy::new(&Config::default()).unwrap();
    let out = root.parent().unwrap().join("out");
    let (mut class, mut wrong, mut count) = ("", Vec::new(), 0);
    for written in text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        if let Some(name) = written.strip_prefix("## ") {
            class = name;
            continue;
        }
        let mut parts = written.split('⟨');
        let mut line = parts
            .next()
            .unwrap()
            .replace('⏎', "\n")
            .replace("@OUT@", out.as_str())
            .replace("@HERE@", root.as_str());
        for part in parts {
            let (code, rest) = part.split_once('⟩').unwrap();
            line.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
            line.push_str(&rest.replace('⏎', "\n"));
        }
        count += 1;
        let verdict = policy.judge(&Line::Shell(line), &root);
        if !fits(verdict.decision)
            || (verdict.decision == Decision::Allow) != verdict.reasons.is_empty()
        {
            wrong.push(format!(
                "{class}: {written}: {:?} {:?}",
                verdict.decision, verdict.reasons
            ));
        }
    }
    assert!(
        count > 0 && wrong.is_empty(),
        "{} of {count}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn s1_ordinary_commands_are_allowed() {
    cases(include_str!("cases/allow.txt"), |decision| {
        decision == Decision::Allow
    });
}

#[test]
fn s1_hostile_lines_are_not_allowed() {
    cases(include_str!("cases/ask.txt"), |decision| {
        decision != Decision::Allow
    });
}

#[test]
fn s1_ruinous_lines_never_run() {
    cases(include_str!("cases/deny.txt"), |decision| {
        decision == Decision::Deny
    });
}

#[test]
fn s1_rules_of_the_configuration_match_whole_words() {
    let (_keep, root) = root();
    let config = Config {
        allowed_commands: vec![
            "make".into(),
            "cargo run".into(),
            "python3".into(),
            "python3.12".into(),
            "git".into(),
            "rsync".into(),
            "prove".into(),
            "bash".into(),
            "env".into(),
            "git submodule foreach".into(),
        ],
        denied_commands: vec!["git push".into(), "rm -rf".into()],
        ..Config::default()
    };
    let policy = Policy::new(&config).unwrap();
    for (line, decision) in [
        ("make check", Decision::Allow),
        ("makex", Decision::Ask),
        ("cargo run -- a", Decision::Allow),
        ("cargo runner", Decision::Ask),
        ("python3 tool.py", Decision::Allow),
        ("python3 -c 1", Decision::Ask),
        ("python3 -Bc 1", Decision::Ask),
        ("python3.12 tool.py", Decision::Allow),
        ("python3.12 -c 1", Decision::Ask),
        ("git commit -m x", Decision::Allow),
        ("git -c a.b=c status", Decision::Ask),
        ("git push origin", Decision::Deny),
        ("git --no-pager push", Decision::Deny),
        ("git pushx", Decision::Allow),
        ("git rebase main", Decision::Allow),
        ("git rebase -x ./x.sh main", Decision::Ask),
        ("git rebase -ix ./x.sh main", Decision::Ask),
        ("git rebase --exe=./x.sh main", Decision::Ask),
        ("git bisect run ./x.sh", Decision::Ask),
        ("git bisect good", Decision::Allow),
        ("git submodule --quiet foreach ./x.sh", Decision::Ask),
        ("git submodule foreach ./x.sh", Decision::Allow),
        ("git grep -O./x.sh a", Decision::Ask),
        ("git grep --open=./x.sh a", Decision::Ask),
        ("git grep a", Decision::Allow),
        ("git difftool -x ./x.sh", Decision::Ask),
        ("git fetch -u ./x.sh", Decision::Ask),
        ("git config alias.x '!./x.sh'", Decision::Ask),
        ("git config user.name x", Decision::Allow),
        ("git clone 'ext::sh -c ./x.sh'", Decision::Ask),
        ("rsync -a src build", Decision::Allow),
        ("rsync -e ./x.sh src build", Decision::Ask),
        ("rsync -ae ./x.sh src build", Decision::Ask),
        ("rsync --rsh=./x.sh src build", Decision::Ask),
        ("prove -l tests", Decision::Allow),
        ("prove --exec ./x.sh tests", Decision::Ask),
        ("prove -e ./x.sh tests", Decision::Ask),
        ("bash x.sh", Decision::Ask),
        ("env ./x.sh", Decision::Ask),
        ("rm -rf x", Decision::Deny),
        ("rm -f -r x", Decision::Deny),
        ("rm -f x", Decision::Ask),
        ("make $x", Decision::Ask),
        ("ls; make; git push", Decision::Deny),
    ] {
        let verdict = policy.judge(&Line::Shell(line.to_owned()), &root);
        assert_eq!(verdict.decision, decision, "{line}: {:?}", verdict.reasons);
    }
}

fn rule(
    decision: RuleDecision,
    prefix: &[&[&str]],
    examples: &[&str],
    others: &[&str],
) -> CommandRule {
    let word = |words: &&[&str]| match words {
        [one] => RuleWord::One(one.to_string()),
        either => RuleWord::Either(either.iter().map(|word| word.to_string()).collect()),
    };
    let lines = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
    CommandRule {
        decision,
        prefix: prefix.iter().map(word).collect(),
        r#match: lines(examples),
        not_match: lines(others),
        reason: Some("because".to_owned()),
    }
}

fn ruled(rules: Vec<CommandRule>) -> Result<Policy, Error> {
    Policy::new(&Config {
        rules,
        ..Config::default()
    })
}

#[test]
fn s1_the_strictest_of_all_rules_wins() {
    use RuleDecision::{Allow, Ask, Deny};
    let (_keep, root) = root();
    let policy = ruled(vec![
        rule(
            Allow,
            &[&["git"], &["push", "fetch"]],
            &["git push origin"],
            &["git pull"],
        ),
        rule(
            Deny,
            &[&["git"], &["push"], &["-f", "--force"]],
            &["sudo git push --force"],
            &["git push"],
        ),
        rule(
            Ask,
            &[&["cargo"], &["test", "t"]],
            &["cargo -q test", "ls && cargo t"],
            &["cargo tests"],
        ),
        rule(Allow, &[&["cargo"]], &["cargo test"], &[]),
        rule(Allow, &[&["cp", "frob"]], &["cp a b"], &[]),
    ])
    .unwrap();
    for (line, decision) in [
        ("git push origin", Decision::Allow),
        ("git fetch", Decision::Allow),
        ("git pull", Decision::Ask),
        ("git push -f", Decision::Deny),
        ("git push $x", Decision::Deny),
        ("cargo test", Decision::Ask),
        ("cargo run", Decision::Allow),
        ("cargo run --config x", Decision::Ask),
        ("ls; timeout 5 cargo run", Decision::Allow),
        ("frob a", Decision::Allow),
        // An allowance opens no place, no redirection and nothing unclear.
        ("frob ../../x", Decision::Ask),
        ("frob .env", Decision::Ask),
        ("frob --out=.git/config", Decision::Ask),
        ("cp a .git/hooks/x", Decision::Ask),
        ("cp notes.txt a", Decision::Ask),
        ("frob > .vscode/x", Decision::Ask),
        ("frob $x", Decision::Ask),
        ("frob &", Decision::Ask),
        ("./frob", Decision::Ask),
        ("rm -rf /; frob", Decision::Deny),
    ] {
        let verdict = policy.judge(&Line::Shell(line.to_owned()), &root);
        assert_eq!(verdict.decision, decision, "{line}: {:?}", verdict.reasons);
    }
    let verdict = policy.judge(&Line::Shell("cargo t".to_owned()), &root);
    assert_eq!(
        verdict.reasons,
        ["asked about by sandbox.rules: cargo test|t (because)"]
    );
    assert!(verdict.grants().is_empty());
}

#[test]
fn a_rule_that_does_not_do_as_its_examples_say_is_an_error() {
    use RuleDecision::{Allow, Ask, Deny};
    for (rules, problem) in [
        (
            rule(Deny, &[&["git"], &["push"]], &["git pull"], &[]),
            r#"rules: rule 1 (git push): it does not match its example "git pull""#,
        ),
        (
            rule(Ask, &[&["git"]], &[], &["cd x && git log"]),
            r#"rules: rule 1 (git): it matches "cd x && git log""#,
        ),
        (
            rule(Allow, &[&["ls", "bash"]], &[], &[]),
            "rules: rule 1 (ls|bash): bash is a shell",
        ),
        (
            rule(Allow, &[&["python3.12"]], &[], &[]),
            "rules: rule 1 (python3.12): python3.12 is an interpreter",
        ),
        (
            rule(Allow, &[&["sudo"], &["ls"]], &[], &[]),
            "rules: rule 1 (sudo ls): sudo runs the command",
        ),
        (rule(Deny, &[], &[], &[]), "rules: a rule is empty"),
        (
            rule(Deny, &[&["./x"]], &[], &[]),
            r#"rules: "./x" is a path"#,
        ),
    ] {
        let error = ruled(vec![rules]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("sandbox.{problem}")), "{error}");
    }
    assert!(ruled(vec![rule(Deny, &[&["bash", "env"]], &["bash x"], &["ls"])]).is_ok());
}

#[test]
fn an_argv_is_judged_as_it_is() {
    let (_keep, root) = root();
    let policy = Policy::new(&Config::default()).unwrap();
    let judge = |words: &[&str]| {
        policy.judge(
            &Line::Argv(words.iter().map(|word| word.to_string()).collect()),
            &root,
        )
    };
    assert_eq!(
        judge(&["echo", "$(rm -rf /)", ">", "x"]).decision,
        Decision::Allow
    );
    assert_eq!(judge(&["cat", "a b*"]).decision, Decision::Allow);
    assert_eq!(judge(&["sh", "-c", "./x"]).decision, Decision::Ask);
    assert_eq!(judge(&[]).decision, Decision::Deny);
    let verdict = judge(&["env", "CI=1", "timeout", "5", "cargo", "test"]);
    assert_eq!(verdict.decision, Decision::Allow);
    expect_test::expect![[r#"[["env", "CI=1", "timeout", "5", "cargo", "test"], ["timeout", "5", "cargo", "test"], ["cargo", "test"]]"#]]
        .assert_eq(&format!("{:?}", verdict.commands));
}

#[test]
fn only_a_command_alone_needs_no_shell() {
    let (_keep, root) = root();
    let policy = Policy::new(&Config::default()).unwrap();
    for (line, plain) in [
        ("ls src", true),
        (" ls 'a b'\n", true),
        ("! true", false),
        ("true;", false),
        ("true &", false),
        ("true # why", false),
        ("# why\ntrue", false),
        ("(true)", false),
        ("{ true; }", false),
        ("true > f.txt", false),
        ("true *.rs", false),
        ("if true; then true; fi", false),
    ] {
        let verdict = policy.judge(&Line::Shell(line.to_owned()), &root);
        assert_eq!(verdict.plain.is_some(), plain, "{line}");
    }
}

#[test]
fn length_depth_and_number_are_bounded() {
    let (_keep, root) = root();
    let policy = Policy::new(&Config::default()).unwrap();
    let judge = |line: String| policy.judge(&Line::Shell(line), &root).decision;
    assert_eq!(judge("ls ".repeat(8000)), Decision::Ask);
    assert_eq!(judge("true; ".repeat(33)), Decision::Ask);
    assert_eq!(
        judge(format!("{}ls{}", "(".repeat(5000), ")".repeat(5000))),
        Decision::Ask
    );
    assert_eq!(
        judge(format!("echo {}ls{}", "$(".repeat(2000), ")".repeat(2000))),
        Decision::Ask
    );
    assert_eq!(judge(format!("{}ls", "nohup ".repeat(20))), Decision::Ask);
}

/// Lines of 16 KiB that would take long if everything in them were judged; in a quick build each takes some 10 ms.
#[test]
fn no_line_takes_long() {
    let (_keep, root) = root();
    for folder in ["a", "b", "c", "d", "e"] {
        for file in 0..60 {
            std::fs::create_dir_all(root.join(format!("wide/{folder}/{file}"))).unwrap();
        }
    }
    let policy = Policy::new(&Config::default()).unwrap();
    let fill = |part: &str| part.repeat((16 << 10) / part.len());
    let around = |open: &str, part: &str, close: &str| {
        let room = (16 << 10) - open.len() - close.len();
        format!("{open}{}{close}", part.repeat(room / part.len()))
    };
    for line in [
        fill("cd sub; "),
        fill("cd sub; cd wide; "),
        around("cd a; cd b; cd sub; cd src; cd tests; cat ", "x ", ""),
        fill("cat wide/*/*; "),
        around("cat ", "wide/*/* ", ""),
        around("cat wide", "/*/..", ""),
        around("cat ", "*", ""),
        around("cat ", "?*", ""),
        around("cat -", "a", ""),
        around("cat ", "-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ", ""),
        around("cat ", "a/", ""),
        around("cat ", "../", ""),
        around("git log ", ":", ""),
        around(
            "for a in ",
            "x ",
            "; do for b in 1 2 3; do cat $a; done; done",
        ),
        around("for a in {1..256}; do ", "cat f.txt; ", "done"),
        around("for a in {1..250}; do cat ", "f.txt ", "; done"),
        around("for a in wide/*/*; do cat ", "$a/* ", "; done"),
        around("find ", "wide ", "| xargs cat"),
        fill("find . -exec cat {} +; "),
        fill("find . | xargs -0 cat; "),
        around("echo ", "{a,b}", ""),
        around("echo {", "a,", "b}"),
        fill("$("),
        fill("(("),
        fill("\"$(`"),
        fill("<<E "),
        fill("if [ "),
        fill("{ "),
        fill("! "),
        fill("case a in "),
        fill("for a in "),
        fill("[[ a == "),
        fill("a=( "),
        fill("f() { "),
        fill("${a:-"),
        fill("x | "),
        fill("\\\n"),
        around("sed '", "[[:", "'"),
        around("awk '", "{(", "'"),
        around("echo $(", "date;", ")"),
        fill("nohup "),
    ] {
        let start = std::time::Instant::now();
        policy.judge(&Line::Shell(line.clone()), &root);
        let took = start.elapsed();
        let shown: String = line.chars().take(60).collect();
        assert!(took.as_millis() < LONG, "{took:?}: {shown}");
    }
}

/// Milliseconds, on a busy machine and without optimization.
const LONG: u128 = 5_000;

#[test]
fn configuration_errors_name_the_key() {
    let config = Config {
        allowed_commands: vec![" ".into()],
        ..Config::default()
    };
    let error = Policy::new(&config).unwrap_err().to_string();
    assert!(error.starts_with("sandbox.allowed_commands: "), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_no_text_is_asked_about() {
    use std::os::unix::ffi::OsStrExt;
    let (_keep, root) = root();
    let policy = Policy::new(&Config::default()).unwrap();
    let line = Line::Shell("cat sub/*.txt".to_owned());
    std::fs::remove_file(root.join("sub/l.txt")).unwrap();
    std::fs::write(root.join("sub/a.txt"), "").unwrap();
    assert_eq!(policy.judge(&line, &root).decision, Decision::Allow);
    let name = std::ffi::OsStr::from_bytes(b"\xff.txt");
    std::fs::write(root.join("sub").as_std_path().join(name), "").unwrap();
    assert_eq!(policy.judge(&line, &root).decision, Decision::Ask);
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_no_unknown_program_is_allowed(text in "[ -~\n]{0,60}") {
        let policy = Policy::new(&Config::default()).unwrap();
        let line = Line::Shell(format!("{text}\n./x.sh"));
        let verdict = policy.judge(&line, Utf8Path::new("/nonexistent"));
        // Only a continued line makes the program's name a harmless word of another command.
        assert!(verdict.decision != Decision::Allow || text.ends_with('\\'), "{text}: {verdict:?}");
    }

    #[test]
    fn no_shell_grammar_lets_an_unknown_program_through(
        parts in proptest::collection::vec(proptest::sample::select(GRAMMAR), 0..12)
    ) {
        let policy = Policy::new(&Config::default()).unwrap();
        let text = parts.concat();
        let verdict = policy.judge(&Line::Shell(format!("{text}\n./x.sh")), Utf8Path::new("/nonexistent"));
        assert!(verdict.decision != Decision::Allow || text.ends_with('\\'), "{text}: {verdict:?}");
    }
}

const GRAMMAR: &[&str] = &[
    " ",
    "\n",
    ";",
    "&&",
    "||",
    "|",
    "&",
    "<",
    ">",
    ">>",
    "2>&1",
    "(",
    ")",
    "{ ",
    " }",
    "$(",
    "`",
    "'",
    "\"",
    "\\",
    "#",
    "ls",
    "echo",
    "cat",
    "[ ",
    " ]",
    "[[ ",
    " ]]",
    "$",
    "${",
    "}",
    "x=",
    "=",
    "<<E",
    "E",
    "<<<",
    "if ",
    "then ",
    "fi",
    "for i in ",
    "do ",
    "done",
    "case ",
    "esac",
    "!",
    "time ",
    "env ",
    "-",
    "--",
    "*",
    "~",
    "/",
    "f() ",
    "$((",
    "))",
    "<(",
    ">(",
    "\t",
    "a",
    "1",
];
