//! Explain: whose the failures of a run are, by the same tests without the patch. Where none is the patch's own or what the task asks
//! for, and nothing is in doubt, the patch passed.

use super::attempt::Attempt;
use super::baseline::{Known, Why, baseline, once_more};
use super::lost::Changed;
use super::run::{changed_sources, exit_code, fill, left_out, once, refuse};
use super::standing::{self, Baseline, Compared, Patch};
use super::wanted;
use crate::task::{End, Task};
use protocol::{Standing, TestReport, TestVerdict};
use workspace::{Draft, Scratch};

/// Further runs that a failing test has to pass to be flaky.
const FURTHER: usize = 2;

/// A run that is to be explained, in its tree.
pub struct Trial {
    /// Where it ran.
    pub scratch: Scratch,
    /// What came out.
    pub ran: Attempt,
}

/// Fills in whose the failures are, and the verdict. The tree is given back where it was not needed for further runs.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine it.
pub async fn explain(
    task: &Task,
    draft: &Draft,
    trial: Trial,
    why: Why,
    report: &mut TestReport,
) -> Result<Option<Scratch>, End> {
    let Trial { scratch, ran } = trial;
    let tampered = changed_sources(&scratch);
    let mut scratch = Some(scratch);
    let takes_out = |name: &str| wanted::takes_out(&task.request, name);
    let patch = Patch {
        files: Changed::all(draft),
        takes_out: &takes_out,
    };
    let mut known = baseline(task, draft, &report.command, why).await?;
    let mut further: Vec<Attempt> = Vec::new();
    let mut compared = weigh(&ran, known.as_ref(), &further, &patch);
    let hangs_on = |compared: &Compared, known: &Option<Known>| {
        let counts = compared.counts();
        let is_sure = known.as_ref().is_none_or(|known| known.baseline.is_sure());
        counts.introduced == 0 && counts.pre_existing > 0 && !is_sure
    };
    // What lets the patch pass is asked for twice.
    if hangs_on(&compared, &known) {
        known = once_more(task, draft, &report.command, known).await?;
        compared = weigh(&ran, known.as_ref(), &further, &patch);
    }
    // Only what the patch would be blamed for is worth the time of more runs.
    if compared.counts().introduced > 0 && ran.reading.build.is_none() {
        drop(scratch.take());
        further = again(task, draft, report, &compared).await?;
        compared = weigh(&ran, known.as_ref(), &further, &patch);
    }
    if hangs_on(&compared, &known) {
        known = once_more(task, draft, &report.command, known).await?;
        compared = weigh(&ran, known.as_ref(), &further, &patch);
    }
    let last = further.last().unwrap_or(&ran);
    fill(draft, last, &compared, report);
    let doubt = doubt(
        task,
        draft,
        report,
        last,
        known.as_ref().map(|known| &known.baseline),
    );
    let blamed = report
        .failures
        .iter()
        .any(|failure| match failure.standing {
            Standing::Introduced => true,
            Standing::PreExisting => wanted::asks_for(&task.request, failure),
            Standing::Flaky | Standing::Fixed => false,
        });
    report.verdict = TestVerdict::Failed;
    match (blamed, doubt, tampered) {
        (false, None, None) => report.verdict = TestVerdict::Passed,
        (false, None, Some(why)) => refuse(report, &why),
        (false, Some(why), _) => report.output.push_str(&format!("\n[{why}]")),
        (true, ..) => {}
    }
    Ok(scratch)
}

fn weigh(ran: &Attempt, known: Option<&Known>, further: &[Attempt], patch: &Patch<'_>) -> Compared {
    let baseline = known.map(|known| &known.baseline);
    let mut compared = standing::compare(&ran.reading, baseline, patch);
    if further.len() == FURTHER {
        let readings: Vec<_> = further.iter().map(|run| &run.reading).collect();
        compared.settle_flaky(&readings);
    }
    compared
}

/// The same files tested again, each time without what an earlier run built; as long as that can make a difference.
async fn again(
    task: &Task,
    draft: &Draft,
    report: &TestReport,
    compared: &Compared,
) -> Result<Vec<Attempt>, End> {
    let mut further = Vec::new();
    while further.len() < FURTHER {
        let Some((scratch, run)) = once(task, draft, &mut report.clone()).await? else {
            return Ok(Vec::new());
        };
        let mut hoped = compared.clone();
        hoped.settle_flaky(&[&run.reading]);
        // A run that wrote over sources shows nothing.
        if changed_sources(&scratch).is_some() || hoped.counts().flaky == 0 {
            return Ok(Vec::new());
        }
        further.push(run);
    }
    Ok(further)
}

fn doubt(
    task: &Task,
    draft: &Draft,
    report: &TestReport,
    last: &Attempt,
    baseline: Option<&Baseline>,
) -> Option<String> {
    let code = exit_code(last);
    let is_green = code == Some(0) && !standing::is_red(&last.reading);
    let Some(baseline) = baseline else {
        return (!is_green).then(|| "the tests do not run without the patch".to_owned());
    };
    let why = standing::doubt(&last.reading, baseline, code);
    let why = why.filter(|why| *why != standing::FEWER || !wanted::takes_out_tests(&task.request));
    why.or_else(|| match is_green {
        true => None,
        false => left_out(task, draft, &report.command, &last.text),
    })
    .map(str::to_owned)
}
