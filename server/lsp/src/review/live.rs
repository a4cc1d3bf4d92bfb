//! Live: where the hunks of one file are in one version of its text, and what accepting them would edit there. Found out once a
//! version, so that every move of the cursor can ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use lsp_types::TextEdit;
use parking_lot::Mutex;
use protocol::PatchId;
use workspace::{ChangeSet, Content, Document, FileEdit, Place, Spot, Verdict};

use super::Sheet;
use crate::apply;
use crate::negotiate::Client;

/// One file of a patch in one version of its text.
#[derive(Debug)]
pub struct Live {
    sheet: Arc<Sheet>,
    file: usize,
    /// The document's version; `None` where it is not open.
    version: Option<i32>,
    text: Option<Arc<[u8]>>,
    /// Where each hunk is, lines from 0; `None` where the person has changed these very lines.
    pub places: Vec<Option<Place>>,
    edits: Mutex<BTreeMap<(Vec<usize>, Way), Edits>>,
}

/// What an action carries, where it can carry anything.
type Edits = Option<Arc<Vec<TextEdit>>>;

/// Which way hunks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Into the file.
    In,
    /// Out of it.
    Out,
}

/// The newest of each file.
#[derive(Debug, Default)]
pub struct Cache(Mutex<BTreeMap<(PatchId, usize), Arc<Live>>>);

impl Cache {
    /// A file in the document that is open, or as it would be in a text that nobody changed.
    pub fn get(&self, sheet: &Arc<Sheet>, file: usize, document: Option<&Document>) -> Arc<Live> {
        let key = (sheet.view.id.clone(), file);
        let version = document.map(|document| document.version);
        let known = self.0.lock().get(&key).cloned();
        if let Some(known) = known
            && known.version == version
            && Arc::ptr_eq(&known.sheet, sheet)
        {
            return known;
        }
        let live = Arc::new(Live::new(sheet.clone(), file, document));
        self.0.lock().insert(key, live.clone());
        live
    }

    /// A patch is no longer what it was.
    pub fn forget(&self, id: &PatchId) {
        self.0.lock().retain(|(of, _), _| of != id);
    }
}

impl Live {
    fn new(sheet: Arc<Sheet>, file: usize, document: Option<&Document>) -> Live {
        let of = sheet.file(file);
        let text: Option<Arc<[u8]>> = match document {
            Some(document) => Some(document.rope.to_string().into_bytes().into()),
            None => of.and_then(workspace::FileReview::text),
        };
        let places = match (of, &text) {
            (Some(of), Some(text)) => of.places(text),
            (Some(of), None) => vec![None; of.hunks.len()],
            (None, _) => Vec::new(),
        };
        Live {
            file,
            version: document.map(|document| document.version),
            text: text.filter(|_| document.is_some()),
            places,
            edits: Mutex::default(),
            sheet,
        }
    }

    /// The version of the open document that this is about.
    pub fn version(&self) -> Option<i32> {
        self.version
    }

    /// What brings these hunks into the open document, or takes them out. `None` where the document is not open, is made or
    /// removed as a whole, has them already, or was changed in the same lines.
    pub fn edits(&self, hunks: &[usize], way: Way, client: &Client) -> Edits {
        let key = (hunks.to_vec(), way);
        if let Some(known) = self.edits.lock().get(&key) {
            return known.clone();
        }
        let edits = self.compute(hunks, way, client).map(Arc::new);
        self.edits.lock().insert(key, edits.clone());
        edits
    }

    fn compute(&self, hunks: &[usize], way: Way, client: &Client) -> Option<Vec<TextEdit>> {
        let review = &self.sheet.review;
        let live = self.text.as_ref()?;
        let of = self.sheet.file(self.file).filter(|of| !of.is_whole())?;
        let spots: Vec<Spot> = hunks
            .iter()
            .map(|hunk| Spot {
                file: self.file,
                hunk: *hunk,
            })
            .collect();
        let verdict = match way {
            Way::In => Verdict::Accepted,
            Way::Out => Verdict::Undone,
        };
        let next = review.decided(&spots, verdict);
        let after = review.preview(&next, &of.edit.path, live)?.ok()?;
        let file = FileEdit {
            path: of.edit.path.clone(),
            base: Some(Content::new(live.clone(), self.version)),
            after: Some(after.into()),
            mode: None,
        };
        let change = ChangeSet { files: vec![file] };
        let edits = apply::text_edits(&change, change.files.first()?, client).ok()?;
        (!edits.is_empty()).then_some(edits)
    }
}
