//! Window: the newest events of a task in memory, and where the older ones are in its history. A task that says much costs no more
//! memory than one that says little; where there is no history everything stays here.

use crate::history::Place;
use protocol::Event;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of events (as they are written) that stay in memory per task; the newest stays whatever its size.
pub(crate) const WINDOW: usize = 64 * 1024;

/// What an event costs in memory beside its text, about.
const OVERHEAD: usize = 256;

/// Every so manieth event has its place noted.
const STRIDE: u64 = 16;

/// The events of one task, from 0.
#[derive(Debug, Default)]
pub(super) struct Window {
    kept: VecDeque<(Arc<Event>, usize)>,
    /// Number of the first that is kept, or would be.
    first: u64,
    bytes: usize,
    /// Where older ones are.
    file: Option<Filed>,
    /// Whether the file takes no more: then what is not in it stays here.
    holds: Holds,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Holds {
    /// All that is kept is in the file too.
    #[default]
    Copies,
    /// Some are here only.
    Originals,
    /// Another process has them all.
    Borrowed,
}

#[derive(Debug)]
struct Filed {
    place: Place,
    /// First byte of each event whose number is a multiple of the stride.
    marks: Vec<u64>,
}

/// Where one event is.
#[derive(Debug)]
pub(crate) enum Found {
    /// In memory.
    Here(Arc<Event>),
    /// In the history: from this byte on, where the line of event number `seq` begins.
    Filed { place: Place, from: u64, seq: u64 },
    /// It has not happened yet.
    NotYet,
    /// It was let go, and no history has it.
    Gone,
}

impl Window {
    pub(super) fn new(place: Option<Place>) -> Window {
        Window {
            file: place.map(|place| Filed {
                place,
                marks: Vec::new(),
            }),
            ..Window::default()
        }
    }

    /// Of a task that another process works on, from event number `first` on.
    pub(super) fn borrowed(first: u64) -> Window {
        Window {
            first,
            holds: Holds::Borrowed,
            ..Window::default()
        }
    }

    /// Takes in the next event; `line` is where it is in the file and how long.
    pub(super) fn push(&mut self, event: Arc<Event>, line: Option<(u64, usize)>) {
        let seq = self.first + self.kept.len() as u64;
        let length = match (line, self.holds) {
            (Some((_, length)), _) => length,
            // Nobody wrote it here; what it takes is about what it says.
            (None, Holds::Borrowed) => serde_json::to_vec(&*event).map_or(0, |line| line.len()),
            (None, _) => 0,
        };
        let bytes = length + OVERHEAD;
        self.kept.push_back((event, bytes));
        self.bytes += bytes;
        match (&mut self.file, line) {
            (Some(file), Some((at, _))) => {
                if seq.is_multiple_of(STRIDE) {
                    file.marks.push(at);
                }
            }
            _ if self.holds == Holds::Borrowed => {}
            _ => self.holds = Holds::Originals,
        }
        while self.holds != Holds::Originals && self.bytes > WINDOW && self.kept.len() > 1 {
            self.drop_first();
        }
    }

    /// Lets go of all that the file has; without a file, of everything.
    pub(super) fn forget(&mut self) {
        if self.file.is_none() || self.holds == Holds::Copies {
            while !self.kept.is_empty() {
                self.drop_first();
            }
        }
    }

    pub(super) fn find(&self, seq: u64) -> Found {
        if let Some(at) = seq.checked_sub(self.first) {
            let kept = usize::try_from(at).ok().and_then(|at| self.kept.get(at));
            return kept.map_or(Found::NotYet, |(event, _)| Found::Here(event.clone()));
        }
        let filed = self.file.as_ref().and_then(|file| {
            let mark = usize::try_from(seq / STRIDE).ok()?;
            let from = *file.marks.get(mark)?;
            Some(Found::Filed {
                place: file.place.clone(),
                from,
                seq: seq - seq % STRIDE,
            })
        });
        filed.unwrap_or(Found::Gone)
    }

    /// Bytes that are in memory.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether events are here only.
    pub(super) fn is_only_copy(&self) -> bool {
        self.holds == Holds::Originals || (self.file.is_none() && self.holds != Holds::Borrowed)
    }

    fn drop_first(&mut self) {
        if let Some((_, bytes)) = self.kept.pop_front() {
            self.bytes -= bytes;
            self.first += 1;
        }
    }
}
