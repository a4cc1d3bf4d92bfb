//! PatchStream: a patch read while it comes in. Whatever way the text is cut, what comes out is, one after the other, what
//! [`parse_patch`](super::parse_patch) gives for the whole.

use super::feed::{Feed, Piece};
use super::{Format, HunkSpec, Op, PatchError, blocks};
use crate::lines;
use crate::path::{RelPath, Root};

/// A patch on its way in.
pub struct PatchStream {
    feed: Feed,
    count: usize,
    failed: Option<PatchError>,
}

impl PatchStream {
    /// Nothing read yet. `file` is the target of hunks that name none.
    pub fn new(format: Format, file: Option<&RelPath>) -> PatchStream {
        PatchStream::begin(format, file.cloned(), None)
    }

    /// As [`PatchStream::new`]; absolute paths and `file:` addresses below `root` are taken too.
    pub fn below(format: Format, file: Option<&RelPath>, root: &Root) -> PatchStream {
        PatchStream::begin(format, file.cloned(), Some(root.clone()))
    }

    pub(super) fn begin(format: Format, file: Option<RelPath>, root: Option<Root>) -> PatchStream {
        PatchStream {
            feed: Feed::new(format, file, root),
            count: 0,
            failed: None,
        }
    }

    /// Takes more of the text and gives the changes that are complete now. JSON and, without a format, whole files are known
    /// at the end only.
    ///
    /// # Errors
    /// [`PatchError`] where the text stops being a patch, and the same again from then on. What came out before stands.
    pub fn push(&mut self, chunk: &str) -> Result<Vec<Op>, PatchError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let mut pieces = Vec::new();
        let done = self.feed.push(chunk, &mut pieces);
        let ops = lowered(pieces, &self.feed).and_then(|ops| done.map(|()| ops));
        match &ops {
            Ok(ops) => self.count += ops.len(),
            Err(error) => self.failed = Some(error.clone()),
        }
        ops
    }

    /// The end of the text, and the changes that it completes.
    ///
    /// # Errors
    /// As [`PatchStream::push`]; also where the text was cut off, or held no change at all.
    pub fn finish(self) -> Result<Vec<Op>, PatchError> {
        let PatchStream {
            feed,
            count,
            failed,
        } = self;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut pieces = Vec::new();
        let rules = Feed::new(
            Format::Whole,
            feed.file().cloned(),
            feed.place().root.cloned(),
        );
        feed.finish(&mut pieces)?;
        let ops = lowered(pieces, &rules)?;
        match count + ops.len() {
            0 => Err(PatchError::at(
                0,
                "no patch here, or one that changes nothing; send `*** Begin Patch` … `*** End Patch`, SEARCH/REPLACE blocks, a unified diff, JSON edits, or whole files in fences with their path above, with at least one change",
            )),
            _ => Ok(ops),
        }
    }
}

fn lowered(pieces: Vec<Piece>, feed: &Feed) -> Result<Vec<Op>, PatchError> {
    let mut ops = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match piece {
            Piece::Op(op) => ops.push(op),
            Piece::Shell(_) => {}
            Piece::Broken(error) => return Err(error),
            Piece::Block(block) => {
                let path = match (&block.name, feed.file()) {
                    (Some(name), _) => feed.place().path(name, block.at)?,
                    (None, Some(file)) => file.clone(),
                    (None, None) => return Err(blocks::nameless(block.at)),
                };
                let hunk = HunkSpec {
                    before: lines::closed(&block.search),
                    after: lines::closed(&block.replace),
                    line: block.line,
                    ..HunkSpec::default()
                };
                ops.push(Op::Edit {
                    path,
                    hunks: vec![hunk],
                    rename_to: None,
                });
            }
        }
    }
    Ok(ops)
}
