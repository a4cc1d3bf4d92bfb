//! Attacks: every command of a list of attacks, given to the real program: what policy says, and what happens when it is run as in
//! each phase. A row is contained when policy decides as it must and nothing changes, leaks, is reached or lives on.

mod ground;

use anyhow::{Context, Result, bail};
use ground::Ground;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const USAGE: &str = "cargo xtask bench attacks --cases FILE --benign FILE [--animus PROGRAM]";
const PHASES: [&str; 3] = ["plan", "act", "test"];
/// A refusal, or a run that ends by itself, takes less.
const SLOW: Duration = Duration::from_secs(15);
/// The part of ordinary commands that must run without a question, by kind; other kinds: all.
const GOALS: [(&str, f64); 1] = [("readonly", 0.89)];

/// One line of the list.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    class: String,
    tool: String,
    input: Value,
    setup: Option<String>,
    env: Option<BTreeMap<String, String>>,
    policy: Option<String>,
    effect: Option<String>,
}

/// Runs them all and prints what was contained by class. Any miss is an error.
pub fn measure(words: &[&str], built: impl FnOnce() -> Result<PathBuf>) -> Result<()> {
    let option = |name: &str| words.iter().skip_while(|word| **word != name).nth(1);
    let (Some(cases), Some(benign)) = (option("--cases"), option("--benign")) else {
        bail!("{USAGE}");
    };
    let animus = match option("--animus") {
        Some(path) => fs::canonicalize(path)?,
        None => built()?,
    };
    let mut classes: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    let mut misses = Vec::new();
    for (number, line) in text(cases)?.lines().enumerate() {
        let row: Row =
            serde_json::from_str(line).with_context(|| format!("{cases}:{}", number + 1))?;
        if row.tool != "exec" {
            *others.entry(row.tool).or_default() += 1;
            continue;
        }
        let wrong = attack(&animus, &row, number).with_context(|| row.id.clone())?;
        let (rows, contained) = classes.entry(row.class).or_default();
        *rows += 1;
        *contained += usize::from(wrong.is_empty());
        misses.extend(wrong.into_iter().map(|wrong| format!("{} {wrong}", row.id)));
    }
    println!("{:<44} {:>5} {:>9}", "class", "rows", "contained");
    for (class, (rows, contained)) in &classes {
        println!("{class:<44} {rows:>5} {contained:>9}");
    }
    for (tool, rows) in &others {
        let name = format!("not by this command: {tool}");
        println!("{name:<44} {rows:>5}         -");
    }
    misses.extend(ordinary(&animus, benign)?);
    match misses.is_empty() {
        true => Ok(()),
        false => bail!("{} misses\n{}", misses.len(), misses.join("\n")),
    }
}

/// What went wrong with one row.
fn attack(animus: &Path, row: &Row, number: usize) -> Result<Vec<String>> {
    let ground = Ground::new(number)?;
    if let Some(setup) = &row.setup {
        ground.shell(setup)?;
    }
    let env = row.env.clone().unwrap_or_default();
    let line = ground.placed(row.input.as_str().context("its input is no line")?);
    let verdict = judged(&ground, animus, &line, &env)?;
    let decision = verdict["decision"].as_str().unwrap_or_default();
    let mut wrong = match row.policy.as_deref() {
        Some(must @ "ask") if decision == "allow" => {
            vec![format!("policy: {decision}, and must {must}")]
        }
        Some(must @ "allow") if decision != must => {
            vec![format!("policy: {decision}, and must {must}")]
        }
        _ => Vec::new(),
    };
    let before = ground.files()?;
    for phase in PHASES {
        let words = ["exec", "--json", "--phase", phase, "--shell", &line];
        let done = ground.run(animus, &words, &env)?;
        let last = done.out.lines().last().unwrap_or_default();
        let answer: Value = serde_json::from_str(last).unwrap_or_default();
        let landed = match row.effect.as_deref() {
            // What is reached is looked at in every row.
            None | Some("net") => false,
            Some(effect) => match effect.strip_prefix("stdout:") {
                Some(secret) => done.out.contains(&ground.placed(secret)),
                None => ground.shell(effect)?.code == Some(0),
            },
        };
        let mut note =
            |is: bool, what: String| wrong.extend(is.then(|| format!("{phase}: {what}")));
        note(done.took > SLOW, format!("takes {} s", done.took.as_secs()));
        note(answer.is_null(), "gives no answer".to_owned());
        let refused = decision == "allow" && answer["end"] == "refused";
        note(
            refused,
            format!("refused though allowed: {}", answer["reasons"]),
        );
        note(landed, "landed".to_owned());
        note(
            ground.files()? != before,
            "the workspace changed".to_owned(),
        );
        ground
            .reached()
            .iter()
            .for_each(|what| note(true, format!("reached {what}")));
        ground
            .survivors()
            .iter()
            .for_each(|what| note(true, format!("{what} lives on")));
    }
    Ok(wrong)
}

/// What policy says about a line.
fn judged(
    ground: &Ground,
    animus: &Path,
    line: &str,
    env: &BTreeMap<String, String>,
) -> Result<Value> {
    let words = ["policy", "check", "--json", "--shell", line];
    Ok(serde_json::from_str(&ground.run(animus, &words, env)?.out)?)
}

/// Ordinary commands: how many run without a question, by kind; the kinds that miss their goal, with what was asked about.
fn ordinary(animus: &Path, list: &str) -> Result<Vec<String>> {
    let kinds: BTreeMap<String, Vec<String>> = serde_json::from_str(&text(list)?)?;
    let ground = Ground::new(usize::MAX)?;
    ground.shell(
        "mkdir src; echo 'fn main(){}' > src/main.rs; printf '[package]\\nname=\"a\"\\nversion=\"0.1.0\"\\n' > Cargo.toml; \
         echo a > a.txt; echo b > b.txt; echo {} > package.json; echo x > CHANGELOG.md",
    )?;
    let mut misses = Vec::new();
    for (kind, lines) in &kinds {
        let mut asked = Vec::new();
        for line in lines {
            let verdict = judged(&ground, animus, line, &BTreeMap::new())?;
            if verdict["decision"] != "allow" {
                asked.push(format!("{kind}: {line}: {}", verdict["reasons"]));
            }
        }
        let (all, run) = (lines.len(), lines.len() - asked.len());
        let rate = run as f64 / all.max(1) as f64;
        let goal = GOALS
            .iter()
            .find(|(name, _)| name == kind)
            .map_or(1.0, |(_, goal)| *goal);
        let name = format!("ordinary: {kind}");
        println!("{name:<44} {all:>5} {run:>9}  goal {goal}");
        match rate < goal {
            true => misses.extend(asked),
            false => asked
                .iter()
                .for_each(|line| println!("  asked about: {line}")),
        }
    }
    Ok(misses)
}

fn text(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}
