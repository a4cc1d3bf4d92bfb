//! Ground: what the targets stand on: a text read whole and in pieces, and files in memory that a patch meets.

use camino::Utf8Path;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use workspace::{
    ChangeSet, Content, Draft, Error, Format, Host, LandError, Landed, Matching, Mode, Patch,
    PatchStream, RelPath, Root, Snapshot, parse_patch,
};

/// The workspace's folder; it stays empty.
static FOLDER: LazyLock<(tempfile::TempDir, Root)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    let root = Root::open(Utf8Path::from_path(dir.path()).expect("UTF-8")).expect("a root");
    (dir, root)
});

/// Files that are nowhere on the disk.
struct Memory(BTreeMap<RelPath, Content>);

impl Host for Memory {
    fn root(&self) -> &Root {
        &FOLDER.1
    }

    fn read(&self, path: &RelPath) -> Result<Option<Content>, Error> {
        Ok(self.0.get(path).cloned())
    }

    fn open(&self) -> Vec<RelPath> {
        self.0.keys().cloned().collect()
    }

    fn dirty(&self) -> Vec<RelPath> {
        Vec::new()
    }

    fn land<'a>(&'a self, _: &'a ChangeSet, _: &'a str) -> BoxFuture<'a, Result<Landed, LandError>> {
        async { Err(LandError::Timeout) }.boxed()
    }
}

/// The file that hunks without a name are for.
pub fn target() -> RelPath {
    RelPath::new("f").expect("a path")
}

/// Reads a text whole and in pieces: both say the same.
pub fn parsed(text: &str, format: Format) -> Option<Patch> {
    let whole = parse_patch(text, format, Some(&target()));
    let mut stream = PatchStream::new(format, Some(&target()));
    let mut ops = Vec::new();
    let mut failed = None;
    for chunk in text.split_inclusive(['\n', 'a', ' ']) {
        match stream.push(chunk) {
            Ok(more) => ops.extend(more),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    let pieces = match failed {
        Some(error) => Err(error),
        None => stream.finish().map(|more| {
            ops.extend(more);
            Patch { ops }
        }),
    };
    assert_eq!(pieces, whole);
    whole.ok()
}

/// Puts a patch into a draft over one file; what it did can be undone byte for byte (W3), and what was refused did nothing.
pub fn applied(file: &[u8], patch: &Patch) {
    let content = Content::new(file, None);
    let files: BTreeMap<RelPath, Content> = [(target(), content)].into();
    let mut bytes: BTreeMap<RelPath, Arc<[u8]>> =
        files.iter().map(|(path, content)| (path.clone(), content.bytes.clone())).collect();
    let before = bytes.clone();
    let snapshot = Arc::new(Snapshot::new(Arc::new(Memory(files))));
    for (mode, matching) in [(Mode::Atomic, Matching::Strict), (Mode::Partial, Matching::Fuzzy)] {
        let mut draft = Draft::new(snapshot.clone());
        if draft.apply_matching(patch, mode, matching).is_err() {
            assert!(draft.is_empty());
        }
        let change = draft.change_set();
        assert!(change.apply(&mut bytes).is_ok());
        assert!(change.invert().apply(&mut bytes).is_ok());
        assert_eq!(bytes, before);
    }
}
