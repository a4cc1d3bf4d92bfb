//! Kept: answers that outlast a session, in `approvals.json` of a state folder. Never in the workspace: a repository allows itself
//! nothing.

use crate::events::now;
use camino::Utf8Path;
use protocol::{Code, Failure};
use sandbox::{Grant, Tree};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

const FILE: &str = "approvals.json";
const LOCK: &str = "approvals.lock";
const VERSION: u32 = 1;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// The grants of one state folder.
#[derive(Debug, Clone)]
pub struct Kept {
    state: Arc<Tree>,
}

/// One grant with its story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptGrant {
    /// Names it, to take it back.
    pub id: String,
    /// What it allows.
    #[serde(flatten)]
    pub grant: Grant,
    /// The line that was asked about.
    pub line: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

/// A person's word on a key of the workspace's own configuration. Another value is another question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTrust {
    /// Names it, to take it back.
    pub id: String,
    /// The key.
    pub key: String,
    /// The value that was shown.
    pub value: String,
    /// Yes or no.
    pub allowed: bool,
    /// When, RFC 3339 in UTC.
    pub at: String,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    v: u32,
    grants: Vec<KeptGrant>,
    #[serde(default)]
    trusted: Vec<KeptTrust>,
}

impl Kept {
    /// Over a state folder; reads nothing yet.
    pub fn new(state: Arc<Tree>) -> Kept {
        Kept { state }
    }

    /// All grants, oldest first. Read each time: another process may have taken one back.
    ///
    /// # Errors
    /// `io` where the file cannot be read or is none of ours.
    pub fn list(&self) -> Result<Vec<KeptGrant>, Failure> {
        self.page().map(|page| page.grants)
    }

    /// What was said of keys of the workspace's own configuration, oldest first.
    ///
    /// # Errors
    /// As [`Kept::list`].
    pub fn trusted(&self) -> Result<Vec<KeptTrust>, Failure> {
        self.page().map(|page| page.trusted)
    }

    fn page(&self) -> Result<Page, Failure> {
        let place = || self.state.path().join(FILE);
        let bytes = match self.state.read(FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Page::default()),
            Err(error) => return Err(unreadable(&place(), &error.to_string())),
        };
        let page: Page = serde_json::from_slice(&bytes)
            .map_err(|error| unreadable(&place(), &error.to_string()))?;
        match page.v {
            VERSION => Ok(page),
            v => Err(unreadable(&place(), &format!("its version is {v}"))),
        }
    }

    /// Adds grants; one that is there already is left as it is.
    ///
    /// # Errors
    /// `io`.
    pub fn add(&self, grants: &[Grant], line: &str) -> Result<(), Failure> {
        self.change(|page| {
            for grant in grants {
                if page.grants.iter().all(|one| one.grant != *grant) {
                    page.grants.push(KeptGrant {
                        id: short_id(),
                        grant: grant.clone(),
                        line: line.to_owned(),
                        at: now(),
                    });
                }
            }
        })
    }

    /// Notes a word on a key; it takes the place of an earlier one on the same key.
    ///
    /// # Errors
    /// `io`.
    pub fn trust(&self, key: &str, value: &str, allowed: bool) -> Result<(), Failure> {
        self.change(|page| {
            page.trusted.retain(|one| one.key != key);
            page.trusted.push(KeptTrust {
                id: short_id(),
                key: key.to_owned(),
                value: value.to_owned(),
                allowed,
                at: now(),
            });
        })
    }

    /// Takes the named ones back, or all where `id` is `None`. How many there were.
    ///
    /// # Errors
    /// `io`.
    pub fn forget(&self, id: Option<&str>) -> Result<usize, Failure> {
        let mut gone = 0;
        self.change(|page| {
            let before = page.grants.len() + page.trusted.len();
            page.grants.retain(|one| id.is_some_and(|id| one.id != id));
            page.trusted.retain(|one| id.is_some_and(|id| one.id != id));
            gone = before - page.grants.len() - page.trusted.len();
        })?;
        Ok(gone)
    }

    fn change(&self, change: impl FnOnce(&mut Page)) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            let place = self.state.path().join(FILE);
            Failure::new(Code::Io, format!("{place} cannot be written: {error}"))
        };
        let start = Instant::now();
        let _lock = loop {
            match self.state.lock(LOCK) {
                Ok(lock) => break lock,
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => return Err(failed(error)),
            }
        };
        let mut page = self.page()?;
        page.v = VERSION;
        change(&mut page);
        let bytes = serde_json::to_vec_pretty(&page).map_err(std::io::Error::other);
        bytes
            .and_then(|bytes| self.state.write(FILE, &bytes, Some(0o600)))
            .map_err(failed)
    }
}

/// The random end of an id: short enough to be typed.
fn short_id() -> String {
    crate::new_id()[20..].to_owned()
}

fn unreadable(place: &Utf8Path, why: &str) -> Failure {
    Failure::new(Code::Io, format!("{place} cannot be read: {why}"))
        .hint("nothing in it counts; remove the file to begin anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(words: &[&str]) -> Grant {
        Grant {
            program: "/usr/bin/npm".into(),
            prefix: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn grants_are_kept_once_and_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(dir.path()).unwrap();
        let kept = Kept::new(Arc::new(Tree::create(path).unwrap()));
        assert_eq!(kept.list().unwrap(), []);
        kept.add(&[grant(&["ci"]), grant(&["install"])], "npm ci")
            .unwrap();
        kept.add(&[grant(&["ci"])], "npm ci again").unwrap();
        let again = Kept::new(Arc::new(Tree::open(path).unwrap()));
        let all = again.list().unwrap();
        assert_eq!(
            all.iter().map(|one| one.grant.clone()).collect::<Vec<_>>(),
            [grant(&["ci"]), grant(&["install"])]
        );
        assert_eq!(again.forget(Some(&all[0].id)).unwrap(), 1);
        assert_eq!(kept.list().unwrap(), all[1..]);
        assert_eq!(
            (kept.forget(None).unwrap(), kept.list().unwrap().len()),
            (1, 0)
        );
        kept.state.write(FILE, b"{", None).unwrap();
        assert_eq!(kept.list().unwrap_err().code, Code::Io);
        assert!(kept.add(&[grant(&["ci"])], "x").is_err());
    }
}
