//! Store: what is known, in the state folder, so that a restart need not read it again. Whatever is damaged, or of another
//! version, is as good as not there. Only what the index holds is kept: no text, and nothing of files with secrets.

use super::Inner;
use super::built::{Built, Known, Past};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use workspace::{Commit, Hash, RelPath};

const INDEX: &str = "index/index";
const COMMITS: &str = "index/commits";
/// What such files begin with; the number is that of the layout below.
const MAGIC: &[u8; 16] = b"animus index v2\n";
/// BLAKE3 of what follows.
const SUM: usize = 32;

#[derive(Serialize, Deserialize)]
struct Stored<'s> {
    fingerprint: &'s str,
    past: Past,
    files: HashMap<RelPath, Known>,
    #[serde(with = "serde_bytes")]
    index: &'s [u8],
    #[serde(with = "serde_bytes")]
    history: &'s [u8],
}

impl Inner {
    /// What was stored, if it can be used.
    pub(super) fn load(&self) -> Option<Built> {
        let bytes = self.unsealed(INDEX)?;
        let stored: Stored<'_> = postcard::from_bytes(bytes.get(MAGIC.len() + SUM..)?).ok()?;
        if stored.fingerprint != index::FINGERPRINT {
            return None;
        }
        Some(Built {
            index: index::Index::from_bytes(stored.index)?,
            history: index::History::from_bytes(stored.history)?,
            past: stored.past,
            bytes: stored.files.values().map(|known| known.bytes).sum(),
            files: stored.files,
            changes: 0,
        })
    }

    /// Stores what is known.
    pub(super) fn save(&self) {
        let (Some(_), body) = (&self.state, self.packed()) else {
            return;
        };
        self.seal(INDEX, body);
    }

    fn packed(&self) -> Option<Vec<u8>> {
        let built = self.built.read();
        let stored = Stored {
            fingerprint: index::FINGERPRINT,
            past: built.past,
            files: built.files.clone(),
            index: &built.index.to_bytes(),
            history: &built.history.to_bytes(),
        };
        drop(built);
        postcard::to_stdvec(&stored).ok()
    }

    /// The commits that were read last, if a shallow clone ended where it ends now: the last ones have other files else.
    pub(super) fn load_commits(&self, shallow: Option<Hash>) -> Vec<Commit> {
        let stored = self.unsealed(COMMITS).and_then(|bytes| {
            let body = bytes.get(MAGIC.len() + SUM..)?;
            postcard::from_bytes::<(Option<Hash>, Vec<Commit>)>(body).ok()
        });
        match stored {
            Some((then, commits)) if then == shallow => commits,
            _ => Vec::new(),
        }
    }

    /// Stores commits, so that only new ones are read next time.
    pub(super) fn save_commits(&self, commits: &[Commit]) {
        let shallow = self.built.read().past.shallow;
        self.seal(COMMITS, postcard::to_stdvec(&(shallow, commits)).ok());
    }

    /// The whole file, if its sum is right.
    fn unsealed(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = self.state.as_ref()?.read(name).ok()?;
        let (magic, rest) = bytes.split_at_checked(MAGIC.len())?;
        let (sum, body) = rest.split_at_checked(SUM)?;
        let good = magic == MAGIC && blake3::hash(body).as_bytes() == sum;
        good.then_some(bytes)
    }

    /// What was sealed, if its sum is right.
    pub(super) fn unsealed_body(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = self.unsealed(name)?;
        Some(bytes.split_off(MAGIC.len() + SUM))
    }

    /// Writes a body with its sum, where there is a state folder.
    pub(super) fn seal(&self, name: &str, body: Option<Vec<u8>>) {
        let (Some(state), Some(body)) = (&self.state, body) else {
            return;
        };
        let sum = blake3::hash(&body);
        if let Err(error) = state.write_parts(name, &[MAGIC, sum.as_bytes(), &body], Some(0o600)) {
            tracing::warn!(%error, "the index is not stored; the next start builds it again");
        }
    }
}
