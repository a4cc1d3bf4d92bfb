//! Read: files read and parsed, one or many at a time. One that makes the parser panic is left out, and the rest goes on.

use super::Inner;
use super::built::{Known, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use workspace::{Content, Hash, RelPath, Source, Stamp};

/// Files that were read and wait to be put into the index.
const WAITING: usize = 64;
/// Files that are put in at once: between two such, questions are answered.
const AT_ONCE: usize = 16;

/// What became of a file.
pub enum Outcome {
    /// It is new, or has another content.
    Read(Read),
    /// Its content is as it was; it has a new stamp.
    Same(Stamp),
    /// There is none, or it cannot be read.
    Gone,
}

impl Inner {
    /// Reads one file.
    pub(super) fn read(&self, path: &RelPath, stamp: Stamp) -> Outcome {
        // Not within the call: nobody may wait for the lock while the file is read.
        let known = self.built.read().hash(path);
        self.read_over(path, stamp, known)
    }

    /// Reads one file that is known with this hash.
    fn read_over(&self, path: &RelPath, stamp: Stamp, known: Option<Hash>) -> Outcome {
        let content = match self.host.read(path) {
            Ok(Some(content)) => content,
            Ok(None) | Err(_) => return Outcome::Gone,
        };
        self.compared(path, stamp, known, &content)
    }

    /// What a content means for the index, which knows the file with this hash.
    pub(super) fn compared(
        &self,
        path: &RelPath,
        stamp: Stamp,
        known: Option<Hash>,
        content: &Content,
    ) -> Outcome {
        // The stamp of the disk says nothing of an open document.
        let stamp = match content.version {
            Some(_) => Stamp::UNKNOWN,
            None => stamp,
        };
        match known == Some(content.hash) {
            true => Outcome::Same(stamp),
            false => Outcome::Read(self.parse(path, stamp, content)),
        }
    }

    fn parse(&self, path: &RelPath, stamp: Stamp, content: &Content) -> Read {
        let entry = entry(path, content, self.limits.semantic_max_file_bytes);
        Read {
            path: path.clone(),
            known: Known {
                stamp,
                hash: content.hash,
                bytes: entry.as_ref().map_or(0, |_| content.bytes.len() as u64),
            },
            entry: entry.map(Box::new),
        }
    }

    /// Takes in one file.
    pub(super) fn take(&self, path: &RelPath, outcome: Outcome) {
        match outcome {
            Outcome::Read(read) => self.built.write().put(read),
            Outcome::Same(stamp) => {
                if let Some(known) = self.built.write().files.get_mut(path) {
                    known.stamp = stamp;
                }
            }
            Outcome::Gone => self.built.write().forget(path),
        }
    }

    /// Reads many files, on as many threads as are allowed (of the priority of this one), and takes them in as they come. `said` hears how many were.
    pub(super) fn read_all(&self, files: &[Source], said: impl Fn(usize)) {
        let next = AtomicUsize::new(0);
        let threads = self.threads().clamp(1, files.len().max(1));
        let (send, read) = sync_channel(WAITING);
        // Asked once, so that who reads never waits for who puts in.
        let known: Vec<Option<Hash>> = {
            let built = self.built.read();
            files.iter().map(|file| built.hash(&file.path)).collect()
        };
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (send, next, known) = (send.clone(), &next, &known);
                let thread = std::thread::Builder::new().stack_size(self.stack());
                let spawned = thread.spawn_scoped(scope, move || {
                    while self.goes_on() {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let (Some(file), Some(&known)) = (files.get(at), known.get(at)) else {
                            return;
                        };
                        let outcome = self.read_over(&file.path, file.stamp, known);
                        if send.send((&file.path, outcome)).is_err() {
                            return;
                        }
                    }
                });
                if let Err(error) = spawned {
                    tracing::warn!(%error, "one thread less reads for the index");
                }
            }
            drop(send);
            let mut done = 0;
            while let Ok(first) = read.recv() {
                let batch: Vec<_> = std::iter::once(first)
                    .chain(read.try_iter().take(AT_ONCE - 1))
                    .collect();
                done += batch.len();
                for (path, outcome) in batch {
                    self.take(path, outcome);
                }
                said(done);
            }
        });
    }
}

fn entry(path: &RelPath, content: &Content, longest: usize) -> Option<index::Entry> {
    if content.bytes.len() > longest || !workspace::is_source_text(&content.bytes) {
        return None;
    }
    let (text, _) = content.decoded().ok()?;
    let parsed = catch_unwind(AssertUnwindSafe(|| index::Entry::of(path.as_str(), &text)));
    if parsed.is_err() {
        tracing::warn!(%path, "left out of the index: reading it failed");
    }
    parsed.ok()
}
