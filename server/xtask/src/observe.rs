//! Observe: the dashboard, the alerts and the metrics' page against the real thing: `animus serve` with a scripted model, tasks that
//! go well and badly, and a real Prometheus that scrapes it. A query counts only where it returns series.

mod ground;
mod queries;
mod watch;

use crate::editors::Tally;
use crate::setup;
use crate::shell::{cargo, command, quiet, run as show, top};
use anyhow::{Context, Result, ensure};
use ground::Ground;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use watch::Watch;

/// Runs every check and prints a line for each.
pub fn run() -> Result<Tally> {
    let tools = setup::watching()?;
    show(&mut cargo(&["build", "--package", "animus"]))?;
    let mut tally = Tally::default();
    let mut test = |name: &str, result: Result<()>| match result {
        Ok(()) => {
            println!("test observe::{name} ... ok");
            tally.passed += 1;
        }
        Err(problem) => {
            println!("test observe::{name} ... FAILED: {problem:#}");
            tally.failed += 1;
        }
    };
    test("alerts_fire_as_their_tests_say", alerts(&tools.promtool));
    test("dashboard_has_grafanas_form", grafana(&tools));

    let ground = Ground::begin()?;
    let watch = Watch::begin(&tools, &ground)?;
    let result = watch.until_scraped().and_then(|()| ground.work());
    test("tasks_end_as_written", result);
    let scrape = ground.scrape()?;
    test("promtool_takes_the_scrape", lint(&tools.promtool, &scrape));
    test("the_page_lists_what_is_scraped", listed(&scrape));
    test("queries_name_metrics_of_the_page", names());
    test("rules_are_healthy", watch.rules());
    // What is shown as a rise needs a scrape before and one after.
    watch.until_counted()?;
    for (name, query) in queries::all()? {
        test(&name, watch.resolves(&query));
    }
    Ok(tally)
}

fn alerts(promtool: &Path) -> Result<()> {
    let configs = top().join("configs");
    let tool = |words: &[&str]| quiet(command(promtool).args(words).current_dir(&configs));
    tool(&["check", "rules", "alerts.yml"])?;
    let tested = tool(&["test", "rules", "alerts_test.yml"])?;
    ensure!(tested.contains("SUCCESS"), "{tested}");
    let (alerts, tests) = (
        fs::read_to_string(configs.join("alerts.yml"))?,
        fs::read_to_string(configs.join("alerts_test.yml"))?,
    );
    for line in alerts.lines() {
        if let Some(name) = line.trim().strip_prefix("- alert: ") {
            let tested = tests.contains(&format!("alertname: {name}\n"));
            ensure!(tested, "{name} has no test in alerts_test.yml");
        }
    }
    Ok(())
}

/// Reads the dashboard with Grafana's own generated types, and writes it again: what they do not know is lost on the way.
fn grafana(tools: &setup::Watching) -> Result<()> {
    let page = top().join("configs/grafana/animus.json");
    let mut python = command(&tools.python);
    python
        .arg("-c")
        .arg(include_str!("observe/dashboard.py"))
        .arg(page);
    quiet(python.env("PYTHONPATH", &tools.grafana_types)).map(drop)
}

fn lint(promtool: &Path, scrape: &str) -> Result<()> {
    use std::io::Write;
    use std::process::Stdio;
    let mut child = command(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().context("no standard input")?;
    input.write_all(scrape.as_bytes())?;
    drop(input);
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success() && said.is_empty(),
        "{}: {said}",
        output.status
    );
    Ok(())
}

/// Names in backquotes of the page of metrics.
fn page() -> Result<BTreeSet<String>> {
    let page = fs::read_to_string(top().join("docs/observability.md"))?;
    let names = page.split('`').filter(|word| queries::is_name(word));
    Ok(names.map(str::to_owned).collect())
}

fn listed(scrape: &str) -> Result<()> {
    let types = scrape
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "));
    let scraped: BTreeSet<String> = types
        .filter_map(|rest| rest.split(' ').next())
        .map(str::to_owned)
        .collect();
    let page = page()?;
    let of = |a: &BTreeSet<String>, b: &BTreeSet<String>| {
        a.difference(b).cloned().collect::<Vec<_>>().join(", ")
    };
    let (unlisted, absent) = (of(&scraped, &page), of(&page, &scraped));
    ensure!(
        unlisted.is_empty(),
        "docs/observability.md lacks {unlisted}"
    );
    ensure!(
        absent.is_empty(),
        "docs/observability.md lists {absent}, which no scrape shows"
    );
    Ok(())
}

fn names() -> Result<()> {
    let page = page()?;
    for (place, query) in queries::all()? {
        for selector in queries::selectors(&query) {
            let name = selector.split('{').next().unwrap_or_default();
            let plain = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let known = name == "up"
                || page.contains(name)
                || plain.is_some_and(|name| page.contains(name));
            ensure!(
                known,
                "{place}: {name} is not listed in docs/observability.md"
            );
        }
    }
    Ok(())
}

/// A field of JSON as text.
fn field<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    value[name]
        .as_str()
        .with_context(|| format!("no `{name}` in {value}"))
}
