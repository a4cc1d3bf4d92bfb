//! `workspace`: files as the agent sees them, and the one place where the user's files change.
//!
//! Invariants: W1 a `RelPath` stays inside the root; W2 a `Snapshot` reads a path the same every time; W3 a `ChangeSet` applies
//! whole or not at all and its inverse restores the bytes; W4 a hunk matches exactly one place or is refused with the reason;
//! W5 the user's files change in `Draft::land` (merged onto what stands there), `Draft::land_exact` (the text as tested, or
//! nothing) and the `Host::land` behind both only; W6 the lineage touches the state folder and
//! `refs/animus/*` only.

mod change;
mod content;
mod disk;
mod documents;
mod draft;
mod encoding;
mod error;
pub mod git;
mod history;
mod host;
mod ignored;
mod line_map;
mod lineage;
mod lines;
mod merge;
mod patch;
mod path;
mod rebase;
mod review;
mod scratch;
mod secret;
mod seek;
mod snapshot;
mod sources;
mod watch;

pub use change::{ChangeSet, FileEdit, FileOp, FileView, HunkView, LineEdit};
pub use content::{Content, Hash};
pub use disk::{Disk, Recovered};
pub use documents::{Document, Documents};
pub use draft::{Applied, Draft, Matching, Mode};
pub use encoding::Encoding;
pub use error::Error;
pub use history::{Commit, CommitId, Depth, history};
pub use host::{Host, LandError, Landed, StateFolder};
pub use ignored::is_ignored;
pub use line_map::LineMap;
pub use lineage::{Blame, Bound, Head, Image, Kind, Lineage, Node, NodeState, Origin, Usage};
pub use merge::{Tie, merge};
pub use patch::{
    Format, Grain, HunkSpec, LastLine, Op, Patch, PatchError, PatchStream, RangeEdit, Reach,
    ReplyStream, Returns, Run, Site, edits_parse, parse_patch, parse_patch_below,
};
pub use path::{RelPath, Root};
pub use review::{FileReview, HunkLook, HunkReview, Look, Place, Review, Spot, Verdict};
pub use scratch::Scratch;
pub use secret::is_secret;
pub use seek::{Reason, Refused};
pub use snapshot::{Entry, Match, Snapshot};
pub use sources::{Source, Sources, Stamp, is_source, is_source_text, stamp};
pub use watch::{Told, Watch};
