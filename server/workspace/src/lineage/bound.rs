//! Bound: how much a lineage may keep. What is over goes oldest first: what was refused or undone before what is in the files. A
//! patch that waits for a decision, and the one that landed last, are never let go of.

use super::{FOLDER, Lineage, NodeState};
use crate::content::Hash;
use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// The most that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Bytes in the state folder, texts and records together.
    pub bytes: u64,
    /// Patches.
    pub patches: usize,
}

impl Default for Bound {
    /// 256 MiB and 1000 patches.
    fn default() -> Bound {
        Bound {
            bytes: 256 * 1024 * 1024,
            patches: 1000,
        }
    }
}

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Usage {
    /// Patches.
    pub patches: usize,
    /// Different texts of files.
    pub texts: usize,
    /// Bytes of both in the state folder.
    pub bytes: u64,
}

/// How long one writer waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

impl Lineage {
    /// What is kept now.
    ///
    /// # Errors
    /// [`Error::Io`] where the state folder cannot be read.
    pub fn usage(&self) -> Result<Usage, Error> {
        let texts = self.store.all()?;
        let ids = self.ids()?;
        let mut bytes: u64 = texts.iter().map(|(_, len)| len).sum();
        for id in &ids {
            let stat = self.tree.stat(&format!("{FOLDER}/{id}.json"));
            bytes += stat.ok().flatten().map_or(0, |stat| stat.len);
        }
        Ok(Usage {
            patches: ids.len(),
            texts: texts.len(),
            bytes,
        })
    }

    /// Lets go of what is over the bound, and of what a killed process left half written; gives back the ids.
    ///
    /// # Errors
    /// As [`Lineage::drop`].
    pub fn prune(&self, bound: Bound) -> Result<Vec<String>, Error> {
        self.store.clean()?;
        let mut gone = Vec::new();
        let over = |usage: Usage| usage.bytes > bound.bytes || usage.patches > bound.patches;
        if !over(self.usage()?) {
            return Ok(gone);
        }
        let mut heads = self.heads()?;
        // The last landing can always be undone, whatever else is kept.
        let in_files = heads.iter().filter(|head| head.state == NodeState::Landed);
        let newest = in_files.max_by_key(|head| (&head.landed, &head.id));
        let newest = newest.map(|head| head.id.clone());
        heads.retain(|head| {
            let settled = head.state != NodeState::Proposed && !head.unsettled;
            settled && newest.as_ref() != Some(&head.id)
        });
        heads.sort_by_key(|head| {
            let in_files = head.state != NodeState::Refused && head.state != NodeState::Undone;
            let since = head.landed.clone().unwrap_or_else(|| head.created.clone());
            (in_files, since)
        });
        for head in heads {
            if !over(self.usage()?) {
                break;
            }
            self.drop(&head.id)?;
            gone.push(head.id);
        }
        Ok(gone)
    }

    /// Removes the texts that no patch has.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        self.alone(|| {
            let mut needed: BTreeSet<Hash> = BTreeSet::new();
            for id in self.ids()? {
                // What does not parse may be a newer version's: then nothing is known to be superfluous.
                needed.extend(self.stored(&id)?.hashes());
            }
            let all: BTreeMap<Hash, u64> = self.store.all()?.into_iter().collect();
            for hash in all.into_keys().filter(|hash| !needed.contains(hash)) {
                self.store.remove(hash)?;
            }
            Ok(())
        })
    }

    /// Does something while no other process writes texts or records.
    pub(super) fn alone<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let start = Instant::now();
        loop {
            match self.tree.lock("lineage.lock") {
                Ok(_lock) => return work(),
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(source) => {
                    return Err(Error::io("the list of patches is being written", source));
                }
            }
        }
    }
}
