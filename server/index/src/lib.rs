//! Index: symbols and ranked search over a set of (path, text) pairs; the answers depend on that set alone (I1) and no text makes it fail (I2).
//!
//! CPU and memory only: callers read the files, and say here what the files hold. A file is read into an [`Entry`]
//! (pure, so many can be made in parallel), and an [`Index`] keeps the entries: postings, names and line ranges,
//! never the text itself.

mod bare;
mod chunk;
mod code;
mod defined;
mod definition;
mod entry;
mod genre;
mod history;
mod import;
mod index;
mod interner;
mod language;
mod lexis;
mod nesting;
mod outline;
mod parse;
mod postings;
mod query;
mod rank;
mod reference;
mod select;
mod symbol;
mod test_path;
mod token;
mod vocabulary;

pub use bare::bare_parse;
pub use code::{Code, Mapped, MappedSymbol, Neighbour, Neighbours, Place, Signed, Use, User, Uses};
pub use definition::Definition;
pub use entry::Entry;
pub use genre::Genre;
pub use history::{Commit, History};
pub use import::imports;
pub use index::{Index, Piece};
pub use language::Language;
pub use outline::{outline, symbol_at};
pub use parse::{error_count, stack_for};
pub use query::{Meaning, Query, Texts};
pub use rank::{Hit, Signal};
pub use reference::{Identifier, Reference, ReferenceKind, identifiers, named, references};
pub use select::{Region, select};
pub use symbol::{Symbol, SymbolKind};

/// Tells apart builds of this crate whose packed indexes differ: code, queries and versions of grammars.
pub const FINGERPRINT: &str = env!("INDEX_FINGERPRINT");
