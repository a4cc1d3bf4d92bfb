//! Retention: old sessions go, whole, once they are older than the bound or all together larger than it. A session that somebody
//! works on, or that was cut off with changes in its draft, stays whatever its age.

use super::{FOLDER, delete, sessions};
use crate::config::HistoryConfig;
use crate::session::Past;
use protocol::SessionId;
use sandbox::Tree;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_hours(24);

/// Deletes what is beyond the bounds; returns what it deleted, oldest first.
pub(crate) fn retain(state: &Tree, bounds: &HistoryConfig) -> Vec<SessionId> {
    let oldest = match bounds.days {
        0 => None,
        days => SystemTime::now().checked_sub(DAY.saturating_mul(days)),
    };
    let most = match bounds.max_mb {
        0 => u64::MAX,
        mb => mb.saturating_mul(1024 * 1024),
    };
    sweep(state, oldest, most)
}

/// Deletes what nobody worked on for so long.
pub(crate) fn delete_older(state: &Tree, older: Duration) -> Vec<SessionId> {
    sweep(state, SystemTime::now().checked_sub(older), u64::MAX)
}

/// Deletes what was last changed before `oldest`, and the oldest of the others until all have at most `most` bytes.
fn sweep(state: &Tree, oldest: Option<SystemTime>, most: u64) -> Vec<SessionId> {
    let mut all = measured(state);
    all.sort_by_key(|one| one.changed);
    let mut bytes: u64 = all.iter().map(|one| one.bytes).sum();
    let mut gone = Vec::new();
    for one in all {
        let is_old = oldest.is_some_and(|oldest| one.changed < oldest);
        if !is_old && bytes <= most {
            continue;
        }
        if is_open(state, &one.id) {
            continue;
        }
        match delete(state, &one.id) {
            Ok(()) => {
                bytes -= one.bytes;
                gone.push(one.id);
            }
            Err(failure) => tracing::debug!(session = %one.id, %failure, "this session stays"),
        }
    }
    gone
}

struct Measured {
    id: SessionId,
    changed: SystemTime,
    bytes: u64,
}

fn measured(state: &Tree) -> Vec<Measured> {
    let size = |path: String| state.stat(&path).ok().flatten();
    let one = |id: SessionId| {
        let stat = size(format!("{FOLDER}/{id}.ndjson"))?;
        let torn = size(format!("{FOLDER}/{id}.torn")).map_or(0, |stat| stat.len);
        Some(Measured {
            changed: stat.modified,
            bytes: stat.len + torn,
            id,
        })
    };
    sessions(state).into_iter().filter_map(one).collect()
}

/// Whether it has changes that nobody has seen land, or no event: then it may be a file of somebody else.
fn is_open(state: &Tree, session: &SessionId) -> bool {
    match Past::load(state, session) {
        Ok(past) if past.events.is_empty() => true,
        Ok(past) => past.unfinished().is_some() && !past.draft().is_empty(),
        // What cannot be read is not thrown away.
        Err(_) => true,
    }
}
