//! `Meter`: looks at what a running tree takes, every few milliseconds, and says when that is too much.
//!
//! Invariant: a look costs a small part of the time between looks, however large the tree.

use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use camino::Utf8PathBuf;

#[cfg(target_os = "linux")]
use super::census::Census;
use super::{End, Limits};
#[cfg(target_os = "linux")]
use crate::confine::Cell;
#[cfg(target_os = "linux")]
use crate::permit::left_on;
#[cfg(target_os = "linux")]
use crate::view::View;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(50);
/// A look takes at most one part in so many of the time.
const SHARE: u32 = 4;

#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere there is nothing to look at")
)]
pub(super) struct Meter {
    limits: Limits,
    /// The process above the tree.
    root: u32,
    #[cfg(target_os = "linux")]
    cell: Option<Cell>,
    /// A folder on the disk that can be written, and what must be left there.
    #[cfg(target_os = "linux")]
    disk: Option<(Utf8PathBuf, u64)>,
    /// Folders that are in memory where the tree has mounts.
    #[cfg(target_os = "linux")]
    private: Vec<Utf8PathBuf>,
    due: Instant,
}

impl Meter {
    /// A meter of what runs below `root`.
    pub(super) fn new(root: u32, limits: Limits) -> Meter {
        Meter {
            limits,
            root,
            #[cfg(target_os = "linux")]
            cell: None,
            #[cfg(target_os = "linux")]
            disk: None,
            #[cfg(target_os = "linux")]
            private: Vec::new(),
            due: Instant::now() + PERIOD,
        }
    }

    /// The same, with the control group that the tree is in.
    #[cfg(target_os = "linux")]
    pub(super) fn within(self, cell: Option<Cell>) -> Meter {
        Meter { cell, ..self }
    }

    /// The same, of a tree with this view.
    #[cfg(target_os = "linux")]
    pub(super) fn seeing(self, view: &View) -> Meter {
        let folder = view.writable.first();
        let mut private = view.masked.clone();
        private.push("/dev/shm".into());
        // One below another is in the same mount.
        let all = private.clone();
        let inside = |path: &Utf8PathBuf| all.iter().any(|up| up != path && path.starts_with(up));
        private.retain(|path| !inside(path));
        Meter {
            disk: folder.map(|folder| (folder.clone(), self.limits.disk_left)),
            private,
            ..self
        }
    }

    /// When to look next.
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// What is over its limit, if something is.
    pub(super) fn look(&mut self) -> Option<End> {
        let since = Instant::now();
        let end = self.over();
        let now = Instant::now();
        self.due = now + PERIOD.max((now - since) * SHARE);
        end
    }

    /// What only the end shows: a process that was killed for memory since the last look.
    pub(super) fn last(&self) -> Option<End> {
        #[cfg(target_os = "linux")]
        if self.cell.as_ref().is_some_and(Cell::overrun) {
            return Some(End::Memory(self.limits.memory_bytes));
        }
        None
    }

    /// Kills from here what is in the control group, whatever its supervisor does.
    pub(super) fn stop(&self) {
        #[cfg(target_os = "linux")]
        if let Some(cell) = &self.cell {
            cell.kill();
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn over(&self) -> Option<End> {
        None
    }

    #[cfg(target_os = "linux")]
    fn over(&self) -> Option<End> {
        if let Some(end) = self.last() {
            return Some(end);
        }
        // Also beside a control group, which does not count the dead that nobody has waited for.
        let census = Census::of(self.root, self.limits.processes);
        if census.tasks > self.limits.processes {
            return Some(End::Processes(self.limits.processes));
        }
        if let Some((folder, least)) = &self.disk
            && left_on(folder).is_some_and(|left| left < *least)
        {
            return Some(End::Disk(*least));
        }
        if self.cell.is_some() {
            return None;
        }
        let held = census.held(&self.private);
        if census.resident + held <= self.limits.memory_bytes {
            return None;
        }
        // A count takes its time. Where those who share memory end meanwhile, the parts of those who are counted last have
        // grown, and the sum is that of no moment: so the smaller of two counts is believed.
        let count = || Census::shared_once(self.root).unwrap_or(census.resident);
        let over = |bytes: u64| bytes + held > self.limits.memory_bytes;
        (over(count()) && over(count())).then_some(End::Memory(self.limits.memory_bytes))
    }
}
