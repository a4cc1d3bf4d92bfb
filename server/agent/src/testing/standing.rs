//! Standing: what a patch has to do with each failing test, by comparing what the tests said with it and without it. Where that
//! cannot be told, the patch is to blame.

use super::attempt::Reach;
use super::lost::{Changed, How, lost};
use super::report::{Case, Extent, Outcome, Reading};
use protocol::{Standing, Standings};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What the tests said without the patch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Exit code of the command.
    pub exit_code: i32,
    /// The failing tests.
    failing: Vec<Known>,
    /// Names of the tests that passed, where the runner says them.
    passing: Vec<String>,
    /// Tests that passed, by the runner's count.
    passed: Option<u32>,
    /// Tests that ran, by the runner's count.
    ran: Option<u32>,
    /// Whether it went to its end.
    whole: bool,
    /// Whether the build broke.
    broken: bool,
    /// Whether a runner began and did not come to its end.
    is_short: bool,
    /// Runs that this is of.
    runs: u32,
}

/// A failing test of the baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    suite: Option<String>,
    name: String,
    path: Option<String>,
}

/// What the patch and its task have to do with tests that are gone.
pub struct Patch<'a> {
    /// The changed files.
    pub files: Vec<Changed>,
    /// Whether the task asks to take out a test of this name.
    pub takes_out: &'a (dyn Fn(&str) -> bool + Sync),
}

/// All failing tests of a run with their standing, and the tests that the patch fixed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The introduced ones first.
    pub failing: Vec<(Case, Standing)>,
    /// Names.
    pub fixed: Vec<String>,
}

impl Baseline {
    /// What a run without the patch says.
    pub fn of(reading: &Reading, reach: Reach, exit_code: i32) -> Baseline {
        let named = |outcome| {
            reading
                .cases
                .iter()
                .filter(move |case| case.outcome == outcome)
        };
        Baseline {
            exit_code,
            failing: reading.failing().map(Known::of).collect(),
            passing: named(Outcome::Passed)
                .map(|case| case.name.clone())
                .collect(),
            passed: reading.passed,
            ran: ran(reading),
            whole: reading.extent == Extent::Whole,
            broken: reading.build.is_some(),
            is_short: reach == Reach::Short,
            runs: 1,
        }
    }

    /// Whether what looks as if it broke off looks so without the patch as well.
    pub fn is_short(&self) -> bool {
        self.is_short
    }

    /// Whether it knows of a test that passed.
    pub fn has_passing(&self) -> bool {
        self.passed > Some(0) || !self.passing.is_empty()
    }

    /// Whether a failure in it failed more than once.
    pub fn is_sure(&self) -> bool {
        self.runs > 1
    }

    /// What two runs say together: failing is what failed in both.
    pub fn and(self, mut other: Baseline) -> Baseline {
        let mut failing = Vec::new();
        for known in self.failing {
            let is_same = |other: &Known| other.suite == known.suite && other.name == known.name;
            if let Some(at) = other.failing.iter().position(is_same) {
                other.failing.swap_remove(at);
                failing.push(known);
            }
        }
        let missing = |name: &String| !other.passing.contains(name);
        let more: Vec<String> = match other.passing.len() {
            0 => self.passing,
            _ => self.passing.into_iter().filter(missing).collect(),
        };
        other.passing.extend(more);
        Baseline {
            failing,
            passed: self.passed.max(other.passed),
            ran: self.ran.max(other.ran),
            whole: self.whole && other.whole,
            broken: self.broken && other.broken,
            is_short: self.is_short && other.is_short,
            runs: self.runs.saturating_add(other.runs),
            ..other
        }
    }
}

impl Known {
    fn of(case: &Case) -> Known {
        Known {
            suite: case.suite.clone(),
            name: case.name.clone(),
            path: case.place.as_ref().map(|place| place.path.clone()),
        }
    }
}

impl Compared {
    /// The failing tests of one standing.
    pub fn of(&self, standing: Standing) -> impl Iterator<Item = &Case> {
        let own = self
            .failing
            .iter()
            .filter(move |(_, other)| *other == standing);
        own.map(|(case, _)| case)
    }

    /// How many there are of each.
    pub fn counts(&self) -> Standings {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Standings {
            introduced: count(self.of(Standing::Introduced).count()),
            pre_existing: count(self.of(Standing::PreExisting).count()),
            flaky: count(self.of(Standing::Flaky).count()),
            fixed: count(self.fixed.len()),
        }
    }

    /// Introduced failures that did not fail in any of the further runs of the same files are flaky.
    pub fn settle_flaky(&mut self, further: &[&Reading]) {
        let mut settled = self.clone();
        for (number, again) in further.iter().enumerate() {
            let mut one = self.clone();
            one.settle_one(again);
            for (at, (_, standing)) in one.failing.into_iter().enumerate() {
                let stays = number > 0 && settled.failing[at].1 != Standing::Flaky;
                settled.failing[at].1 = if stays { self.failing[at].1 } else { standing };
            }
        }
        *self = settled;
    }

    fn settle_one(&mut self, again: &Reading) {
        if again.extent == Extent::Cut || again.build.is_some() {
            return;
        }
        let key = |case: &Case| (case.suite.clone(), case.name.clone());
        let failing: HashSet<_> = again.failing().map(key).collect();
        let known: HashSet<_> = self.failing.iter().map(|(case, _)| key(case)).collect();
        // Names that change from run to run would all look like tests that pass the second time.
        if !failing.is_subset(&known) {
            return;
        }
        // A test that is missing the second time was not shown to pass.
        let passed: HashSet<&str> = again
            .cases
            .iter()
            .filter(|case| case.outcome == Outcome::Passed)
            .map(|case| case.name.as_str())
            .collect();
        for (case, standing) in &mut self.failing {
            // Where no test passes, none is shown to; where some do without a name, this may be one of them.
            let is_unnamed = passed.is_empty() && again.passed > Some(0);
            let runs_clean = is_unnamed || passed.contains(case.name.as_str());
            if *standing == Standing::Introduced && !failing.contains(&key(case)) && runs_clean {
                *standing = Standing::Flaky;
            }
        }
    }
}

