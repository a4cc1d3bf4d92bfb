//! `Run`: what the calls of one run share: its account, its allowance of expensive calls, and who refused the key or the quota.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use parking_lot::Mutex;

use super::choice::Candidate;
use crate::{Error, Role, budget::Account};

/// One run's.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) account: Arc<Account>,
    expensive: Option<Allowance>,
    /// Labels, asked last from now on.
    benched: Mutex<BTreeSet<String>>,
    /// Whose answer broke off behind a piece that was shown: asked last the next time, once.
    stumbled: Mutex<Option<String>>,
    /// Tokens that the conversation of a role must shrink to, since nobody else answers.
    rooms: Mutex<BTreeMap<Role, u64>>,
}

#[derive(Debug)]
struct Allowance {
    limit: u32,
    left: AtomicU32,
}

impl Run {
    pub(super) fn new(account: Account, max_expensive: Option<u32>) -> Run {
        Run {
            account: Arc::new(account),
            expensive: max_expensive.map(|limit| Allowance {
                limit,
                left: AtomicU32::new(limit),
            }),
            benched: Mutex::default(),
            stumbled: Mutex::default(),
            rooms: Mutex::default(),
        }
    }

    /// The candidates as they came, those that refused before behind the others.
    pub(super) fn order(&self, candidates: Vec<Candidate>) -> Vec<Candidate> {
        let benched = self.benched.lock();
        let stumbled = self.stumbled.lock().clone();
        let is_benched = |candidate: &Candidate| {
            let label = candidate.label();
            benched.contains(&label) || stumbled.as_ref() == Some(&label)
        };
        let (last, mut first): (Vec<_>, Vec<_>) = candidates.into_iter().partition(is_benched);
        first.extend(last);
        first
    }

    /// The call for whose order it counted has begun.
    pub(super) fn rise(&self) {
        *self.stumbled.lock() = None;
    }

    /// For a failure behind a piece that was shown, where no other candidate may take over in the same call.
    pub(super) fn stumble(&self, label: &str) {
        *self.stumbled.lock() = Some(label.to_owned());
    }

    /// For a failure that the next call of this run would meet again.
    pub(super) fn bench(&self, label: &str, error: &Error) {
        if matches!(error, Error::Auth { .. } | Error::Quota { .. }) {
            self.benched.lock().insert(label.to_owned());
        }
    }

    /// Only models with a context of at most so many tokens are left for a role.
    pub(super) fn squeeze(&self, role: Role, context: u64) {
        self.rooms.lock().insert(role, context);
    }

    /// A model with this context, unknown where absent, answered: if it is a larger one, the smaller need not be thought of.
    pub(super) fn fits(&self, role: Role, context: Option<u64>) {
        let mut rooms = self.rooms.lock();
        if let Some(room) = rooms.get(&role)
            && context.is_none_or(|context| context > *room)
        {
            rooms.remove(&role);
        }
    }

    /// What was said by [`Run::squeeze`] and still holds.
    pub(super) fn room(&self, role: Role) -> Option<u64> {
        self.rooms.lock().get(&role).copied()
    }

    /// Takes one of the expensive calls, where the candidate is expensive.
    pub(super) fn take(&self, candidate: &Candidate) -> Result<(), Error> {
        let Some(allowance) = self
            .expensive
            .as_ref()
            .filter(|_| candidate.model.expensive)
        else {
            return Ok(());
        };
        let less = |left: u32| left.checked_sub(1);
        let taken = allowance
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        let limit = allowance.limit;
        taken.map(drop).map_err(|_| Error::Expensive { limit })
    }

    /// A person gave so many more.
    pub(super) fn allow_expensive(&self, calls: u32) {
        if let Some(allowance) = &self.expensive {
            let more = |left: u32| Some(left.saturating_add(calls));
            let _ = allowance
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        }
    }

    /// For a call that the server did not work on.
    pub(super) fn give_back(&self, candidate: &Candidate) {
        if let Some(allowance) = self
            .expensive
            .as_ref()
            .filter(|_| candidate.model.expensive)
        {
            allowance.left.fetch_add(1, Ordering::SeqCst);
        }
    }
}
