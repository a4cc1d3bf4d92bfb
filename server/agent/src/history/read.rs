//! Read: a history read back, as a stream of its lines or from a known place in it. Every event that comes out is one that was
//! written, in its order and once; what is not is counted.

use super::line::{self, Line, Trust};
use super::{failed, path_of, unknown};
use protocol::{Event, Failure, SessionId, TaskId, Update};
use sandbox::Tree;
use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Most histories that are searched for a task.
const HOLDERS: usize = 200;

/// What is wrong with a history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Damage {
    /// Lines that are not as they were written.
    pub lines: u64,
    /// Events that are missing between others.
    pub missing: u64,
    /// Events that are there twice.
    pub doubled: u64,
}

impl Damage {
    /// How many facts are in doubt, at least: a damaged line is also an event that is missing.
    pub fn count(&self) -> u64 {
        self.lines.max(self.missing) + self.doubled
    }
}

/// A session's events, oldest first.
///
/// # Errors
/// `not_found` for an unknown session, `io` for a file that cannot be read.
pub fn load(state: &Tree, session: &SessionId) -> Result<(Vec<Event>, Damage), Failure> {
    let mut events = Vec::new();
    let damage = scan(state, session, |event| {
        events.push(event);
        ControlFlow::Continue(())
    })?;
    Ok((events, damage))
}

/// The session that a task is of, where its history is on disk. A task is no older than its session, and ids sort by time.
pub fn holder(state: &Tree, task: &TaskId) -> Option<SessionId> {
    let named = format!("\"task\":{}", serde_json::to_string(task).ok()?);
    let is_old_enough = |session: &SessionId| {
        // Names that a client chose say nothing of time.
        session.as_str().len() != task.as_str().len() || session.as_str() <= task.as_str()
    };
    super::sessions(state)
        .into_iter()
        .filter(is_old_enough)
        .take(HOLDERS)
        .find(|session| {
            let first = |event: Event| match event.task == *task {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let mut found = false;
            mentions(state, session, &named)
                && scan(state, session, |event| {
                    let flow = first(event);
                    found |= flow.is_break();
                    flow
                })
                .is_ok()
                && found
        })
}

/// Whether a history has these words anywhere.
fn mentions(state: &Tree, session: &SessionId, words: &str) -> bool {
    let Ok(path) = path_of(session) else {
        return false;
    };
    let finder = memchr::memmem::Finder::new(words);
    let (mut tail, mut found) = (Vec::new(), false);
    let read = state.read_pieces(&path, |piece| {
        tail.extend_from_slice(piece);
        found = finder.find(&tail).is_some();
        // Words may lie across two pieces.
        tail.drain(..tail.len().saturating_sub(words.len()));
        match found {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    read.is_ok() && found
}

/// Goes through a session's events, oldest first, until `each` has seen enough; holds one line at a time.
///
/// # Errors
/// As [`load`].
pub fn scan(
    state: &Tree,
    session: &SessionId,
    mut each: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<Damage, Failure> {
    let path = path_of(session).map_err(|_| unknown(session))?;
    let mut reading = Reading::default();
    let mut rest: Vec<u8> = Vec::new();
    let mut flow = ControlFlow::Continue(());
    let read = state.read_pieces(&path, |mut piece| {
        while let Some(at) = piece.iter().position(|byte| *byte == b'\n') {
            rest.extend_from_slice(&piece[..at]);
            flow = reading.line(&rest, &mut each);
            rest.clear();
            piece = &piece[at + 1..];
            if flow.is_break() {
                return flow;
            }
        }
        rest.extend_from_slice(piece);
        flow
    });
    read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unknown(session),
        _ => failed(session, "read", &error),
    })?;
    // A last line without its end is being written, or torn: it counts if it is whole.
    if flow.is_continue() && !rest.is_empty() {
        let damage = reading.damage;
        let _ = reading.line(&rest, &mut each);
        reading.damage.lines = damage.lines;
    }
    if !reading.any && !rest.is_empty() {
        // Its first event at least was lost; a file without a byte has not begun.
        reading.damage.lines = reading.damage.lines.max(1);
    }
    if reading.damage.count() > 0 {
        let damage = reading.damage;
        tracing::warn!(%session, ?damage, "this session's history is damaged");
    }
    Ok(reading.damage)
}

/// How far a history was read.
struct Reading {
    trust: Trust,
    damage: Damage,
    /// The number that is due, per task.
    due: HashMap<TaskId, u64>,
    /// The task whose `finished` is still to come.
    open: Option<TaskId>,
    /// Whether there was any event.
    any: bool,
}

impl Default for Reading {
    fn default() -> Self {
        Reading {
            trust: Trust::Unsummed,
            damage: Damage::default(),
            due: HashMap::new(),
            open: None,
            any: false,
        }
    }
}

impl Reading {
    fn line(
        &mut self,
        line: &[u8],
        each: &mut impl FnMut(Event) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if line.is_empty() {
            return ControlFlow::Continue(());
        }
        let event = match line::read(line, &mut self.trust) {
            Line::Event(event) => *event,
            Line::Newer => {
                self.any = true;
                return ControlFlow::Continue(());
            }
            Line::Damaged => {
                self.damage.lines += 1;
                return ControlFlow::Continue(());
            }
        };
        self.any = true;
        let due = self.due.entry(event.task.clone()).or_default();
        if event.seq < *due {
            self.damage.doubled += 1;
            return ControlFlow::Continue(());
        }
        self.damage.missing += event.seq - *due;
        *due = event.seq.saturating_add(1);
        if self.open.as_ref().is_some_and(|open| *open != event.task) {
            // Its end is not there.
            self.damage.missing += 1;
        }
        self.open = match event.update {
            Update::Finished { .. } => None,
            _ => Some(event.task.clone()),
        };
        each(event)
    }
}

/// A session file that events are read back from while others are appended to it.
#[derive(Debug, Clone)]
pub struct Place {
    state: Arc<Tree>,
    path: String,
}

impl Place {
    pub(super) fn new(state: Arc<Tree>, path: String) -> Place {
        Place { state, path }
    }

    /// The events whose lines begin at byte `from` and end within about `most` bytes, at least one, and where the next begins.
    ///
    /// # Errors
    /// `InvalidData` for a line that is not as it was written, `UnexpectedEof` where there is none; what the disk says.
    pub fn events(&self, from: u64, most: usize) -> io::Result<(Vec<Event>, u64)> {
        let mut most = most;
        let (bytes, end) = loop {
            let bytes = self.state.read_at(&self.path, from, most)?;
            match bytes.iter().rposition(|byte| *byte == b'\n') {
                Some(end) => break (bytes, end),
                None if bytes.len() < most => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => most = most.saturating_mul(4),
            }
        };
        let mut trust = Trust::SummedOnly;
        let lines = bytes[..end].split(|byte| *byte == b'\n');
        let events = lines.map(|line| match line::read(line, &mut trust) {
            Line::Event(event) => Ok(*event),
            Line::Newer | Line::Damaged => Err(io::ErrorKind::InvalidData.into()),
        });
        Ok((events.collect::<io::Result<_>>()?, from + end as u64 + 1))
    }
}
