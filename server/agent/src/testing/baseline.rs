//! Baseline: the tests of the files without the patch. It is asked for only where the tests are red with it or may have
//! become fewer, and once for equal files and an equal command; twice where a patch passes for what it says.

use super::attempt::attempt;
use super::standing::Baseline;
use crate::command::off_thread;
use crate::task::{End, Task};
use protocol::{Level, Update};
use sandbox::{Kind, Tree};
use std::time::Duration;
use workspace::{Draft, Scratch};

/// Where answers are kept, in the state folder.
const FOLDER: &str = "baselines";
/// Answers that are kept.
const KEPT: usize = 64;
/// How long an answer holds: toolchains and the system's own packages are not among the files that it is for.
const HOLDS: Duration = Duration::from_secs(30 * 60);

/// Why the tests without the patch are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// They are red with it.
    Red,
    /// They are green with it, but it may have kept some from running.
    Fewer,
}

/// An answer and where it is kept.
pub struct Known {
    /// What the tests said.
    pub baseline: Baseline,
    path: String,
}

/// What the tests say of the files that the draft is over; `None` where they cannot run to an end there.
///
/// # Errors
/// An end: cancelled, or a sandbox that cannot confine it.
pub async fn baseline(
    task: &Task,
    draft: &Draft,
    command: &str,
    why: Why,
) -> Result<Option<Known>, End> {
    let Some(scratch) = tree(task, draft).await? else {
        return Ok(None);
    };
    let name = blake3::hash(format!("{}\0{command}", scratch.hash()).as_bytes()).to_hex();
    let path = format!("{FOLDER}/{}.json", &name[..32]);
    let state = &task.shared.state;
    let written = state.stat(&path).ok().flatten().map(|stat| stat.modified);
    let is_young = written.is_some_and(|time| time.elapsed().is_ok_and(|age| age < HOLDS));
    let kept = state.read(&path).ok().filter(|_| is_young);
    if let Some(baseline) = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
        return Ok(Some(Known { baseline, path }));
    }
    notice(
        task,
        match why {
            Why::Red => {
                "the tests are red: running them without the patch as well, to see which failures are its own"
            }
            Why::Fewer => {
                "the tests are green: running them without the patch as well, to see whether it left some out"
            }
        },
    );
    let baseline = ask(task, &scratch, command).await?;
    Ok(baseline.map(|baseline| {
        keep(state, &path, &baseline);
        Known { baseline, path }
    }))
}

/// Runs them once more: what failed by chance did not fail before the patch.
///
/// # Errors
/// As [`baseline`].
pub async fn once_more(
    task: &Task,
    draft: &Draft,
    command: &str,
    known: Option<Known>,
) -> Result<Option<Known>, End> {
    let Some(known) = known else {
        return Ok(None);
    };
    let Some(scratch) = tree(task, draft).await? else {
        return Ok(None);
    };
    notice(
        task,
        "what fails failed before as well: making sure by a second run without the patch",
    );
    let more = ask(task, &scratch, command).await?;
    Ok(more.map(|more| {
        let baseline = known.baseline.and(more);
        keep(&task.shared.state, &known.path, &baseline);
        Known {
            baseline,
            path: known.path,
        }
    }))
}

fn notice(task: &Task, message: &str) {
    task.emit(Update::Notice {
        level: Level::Info,
        message: message.into(),
        hint: None,
    });
}

async fn tree(task: &Task, draft: &Draft) -> Result<Option<Scratch>, End> {
    let (state, snapshot) = (task.shared.state.clone(), draft.snapshot().clone());
    let made = off_thread(task, move || Scratch::unpatched(&state, &snapshot));
    match made.await {
        Ok(scratch) => Ok(Some(scratch)),
        Err(failure) if failure.code == protocol::Code::Cancelled => Err(End::cancelled()),
        Err(failure) => {
            tracing::warn!(%failure, "no tree for the tests without the patch");
            Ok(None)
        }
    }
}

async fn ask(task: &Task, scratch: &Scratch, command: &str) -> Result<Option<Baseline>, End> {
    let run = match attempt(task, scratch, command).await? {
        Ok(run) => run,
        Err(failure) => {
            tracing::info!(%failure, "the tests cannot run without the patch");
            return Ok(None);
        }
    };
    let sandbox::End::Exit(code) = run.end else {
        return Ok(None);
    };
    Ok(Some(Baseline::of(&run.reading, run.reach, code)))
}

/// Keeps an answer and forgets the oldest; without it the tests only run again.
fn keep(state: &Tree, path: &str, known: &Baseline) {
    let written = serde_json::to_vec(known)
        .map_err(std::io::Error::from)
        .and_then(|json| state.write(path, &json, Some(0o600)));
    if let Err(error) = written {
        tracing::warn!(%error, "the baseline of the tests is not kept");
        return;
    }
    let entries = state.entries(FOLDER).unwrap_or_default();
    let files = entries.into_iter().filter(|(_, kind)| *kind == Kind::File);
    let mut dated: Vec<_> = files
        .filter_map(|(name, _)| {
            let place = format!("{FOLDER}/{name}");
            let stat = state.stat(&place).ok()??;
            Some((stat.modified, place))
        })
        .collect();
    dated.sort();
    for (_, place) in dated.iter().rev().skip(KEPT) {
        if let Err(error) = state.remove(place) {
            tracing::debug!(%error, "an old baseline stays");
        }
    }
}
