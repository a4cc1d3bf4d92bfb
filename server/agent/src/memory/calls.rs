//! Calls: what the doors ask about memory. All of it reads and writes the state folder.

use super::{MemoryUsage, Remembered};
use crate::Agent;
use protocol::{Failure, Memory, MemoryKind};

impl Agent {
    /// All that is remembered of the project, oldest first.
    ///
    /// # Errors
    /// `denied` where memory is off, `io`.
    pub fn memories(&self) -> Result<Vec<Memory>, Failure> {
        self.shared.memories.list()
    }

    /// Remembers something; what says the same as what is there becomes part of it.
    ///
    /// # Errors
    /// `denied` where memory is off or full, `invalid_input` for a text that is empty or longer than [`super::MOST_TEXT`] bytes, `io`.
    pub fn remember(&self, new: Remembered) -> Result<Memory, Failure> {
        self.shared.memories.add(new)
    }

    /// The `k` best memories for some words, of one kind or of all; the newest where there are no words.
    ///
    /// # Errors
    /// As [`Agent::memories`].
    pub fn recall(
        &self,
        query: &str,
        kind: Option<MemoryKind>,
        k: usize,
    ) -> Result<Vec<Memory>, Failure> {
        self.shared.memories.search(query, kind, k)
    }

    /// Forgets the memories with these ids, or with ids that begin so, all or none. Works also where memory is off.
    ///
    /// # Errors
    /// `not_found`, `io`.
    pub fn forget_memories(&self, ids: &[String]) -> Result<Vec<Memory>, Failure> {
        self.shared.memories.forget(ids)
    }

    /// Forgets everything. How many memories there were. Works also where memory is off.
    ///
    /// # Errors
    /// `io`.
    pub fn clear_memory(&self) -> Result<usize, Failure> {
        self.shared.memories.clear()
    }

    /// How much is remembered; `None` where memory is off.
    ///
    /// # Errors
    /// `io`.
    pub fn memory_usage(&self) -> Result<Option<MemoryUsage>, Failure> {
        match self.shared.memories.is_on() {
            true => self.shared.memories.usage().map(Some),
            false => Ok(None),
        }
    }
}
