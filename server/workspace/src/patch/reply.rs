//! Reply: a model's whole answer as a list of edits, shell scripts and errors, for scripts outside the project.

use super::blocks::{self, Block};
use super::feed::{Feed, Piece};
use super::{Format, HunkSpec, Op, PatchError, RangeEdit, Reach};
use crate::lines;
use serde_json::{Value, json};

/// A reply on its way in; its items come out as they close.
pub struct ReplyStream {
    feed: Option<Feed>,
}

impl Default for ReplyStream {
    fn default() -> ReplyStream {
        ReplyStream::new()
    }
}

impl ReplyStream {
    /// Nothing read yet.
    pub fn new() -> ReplyStream {
        ReplyStream {
            feed: Some(Feed::new(Format::Auto, None, None)),
        }
    }

    /// Takes more of the text and gives the items that are complete now, as [`edits_parse`] writes them. After an error that
    /// the rest of the text depends on nothing more comes.
    pub fn push(&mut self, chunk: &str) -> Vec<Value> {
        let Some(feed) = &mut self.feed else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        let done = feed.push(chunk, &mut pieces);
        if done.is_err() {
            self.feed = None;
        }
        values(pieces, done)
    }

    /// The end of the text, and the items that it completes.
    pub fn finish(self) -> Vec<Value> {
        let Some(feed) = self.feed else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        let done = feed.finish(&mut pieces);
        values(pieces, done)
    }
}

/// Reads a reply as `[{"path","search","replace"} | {"shell"} | {"error"}]`, in the order of the text. An edit without
/// `search` text makes the file or gives it its whole text; `"all": true` means every place; `{"path","delete":true}` removes
/// the file, `{"path","rename_to"}` moves it, `{"path","copy_from"}` copies it, `{"path","executable"}` sets the mode, and
/// `{"path","ranges":[{"start":[line,unit],"end":[line,unit],"text"}]}` counts as LSP does.
pub fn edits_parse(text: &str) -> Vec<Value> {
    let mut stream = ReplyStream::new();
    let mut values = stream.push(text);
    values.extend(stream.finish());
    values
}

fn values(pieces: Vec<Piece>, done: Result<(), PatchError>) -> Vec<Value> {
    let mut values: Vec<Value> = pieces.into_iter().flat_map(piece).collect();
    if let Err(error) = done {
        values.push(json!({ "error": error.to_string() }));
    }
    values
}

fn piece(piece: Piece) -> Vec<Value> {
    match piece {
        Piece::Op(found) => op(&found),
        Piece::Block(found) => vec![block(&found)],
        Piece::Shell(script) => vec![json!({ "shell": script })],
        Piece::Broken(error) => vec![json!({ "error": error.to_string() })],
    }
}

fn block(block: &Block) -> Value {
    match &block.name {
        Some(path) => json!({
            "path": path,
            "search": lines::closed(&block.search),
            "replace": lines::closed(&block.replace),
        }),
        None => json!({ "error": blocks::nameless(block.at).to_string() }),
    }
}

fn op(op: &Op) -> Vec<Value> {
    let hunk = |path: &crate::path::RelPath, hunk: &HunkSpec| {
        let mut value = json!({ "path": path, "search": hunk.before, "replace": hunk.after });
        if hunk.reach == Reach::All {
            value["all"] = Value::Bool(true);
        }
        value
    };
    match op {
        Op::Edit {
            path,
            hunks,
            rename_to,
        } => {
            let mut values: Vec<Value> = hunks.iter().map(|one| hunk(path, one)).collect();
            if let Some(to) = rename_to {
                values.push(json!({ "path": path, "rename_to": to }));
            }
            values
        }
        Op::Create { path, text, .. } | Op::Write { path, text, .. } => {
            vec![json!({ "path": path, "search": "", "replace": text })]
        }
        Op::Delete { path, .. } => vec![json!({ "path": path, "delete": true })],
        Op::Absent { .. } => Vec::new(),
        Op::Rename { from, to } => vec![json!({ "path": from, "rename_to": to })],
        Op::Copy { from, to } => vec![json!({ "path": to, "copy_from": from })],
        Op::Mode { path, run } => {
            vec![json!({ "path": path, "executable": *run == super::Run::Yes })]
        }
        Op::Ranges { path, edits } => {
            let ranges: Vec<Value> = edits.iter().map(range).collect();
            vec![json!({ "path": path, "ranges": ranges })]
        }
    }
}

fn range(edit: &RangeEdit) -> Value {
    let at = |(line, unit): (u32, u32)| json!([line, unit]);
    json!({ "start": at(edit.start), "end": at(edit.end), "text": edit.text })
}
