//! Quality: how well `animus search` finds what had to change, by a list of questions and git snapshots of the
//! repositories. Each question is asked in the tree of its parent commit, with that commit's ancestors for a history.

use super::score::{Question, Region, Score};
use crate::shell::{command, quiet};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;

const USAGE: &str = "cargo xtask bench quality --truth FILE --snapshots FOLDER [--repo NAME] [--without SIGNAL]… [--config FILE] [--rewrite] [--out RUN.jsonl] [--animus PROGRAM]";
/// Repositories at a time.
const AT_ONCE: usize = 2;

/// What is asked for.
#[derive(Debug, Default)]
struct Wish {
    truth: PathBuf,
    snapshots: PathBuf,
    out: PathBuf,
    repo: Option<String>,
    without: Vec<String>,
    /// A configuration with the models to measure; none where absent.
    config: Option<PathBuf>,
    /// Whether the planner's model helps.
    rewrite: bool,
    animus: Option<PathBuf>,
}

/// One answer.
struct Answer {
    question: Question,
    score: Score,
    /// One for each signal that was left out.
    without: Vec<Score>,
    line: String,
}

/// Asks every question of the program that was named, else of the one that `built` makes, and prints the scores.
pub fn measure(words: &[&str], built: impl FnOnce() -> Result<PathBuf>) -> Result<()> {
    let wish = wish(words)?;
    let animus = match &wish.animus {
        Some(animus) => fs::canonicalize(animus)?,
        None => built()?,
    };
    let text = fs::read_to_string(&wish.truth)
        .with_context(|| format!("cannot read {}", wish.truth.display()))?;
    let mut by_repo: BTreeMap<String, Vec<Question>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let question: Question = serde_json::from_str(line)?;
        if wish.repo.as_ref().is_none_or(|repo| *repo == question.repo) {
            by_repo
                .entry(question.repo.clone())
                .or_default()
                .push(question);
        }
    }
    ensure!(!by_repo.is_empty(), "no question; {USAGE}");
    let top = std::env::temp_dir().join(format!("animus-bench-quality-{}", std::process::id()));
    fs::create_dir_all(&top)?;
    let queue = Mutex::new(by_repo.into_iter().collect::<Vec<_>>());
    let work = || -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        loop {
            let next = queue.lock().ok().and_then(|mut queue| queue.pop());
            let Some((repo, questions)) = next else {
                return Ok(answers);
            };
            let ground = Ground::of(&animus, &top.join(&repo), &wish, &repo)?;
            answers.extend(ground.ask_all(questions)?);
        }
    };
    let answers: Result<Vec<Vec<Answer>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|answers| answers.unwrap_or_else(|_| bail!("a worker stopped")))
            .collect()
    });
    fs::remove_dir_all(&top)?;
    let mut answers: Vec<Answer> = answers?.into_iter().flatten().collect();
    answers.sort_by(|a, b| a.question.id.cmp(&b.question.id));
    let lines: String = answers.iter().map(|it| it.line.as_str()).collect();
    fs::write(&wish.out, lines)?;
    print(&answers, &wish.without);
    println!("answers: {}", wish.out.display());
    Ok(())
}

fn wish(words: &[&str]) -> Result<Wish> {
    let mut wish = Wish {
        out: PathBuf::from("target/RUN.jsonl"),
        ..Wish::default()
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if *word == "--rewrite" {
            wish.rewrite = true;
            continue;
        }
        let value = words
            .next()
            .with_context(|| format!("{word} needs a value; {USAGE}"))?;
        match *word {
            "--truth" => wish.truth = PathBuf::from(value),
            "--snapshots" => wish.snapshots = PathBuf::from(value),
            "--out" => wish.out = PathBuf::from(value),
            "--animus" => wish.animus = Some(PathBuf::from(value)),
            "--repo" => wish.repo = Some((*value).to_owned()),
            "--config" => wish.config = Some(fs::canonicalize(value)?),
            "--without" => wish.without.push((*value).to_owned()),
            _ => bail!("{word}? {USAGE}"),
        }
    }
    Ok(wish)
}

/// A work tree that goes from commit to commit, so that each question costs what changed.
struct Ground<'a> {
    animus: &'a Path,
    tree: PathBuf,
    state: PathBuf,
    config: PathBuf,
    wish: &'a Wish,
}

