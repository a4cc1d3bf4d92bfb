//! Reviews: the patches that can be decided on, in memory, with where their hunks are in the open documents. Every handler answers
//! from here (L1); a shelf behind it fetches what changed.

pub mod document;
pub mod hunks;
mod live;
pub mod preview;
pub mod shelf;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use agent::Page;
use camino::{Utf8Path, Utf8PathBuf};
use parking_lot::{Mutex, RwLock};
use protocol::{PatchId, PatchKind, PatchState, PatchView};
use tokio::sync::Notify;
use workspace::{FileReview, RelPath, Review};

use crate::addresses;
pub use live::Live;

/// Scheme of the review documents that the server shows by itself.
pub const SCHEME: &str = "animus";

/// Most patches that are kept.
const SHEETS: usize = 24;

/// Most landed patches that are offered to be taken back at the lines of one file.
const LANDED: usize = 2;

/// The patches.
#[derive(Debug, Default)]
pub struct Reviews {
    sheets: RwLock<BTreeMap<PatchId, Arc<Sheet>>>,
    live: live::Cache,
    /// Patches whose review document was shown.
    shown: Mutex<BTreeSet<PatchId>>,
    todo: Mutex<Todo>,
    woken: Notify,
    /// The folder with the review documents that are files.
    folder: OnceLock<Utf8PathBuf>,
}

/// One patch.
#[derive(Debug)]
pub struct Sheet {
    /// As the agent tells of it. Its files are those of `review`, in the same order.
    pub view: PatchView,
    /// Its hunks.
    pub review: Review,
    /// Its review document.
    pub page: Page,
}

/// What the shelf has to look at.
#[derive(Debug, Default)]
pub struct Todo {
    /// Patches that changed.
    pub patches: BTreeSet<PatchId>,
    /// Documents that changed and have hunks that wait.
    pub paths: BTreeSet<RelPath>,
}

impl Sheet {
    /// A patch.
    pub fn new(view: PatchView, review: Review) -> Sheet {
        Sheet {
            page: Page::of(&view),
            view,
            review,
        }
    }

    /// A file of it.
    pub fn file(&self, file: usize) -> Option<&FileReview> {
        self.review.files.get(file)
    }

    /// Whether it is kept: something of it can still be decided or taken back, and it is not the trace of such a decision.
    fn is_open(&self) -> bool {
        matches!(
            self.view.kind,
            PatchKind::Change | PatchKind::Restore | PatchKind::Squash
        ) && matches!(self.view.state, PatchState::Proposed | PatchState::Landed)
    }
}

impl Reviews {
    /// A patch, if it is here.
    pub fn get(&self, id: &PatchId) -> Option<Arc<Sheet>> {
        self.sheets.read().get(id).cloned()
    }

    /// The patches that change a file, with its number in each; the newest first. Of those that landed only the newest: where
    /// hunks are is found out anew for each version of a text.
    pub fn of_path(&self, path: &RelPath) -> Vec<(Arc<Sheet>, usize)> {
        let sheets = self.sheets.read();
        let number = |sheet: &Sheet| {
            let files = &sheet.review.files;
            files.iter().position(|file| file.edit.path == *path)
        };
        let mut landed = 0;
        sheets
            .values()
            .rev()
            .filter(|sheet| sheet.is_open())
            .filter_map(|sheet| number(sheet).map(|file| (sheet.clone(), file)))
            .filter(|(sheet, _)| {
                landed += usize::from(sheet.view.state == PatchState::Landed);
                sheet.view.state == PatchState::Proposed || landed <= LANDED
            })
            .collect()
    }

    /// Where a file's hunks are in the text that is open, or would be in a text that nobody changed.
    pub fn live(
        &self,
        sheet: &Arc<Sheet>,
        file: usize,
        document: Option<&workspace::Document>,
    ) -> Arc<Live> {
        self.live.get(sheet, file, document)
    }

    /// Keeps a patch in place of what was known of it; lets go of old ones.
    pub fn put(&self, sheet: Sheet) {
        let mut sheets = self.sheets.write();
        let id = sheet.view.id.clone();
        self.live.forget(&id);
        sheets.insert(id, Arc::new(sheet));
        while sheets.len() > SHEETS {
            // Ids sort by time. What waits for a decision stays longest, and what is shown longer than the rest.
            let shown = self.shown.lock();
            let worth = |sheet: &Sheet| {
                (
                    sheet.view.state == PatchState::Proposed,
                    shown.contains(&sheet.view.id),
                    sheet.is_open(),
                )
            };
            let least = sheets.iter().min_by_key(|(_, sheet)| worth(sheet));
            let Some(least) = least.map(|(id, _)| id.clone()) else {
                return;
            };
            drop(shown);
            self.live.forget(&least);
            sheets.remove(&least);
        }
    }

    /// The patch is gone.
    pub fn remove(&self, id: &PatchId) {
        self.sheets.write().remove(id);
        self.live.forget(id);
    }

    /// A patch changed.
    pub fn changed(&self, id: &PatchId) {
        self.todo.lock().patches.insert(id.clone());
        self.woken.notify_one();
    }

    /// A document changed: an editor may have put a hunk into it without saying so.
    pub fn touched(&self, path: &RelPath) {
        let waits = |sheet: &Arc<Sheet>| {
            sheet.view.state == PatchState::Proposed
                && sheet
                    .review
                    .files
                    .iter()
                    .any(|file| file.edit.path == *path)
        };
        if self.sheets.read().values().any(waits) {
            self.todo.lock().paths.insert(path.clone());
            self.woken.notify_one();
        }
    }

    /// Waits for something to look at.
    pub async fn todo(&self) -> Todo {
        loop {
            let todo = std::mem::take(&mut *self.todo.lock());
            if !todo.patches.is_empty() || !todo.paths.is_empty() {
                return todo;
            }
            self.woken.notified().await;
        }
    }

    /// The review document of a patch was shown.
    pub fn show(&self, id: &PatchId) {
        self.shown.lock().insert(id.clone());
    }

    /// Whether it ever was.
    pub fn is_shown(&self, id: &PatchId) -> bool {
        self.shown.lock().contains(id)
    }

    /// Where review documents are that are files.
    pub fn settle(&self, folder: &Utf8Path) {
        let _ = self.folder.set(folder.to_owned());
    }

    /// The patch whose review document has this URI.
    pub fn named(&self, uri: &str) -> Option<PatchId> {
        let name = |tail: &str| {
            tail.strip_suffix(".diff")
                .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                .map(|id| PatchId::from(id.to_owned()))
        };
        if let Some(rest) = uri
            .strip_prefix(SCHEME)
            .and_then(|rest| rest.strip_prefix(':'))
        {
            return name(rest.trim_start_matches('/').strip_prefix("review/")?);
        }
        // Cheap for every other document: only what looks like ours is looked up on disk.
        let (_, tail) = uri.rsplit_once("/review/")?;
        let id = name(tail)?;
        let path = addresses::to_path(uri)?;
        let folder = self.folder.get()?;
        let parent = path.parent()?;
        let same = parent == folder
            || matches!((parent.canonicalize_utf8(), folder.canonicalize_utf8()), (Ok(one), Ok(other)) if one == other);
        same.then_some(id)
    }
}

/// The URI of a review document that the server shows by itself.
pub fn uri(id: &PatchId) -> String {
    format!("{SCHEME}:/review/{id}.diff")
}
