//! Land: a draft brought into the user's files (W5): rebased onto what stands there now, or exactly as it is; either way the host
//! gets it whole.

use super::Draft;
use crate::change::ChangeSet;
use crate::error::Error;
use crate::host::{Host, LandError, Landed};
use crate::merge::Tie;
use crate::rebase::{RebaseError, rebase};

/// How often a rebase is tried again when the user types meanwhile.
const TRIES: usize = 5;

impl Draft {
    /// Brings the draft into the user's files. Edits that the user made since the snapshot stay: each file is merged with
    /// them, and where both touch the same lines nothing is written. The draft itself stays as it is.
    ///
    /// # Errors
    /// [`LandError::Conflict`], [`LandError::Stale`] where the files changed five times in a row, or what the host says.
    pub async fn land(&self, host: &dyn Host, label: &str) -> Result<Landed, LandError> {
        land(&self.change_set(), host, label, Tie::Conflict).await
    }

    /// Brings the draft into the user's files as it is, or not at all (W5): handed to the host once, without a rebase, so that
    /// what lands is the text that tests have passed on. An empty draft lands nothing and asks nobody.
    ///
    /// # Errors
    /// [`LandError::Stale`] where a file is no longer as the draft's snapshot has it: [`Draft::rebase`] and test again; or what
    /// the host says.
    pub async fn land_exact(&self, host: &dyn Host, label: &str) -> Result<Landed, LandError> {
        let change = self.change_set();
        match change.is_empty() {
            true => Ok(Landed {
                paths: Vec::new(),
                change,
            }),
            false => host.land(&change, label).await,
        }
    }
}

impl ChangeSet {
    /// As [`Draft::land`], for a change that a person decided on (an undo, some hunks of a proposal): where the person wrote
    /// something at the very place of an insertion, both stay, the person's first.
    ///
    /// # Errors
    /// As [`Draft::land`].
    pub async fn land(&self, host: &dyn Host, label: &str) -> Result<Landed, LandError> {
        land(self, host, label, Tie::TheirsFirst).await
    }

    /// What of the change the files do not have yet; `None` where it does not merge with what they have.
    ///
    /// # Errors
    /// [`Error::Io`] and others, where a file cannot be read.
    pub fn rest(&self, host: &dyn Host) -> Result<Option<ChangeSet>, Error> {
        match rebase(self, host, Tie::TheirsFirst) {
            Ok(rest) => Ok(Some(rest)),
            Err(RebaseError::Conflict { .. }) => Ok(None),
            Err(RebaseError::Read(error)) => Err(error),
        }
    }

    /// The change with the texts that stand in the files now as its bases. Files that have it already are left out.
    ///
    /// # Errors
    /// [`LandError::Conflict`] where both sides touch the same lines, [`LandError::Io`] where a file cannot be read.
    pub fn rebased(&self, host: &dyn Host) -> Result<ChangeSet, LandError> {
        rebase(self, host, Tie::Conflict).map_err(of_rebase)
    }
}

async fn land(
    change: &ChangeSet,
    host: &dyn Host,
    label: &str,
    tie: Tie,
) -> Result<Landed, LandError> {
    let mut stale = Vec::new();
    for _ in 0..TRIES {
        let moved = rebase(change, host, tie).map_err(of_rebase)?;
        if moved.is_empty() {
            return Ok(Landed {
                paths: Vec::new(),
                change: moved,
            });
        }
        match host.land(&moved, label).await {
            Err(LandError::Stale { paths }) => stale = paths,
            done => return done,
        }
    }
    Err(LandError::Stale { paths: stale })
}

fn of_rebase(error: RebaseError) -> LandError {
    match error {
        RebaseError::Conflict { paths, details } => LandError::Conflict { paths, details },
        RebaseError::Read(error) => LandError::Io(error.to_string()),
    }
}