impl<'a> Ground<'a> {
    fn of(animus: &'a Path, top: &Path, wish: &'a Wish, repo: &str) -> Result<Ground<'a>> {
        fs::create_dir_all(top)?;
        let ground = Ground {
            animus,
            tree: top.join("tree"),
            state: top.join("state"),
            config: match &wish.config {
                Some(config) => config.clone(),
                None => top.join("config.yaml"),
            },
            wish,
        };
        if wish.config.is_none() {
            fs::write(&ground.config, "{}\n")?;
        }
        let snapshot = snapshot(&wish.snapshots, repo)?;
        quiet(
            command("git")
                .args(["clone", "-q", "-s", "--no-checkout"])
                .arg(snapshot)
                .arg(&ground.tree),
        )?;
        Ok(ground)
    }

    fn ask_all(&self, mut questions: Vec<Question>) -> Result<Vec<Answer>> {
        questions.sort_by_key(|question| question.date);
        let all = questions.len();
        let mut answers = Vec::new();
        for (number, question) in (1..).zip(questions) {
            self.check_out(&question.parent_sha)?;
            let lines = self
                .ask(&question)
                .with_context(|| format!("question {}", question.id))?;
            let mut scores = Vec::new();
            for line in lines.lines() {
                let answer: Value = serde_json::from_str(line)?;
                let ranked: Vec<Region> = serde_json::from_value(answer["ranked"].clone())?;
                scores.push(Score::of(&question, &ranked, &self.tree)?);
            }
            ensure!(
                scores.len() == 1 + self.wish.without.len(),
                "answers are missing"
            );
            let line = lines.split_inclusive('\n').next().unwrap_or_default();
            if number % 10 == 0 || number == all {
                eprintln!("{} {number}/{all}", question.repo);
            }
            answers.push(Answer {
                question,
                score: scores.remove(0),
                without: scores,
                line: line.to_owned(),
            });
        }
        Ok(answers)
    }

    fn check_out(&self, commit: &str) -> Result<()> {
        let git = |words: &[&str]| quiet(command("git").arg("-C").arg(&self.tree).args(words));
        let words = ["checkout", "-q", "-f", "--detach", commit];
        if git(&words).is_ok() {
            return Ok(());
        }
        // A snapshot may lack large files that are no code: then all others are written.
        for entry in fs::read_dir(&self.tree)? {
            let path = entry?.path();
            match (path.ends_with(".git"), path.is_dir() && !path.is_symlink()) {
                (true, _) => {}
                (false, true) => fs::remove_dir_all(path)?,
                (false, false) => fs::remove_file(path)?,
            }
        }
        // It may have been left by the attempt above.
        let _ = fs::remove_file(self.tree.join(".git/index.lock"));
        git(&["read-tree", commit])?;
        let _ = git(&["checkout-index", "-f", "-q", "-a"]);
        git(&["update-ref", "--no-deref", "HEAD", commit]).map(drop)
    }

    /// The answer with all signals, then one without each of those that are to be left out.
    fn ask(&self, question: &Question) -> Result<String> {
        let mut search = command(self.animus);
        search
            .arg("-C")
            .arg(&self.tree)
            .args(["search", "--batch"])
            .env("ANIMUS_STATE_DIR", &self.state)
            .env("ANIMUS_CONFIG", &self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if self.wish.rewrite {
            search.arg("--rewrite");
        }
        let mut child = search.spawn()?;
        let mut input = child.stdin.take().context("no standard input")?;
        let each = self.wish.without.iter().map(|signal| vec![signal.as_str()]);
        for without in std::iter::once(Vec::new()).chain(each) {
            let asked = json!({ "id": question.id, "query": question.query, "without": without });
            writeln!(input, "{asked}")?;
        }
        drop(input);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "animus search: {}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// The git folder `OWNER+NAME/repo` of a repository.
fn snapshot(snapshots: &Path, repo: &str) -> Result<PathBuf> {
    let end = format!("+{repo}");
    for entry in fs::read_dir(snapshots).with_context(|| snapshots.display().to_string())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(&end) {
            return Ok(fs::canonicalize(entry.path().join("repo"))?);
        }
    }
    bail!("{} has no snapshot of {repo}", snapshots.display())
}

fn print(answers: &[Answer], without: &[String]) {
    print!("{:<26} {:>4}", "", "n");
    Score::NAMES.iter().for_each(|name| print!(" {name:>6}"));
    println!();
    let row = |name: &str, of: &[&Score]| {
        print!("{name:<26} {:>4}", of.len());
        for at in 0..Score::NAMES.len() {
            let sum: f64 = of.iter().map(|score| score.figures()[at]).sum();
            print!(" {:>6.3}", sum / of.len() as f64);
        }
        println!();
    };
    row(
        "all",
        &answers.iter().map(|it| &it.score).collect::<Vec<_>>(),
    );
    let mut repos: BTreeMap<&str, Vec<&Score>> = BTreeMap::new();
    for answer in answers {
        let scores = repos.entry(&answer.question.repo).or_default();
        scores.push(&answer.score);
    }
    for (repo, of) in &repos {
        row(&format!("  {repo}"), of);
    }
    for (at, signal) in without.iter().enumerate() {
        let of: Vec<&Score> = answers.iter().filter_map(|it| it.without.get(at)).collect();
        row(&format!("  without {signal}"), &of);
    }
}
