//! Store: the memory file of a project, `memory.ndjson` in its state folder: records are appended under a lock, so that two processes
//! can write; readers need none. It is made anew, whole, once most of its lines are dead.

use super::record::Record;
use protocol::{Code, Failure, Memory};
use sandbox::{Lock, Tree};
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};

const FILE: &str = "memory.ndjson";
const LOCK: &str = "memory.lock";
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of the file that are read at most: it is some times of what memory may have.
const LARGEST: u64 = 64 << 20;
/// Lines below which the file is never made anew.
const FEW: usize = 64;

/// The file.
#[derive(Debug, Clone)]
pub(super) struct Store {
    state: Arc<Tree>,
}

/// What the file says, and what is to be added to it.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// What is known, oldest first.
    pub(super) memories: Vec<Memory>,
    /// Lines, dead ones included.
    lines: usize,
    /// Whether the last line has no end.
    torn: bool,
    new: Vec<Record>,
    anew: bool,
}

impl Page {
    fn of(bytes: &[u8]) -> Page {
        let mut page = Page {
            torn: bytes.last().is_some_and(|last| *last != b'\n'),
            ..Page::default()
        };
        for line in bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            page.lines += 1;
            if let Some(record) = Record::read(line) {
                page.apply(&record);
            }
        }
        page
    }

    fn apply(&mut self, record: &Record) {
        match record {
            Record::Added(memory) => match self.memories.iter_mut().find(|one| one.id == memory.id)
            {
                Some(one) => one.clone_from(memory),
                None => self.memories.push(memory.clone()),
            },
            Record::Forgotten(id) => self.memories.retain(|one| one.id != *id),
            Record::Used(ids) => {
                for one in self.memories.iter_mut().filter(|one| ids.contains(&one.id)) {
                    one.used = one.used.saturating_add(1);
                }
            }
        }
    }

    fn say(&mut self, record: Record) {
        self.apply(&record);
        self.new.push(record);
    }

    /// Adds a memory, or puts it in the place of the one with its id.
    pub(super) fn put(&mut self, memory: Memory) {
        self.say(Record::Added(memory));
    }

    /// Takes a memory out.
    pub(super) fn forget(&mut self, id: &str) {
        self.say(Record::Forgotten(id.to_owned()));
    }

    /// Counts that a task was shown these.
    pub(super) fn count_use(&mut self, ids: &[String]) {
        self.say(Record::Used(ids.to_vec()));
    }

    /// Has the file made anew, so that nothing of what was forgotten stays in it.
    pub(super) fn compact(&mut self) {
        self.anew = true;
    }

    /// The memory with this id, or the only one whose id begins so.
    pub(super) fn find(&self, id: &str) -> Option<&Memory> {
        if let Some(one) = self.memories.iter().find(|one| one.id == id) {
            return Some(one);
        }
        let mut like = self
            .memories
            .iter()
            .filter(|one| !id.is_empty() && one.id.starts_with(id));
        like.next().filter(|_| like.next().is_none())
    }
}

impl Store {
    pub(super) fn new(state: Arc<Tree>) -> Store {
        Store { state }
    }

    /// What is known now. Read each time: another process may have added something.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn load(&self) -> Result<Page, Failure> {
        let bytes = match self.state.stat(FILE) {
            Ok(None) => return Ok(Page::default()),
            Ok(Some(stat)) if stat.len > LARGEST => Err(io::Error::new(
                ErrorKind::FileTooLarge,
                "it is larger than a memory can be; `animus memory clear` removes it",
            )),
            Ok(Some(_)) => self.state.read(FILE),
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => Ok(Page::of(&bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Page::default()),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Changes what is known, on top of what other processes have written. Nothing is written where `work` fails.
    ///
    /// # Errors
    /// What `work` says, `io`.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Page) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _lock = self.lock()?;
        let mut page = self.load()?;
        let done = work(&mut page)?;
        self.write(&page)
            .map_err(|error| self.failed("written", &error))?;
        Ok(done)
    }

    /// Removes the file. How many memories there were.
    ///
    /// # Errors
    /// `io`.
    pub(super) fn clear(&self) -> Result<usize, Failure> {
        if matches!(self.state.stat(FILE), Ok(None)) {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let count = self.load().map_or(0, |page| page.memories.len());
        match self.state.remove(FILE) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(self.failed("removed", &error))
            }
            _ => Ok(count),
        }
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self) -> u64 {
        let stat = self.state.stat(FILE).ok().flatten();
        stat.map_or(0, |stat| stat.len)
    }

    fn write(&self, page: &Page) -> io::Result<()> {
        if page.new.is_empty() && !page.anew {
            return Ok(());
        }
        let lines = page.lines + page.new.len();
        let is_mostly_dead = lines > FEW && page.memories.len() < lines / 2;
        if page.anew || is_mostly_dead {
            let all = page.memories.iter().cloned().map(Record::Added);
            return self.state.write(FILE, text(all)?.as_bytes(), Some(0o600));
        }
        // A line that was cut short stays a line of its own, and is left out.
        let start = if page.torn { "\n" } else { "" };
        let text = format!("{start}{}", text(page.new.iter().cloned())?);
        let mut file = self.state.append(FILE)?;
        file.write_all(text.as_bytes())?;
        file.sync()
    }

    fn lock(&self) -> Result<Lock, Failure> {
        let start = Instant::now();
        loop {
            match self.state.lock(LOCK) {
                Ok(lock) => return Ok(lock),
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && start.elapsed() < PATIENCE =>
                {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(self.failed("locked", &error)),
            }
        }
    }

    fn failed(&self, done: &str, error: &io::Error) -> Failure {
        let place = self.state.path().join(FILE);
        Failure::new(Code::Io, format!("{place} cannot be {done}: {error}"))
    }
}

fn text(records: impl Iterator<Item = Record>) -> io::Result<String> {
    records
        .map(|record| record.line().map_err(io::Error::from))
        .collect()
}
