//! Kept: the forms of edits per model over tasks, in `edit_forms.json` of the state folder. A damaged file counts as none, and what
//! cannot be written is lost without harm: it is only experience.

use super::richer;
use protocol::{EditForm, EditOutcome};
use sandbox::Tree;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

const FILE: &str = "edit_forms.json";
const LOCK: &str = "edit_forms.lock";
const VERSION: u32 = 1;
/// Models that are remembered; those not seen for longest go first.
const MOST_MODELS: usize = 64;
/// Bytes of the file that are read at most.
const LARGEST: u64 = 256 * 1024;
/// Good edits in the simpler form after which the better one is tried again; and seconds (14 days).
const GOOD: u64 = 20;
const LONG: i64 = 14 * 24 * 60 * 60;
/// How often, and after what pause, the file is asked for while another process has it.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(5);

/// What is remembered, by `provider/model`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Page {
    v: u32,
    models: BTreeMap<String, Record>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Record {
    form: EditForm,
    /// When it was moved to this form, in seconds since 1970.
    since: i64,
    /// Good edits since then.
    good: u64,
    /// When it was seen last, likewise.
    seen: i64,
    /// All edits, by form.
    edits: BTreeMap<EditForm, Count>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Count {
    good: u64,
    malformed: u64,
}

impl Page {
    /// The form to begin a task with, and whether it is a better one than before.
    pub(super) fn form(&self, model: &str, now: i64) -> (EditForm, bool) {
        let Some(record) = self.models.get(model) else {
            return (EditForm::Patch, false);
        };
        let again = record.good >= GOOD || now.saturating_sub(record.since) >= LONG;
        match again && record.form != EditForm::Patch {
            true => (richer(record.form), true),
            false => (record.form, false),
        }
    }

    pub(super) fn add(
        &mut self,
        model: &str,
        replies: &[(EditForm, EditOutcome)],
        moved: Option<EditForm>,
        now: i64,
    ) {
        let fresh = || Record {
            form: EditForm::Patch,
            since: now,
            good: 0,
            seen: now,
            edits: BTreeMap::new(),
        };
        let record = self.models.entry(model.to_owned()).or_insert_with(fresh);
        record.seen = now;
        for (form, outcome) in replies {
            let count = record.edits.entry(*form).or_default();
            match outcome {
                EditOutcome::Good => {
                    count.good = count.good.saturating_add(1);
                    record.good = record.good.saturating_add(1);
                }
                EditOutcome::Malformed => count.malformed = count.malformed.saturating_add(1),
            }
        }
        if let Some(form) = moved {
            (record.form, record.since, record.good) = (form, now, 0);
        }
        while self.models.len() > MOST_MODELS {
            let oldest = self.models.iter().min_by_key(|(_, record)| record.seen);
            let Some(oldest) = oldest.map(|(name, _)| name.clone()) else {
                return;
            };
            self.models.remove(&oldest);
        }
    }
}

/// The file.
pub(crate) struct Kept {
    state: Arc<Tree>,
}

impl Kept {
    /// Over a state folder; reads nothing yet.
    pub(crate) fn new(state: Arc<Tree>) -> Kept {
        Kept { state }
    }

    /// What is remembered; nothing where the file is not there or none of ours.
    pub(crate) fn load(&self) -> Page {
        let small = matches!(self.state.stat(FILE), Ok(Some(stat)) if stat.len <= LARGEST);
        let bytes = small.then(|| self.state.read(FILE).ok()).flatten();
        let page = bytes.and_then(|bytes| serde_json::from_slice::<Page>(&bytes).ok());
        page.filter(|page| page.v == VERSION).unwrap_or_default()
    }

    /// Changes it, on top of what other processes have written.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Page)) {
        let lock = || self.state.lock(LOCK);
        let mut held = lock();
        for _ in 0..TRIES {
            match &held {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(PAUSE);
                    held = lock();
                }
                _ => break,
            }
        }
        let mut page = self.load();
        change(&mut page);
        page.v = VERSION;
        let written = serde_json::to_vec(&page)
            .map_err(std::io::Error::from)
            .and_then(|bytes| self.state.write(FILE, &bytes, Some(0o600)));
        if let Err(error) = written {
            tracing::warn!(%error, "what was learnt about edits is not kept");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8Path;

    const DAY: i64 = 24 * 60 * 60;
    const GOOD_BLOCK: (EditForm, EditOutcome) = (EditForm::Blocks, EditOutcome::Good);

    #[test]
    fn the_better_form_is_tried_again() {
        let mut page = Page::default();
        assert_eq!(page.form("m", 0), (EditForm::Patch, false));
        page.add("m", &[], Some(EditForm::Replace), 0);
        assert_eq!(page.form("m", 13 * DAY), (EditForm::Replace, false));
        assert_eq!(page.form("m", 14 * DAY), (EditForm::Blocks, true));
        page.add("m", &[GOOD_BLOCK; 19], None, DAY);
        assert_eq!(page.form("m", DAY), (EditForm::Replace, false));
        page.add("m", &[GOOD_BLOCK], None, DAY);
        assert_eq!(page.form("m", DAY), (EditForm::Blocks, true));
        page.add("m", &[], Some(EditForm::Blocks), DAY);
        assert_eq!(page.form("m", DAY), (EditForm::Blocks, false));
        page.add("m", &[], Some(EditForm::Patch), DAY);
        assert_eq!(page.form("m", 99 * DAY), (EditForm::Patch, false));
    }

    #[test]
    fn it_is_bounded_and_outlives_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(folder.path()).unwrap();
        let state = Arc::new(Tree::open(path).unwrap());
        let kept = Kept::new(state.clone());
        assert_eq!(kept.load(), Page::default());
        for at in 0..100 {
            kept.change(|page| page.add(&format!("p/{at}"), &[GOOD_BLOCK], None, at));
        }
        let page = kept.load();
        assert_eq!(page.models.len(), MOST_MODELS);
        assert!(page.models.contains_key("p/99") && !page.models.contains_key("p/0"));
        for damage in [
            &b"{"[..],
            b"",
            b"\xff",
            b"[]",
            b"{\"v\":9,\"models\":{}}",
            &[b'['; 300_000],
        ] {
            state.write(FILE, damage, None).unwrap();
            assert_eq!(kept.load(), Page::default());
            kept.change(|page| page.add("p/m", &[], Some(EditForm::Whole), 0));
            assert_eq!(kept.load().form("p/m", 0), (EditForm::Whole, false));
        }
    }
}
