//! Patches: how many took which state. A state is counted once for each time that a patch comes into it, whoever decided.

use super::counter;
use prometheus::{IntCounterVec, Registry};
use protocol::{Event, PatchId, PatchState, TaskId, Update};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Patches whose state is remembered; older ones count again when they change.
const KEPT: usize = 1024;

/// The counter of patches.
pub struct Patches {
    states: IntCounterVec,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    state: HashMap<PatchId, PatchState>,
    order: VecDeque<PatchId>,
    of: HashMap<TaskId, PatchId>,
}

impl Patches {
    pub fn new(registry: &Registry) -> Patches {
        let states = counter(
            registry,
            "animus_patches_total",
            "Patches that came into a state.",
            &["state"],
        );
        for state in [
            PatchState::Proposed,
            PatchState::Landed,
            PatchState::Refused,
            PatchState::Undone,
        ] {
            states.with_label_values(&[word(state)]);
        }
        Patches {
            states,
            seen: Mutex::default(),
        }
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        match &event.update {
            Update::Patch { patch } => {
                self.is(&patch.id, patch.state);
                let mut seen = self.seen();
                seen.of.insert(event.task.clone(), patch.id.clone());
            }
            Update::PatchState { state, .. } => {
                let of = self.seen().of.get(&event.task).cloned();
                if let Some(patch) = of {
                    self.is(&patch, *state);
                }
            }
            Update::Finished { .. } => drop(self.seen().of.remove(&event.task)),
            _ => {}
        }
    }

    /// A patch is in this state now.
    pub fn is(&self, patch: &PatchId, state: PatchState) {
        let mut seen = self.seen();
        match seen.state.insert(patch.clone(), state) {
            Some(before) if before == state => return,
            Some(_) => {}
            None => seen.order.push_back(patch.clone()),
        }
        if seen.order.len() > KEPT
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.state.remove(&oldest);
        }
        self.states.with_label_values(&[word(state)]).inc();
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn word(state: PatchState) -> &'static str {
    match state {
        PatchState::Proposed => "proposed",
        PatchState::Landed => "landed",
        PatchState::Refused => "refused",
        PatchState::Undone => "undone",
    }
}
