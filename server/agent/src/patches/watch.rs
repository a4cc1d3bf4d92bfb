//! Watch: decisions that another process made. Two windows on one workspace share the state folder, and each looks there.

use super::Patches;
use crate::{Agent, Signal};
use protocol::{PatchId, PatchView};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use workspace::Hash;

/// How often the folder is looked at: one `stat`.
const LOOK: Duration = Duration::from_millis(500);
/// How long after a change the folder's time may not tell of the next one.
const GRAIN: Duration = Duration::from_secs(2);

/// What was there at the last look.
#[derive(Debug, Default)]
pub(super) struct Seen {
    changed: Option<SystemTime>,
    marks: Option<BTreeMap<String, Hash>>,
}

impl Patches {
    /// The patches that are not as they were at the last look; nothing at the first.
    pub(super) fn look(&self, seen: &mut Seen) -> Vec<PatchView> {
        let changed = self.lineage.changed();
        let quiet = changed
            .and_then(|at| at.elapsed().ok())
            .is_some_and(|ago| ago > GRAIN);
        if seen.marks.is_some() && changed == seen.changed && (quiet || changed.is_none()) {
            return Vec::new();
        }
        seen.changed = changed;
        let marks = self.lineage.marks().unwrap_or_default();
        let Some(before) = seen.marks.replace(marks.clone()) else {
            return Vec::new();
        };
        marks
            .into_iter()
            .filter(|(id, mark)| before.get(id) != Some(mark))
            .filter_map(|(id, _)| self.get(&PatchId::from(id)).ok())
            .collect()
    }
}

impl Agent {
    /// Tells of decisions that other processes make, for as long as it is awaited. Those of this process are told twice: the
    /// newest view of a patch is the one that counts.
    pub async fn watch(&self) {
        let mut seen = Seen::default();
        loop {
            let shared = self.shared.clone();
            let look = tokio::task::spawn_blocking(move || {
                let views = shared.patches.look(&mut seen);
                (views, seen)
            });
            let Ok((views, after)) = look.await else {
                return;
            };
            seen = after;
            for view in views {
                self.say(Signal::Patch(view));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