/// Compares a run with the baseline; without one all its failures are introduced.
pub fn compare(reading: &Reading, baseline: Option<&Baseline>, patch: &Patch<'_>) -> Compared {
    let mut left: HashMap<(Option<&str>, &str), Vec<Option<&str>>> = HashMap::new();
    for known in baseline.iter().flat_map(|baseline| &baseline.failing) {
        let key = (known.suite.as_deref(), stable(&known.name));
        left.entry(key).or_default().push(known.path.as_deref());
    }
    let mut compared = Compared::default();
    if let Some(build) = &reading.build {
        let standing = match baseline {
            Some(baseline) if baseline.broken => Standing::PreExisting,
            _ => Standing::Introduced,
        };
        compared.failing.push((build.clone(), standing));
    }
    for case in reading.failing() {
        let known = left.get_mut(&(case.suite.as_deref(), stable(&case.name)));
        let standing = match known.and_then(|paths| take(paths, case)) {
            Some(()) => Standing::PreExisting,
            None => Standing::Introduced,
        };
        compared.failing.push((case.clone(), standing));
    }
    let Some(baseline) = baseline else {
        return compared;
    };
    let named = |outcome: Outcome| -> HashSet<&str> {
        let own = reading.cases.iter().filter(|case| case.outcome == outcome);
        own.map(|case| stable(&case.name)).collect()
    };
    let (passed, failed) = (named(Outcome::Passed), named(Outcome::Failed));
    let ran_well = reading.build.is_none() && reading.extent == Extent::Whole;
    for known in &baseline.failing {
        let name = stable(&known.name);
        let is_unnamed = passed.is_empty() && baseline.passing.is_empty();
        if ran_well && !failed.contains(name) && (is_unnamed || passed.contains(name)) {
            compared.fixed.push(known.name.clone());
        }
    }
    // Where tests pass that the run does not name, the counts are compared.
    if reading.build.is_none() && (!passed.is_empty() || reading.passed == Some(0)) {
        let failing = baseline.failing.iter().map(|known| known.name.as_str());
        for (name, how) in lost(reading, &baseline.passing, failing, &patch.files) {
            if (patch.takes_out)(name) {
                continue;
            }
            let mut case = Case::new(name, Outcome::Failed);
            let what = match how {
                How::Gone => "does not run",
                How::Skipped => "is skipped",
            };
            case.message = Some(format!("it passed without the patch, and {what} with it"));
            compared.failing.push((case, Standing::Introduced));
        }
    }
    compared.failing.sort_by_key(|(_, standing)| *standing);
    compared
}

/// Why a run still does not let the patch pass, although nothing in it is introduced; `None` where it does.
pub fn doubt(
    reading: &Reading,
    baseline: &Baseline,
    exit_code: Option<i32>,
) -> Option<&'static str> {
    if exit_code != Some(0) || is_red(reading) {
        if reading.build.is_some() {
            return Some("the project does not build, so the tests say nothing");
        }
        if reading.extent == Extent::Cut || !baseline.whole {
            return Some("the run broke off or names not all of its failures");
        }
        if reading.passed.unwrap_or(0) == 0 {
            return Some("no test passes, so the tests say nothing about the patch");
        }
        let failed = reading.failed.and_then(|failed| i32::try_from(failed).ok());
        // Some runners say with their code how many tests failed.
        if exit_code != Some(baseline.exit_code) && exit_code != failed {
            return Some("the command ended with another code than without the patch");
        }
    }
    let is_named = |names: usize| names > 0;
    let now = reading.cases.iter();
    let now = now.filter(|case| case.outcome == Outcome::Passed).count();
    if is_named(now) && is_named(baseline.passing.len()) {
        return None;
    }
    match (ran(reading), baseline.ran) {
        (Some(now), Some(before)) if now < before => Some(FEWER),
        // A script that names failures only says nothing where there are none.
        (None, _) if !is_named(now) && baseline.has_passing() => Some(FEWER),
        _ => None,
    }
}

/// Said where tests are missing that have no names.
pub const FEWER: &str = "fewer tests ran than without the patch";

/// Whether a run says that something is wrong, whatever its exit code.
pub fn is_red(reading: &Reading) -> bool {
    reading.build.is_some()
        || reading.failed.is_some_and(|failed| failed > 0)
        || reading.failing().next().is_some()
}

/// The name as far as a patch that moves lines leaves it: rustdoc names its tests by their lines.
pub fn stable(name: &str) -> &str {
    let line = name
        .strip_suffix(')')
        .and_then(|name| name.rsplit_once(" (line "));
    match line {
        Some((head, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => head,
        _ => name,
    }
}

/// Takes one of the known failures of a name. Where no suite tells tests of equal names apart, the file must be the same.
fn take(paths: &mut Vec<Option<&str>>, case: &Case) -> Option<()> {
    let path = case.place.as_ref().map(|place| place.path.as_str());
    let fits = |known: &Option<&str>| *known == path || known.is_none() || path.is_none();
    let same = paths.iter().position(|known| *known == path);
    let other = paths
        .iter()
        .position(|known| case.suite.is_some() || fits(known));
    paths.swap_remove(same.or(other)?);
    Some(())
}

fn ran(reading: &Reading) -> Option<u32> {
    let passed = reading.passed?;
    Some(passed.saturating_add(reading.failed.unwrap_or(0)))
}

#[cfg(test)]
mod tests;
