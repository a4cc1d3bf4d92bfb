//! `Census`: how many processes and threads a tree has, and how much memory.
//!
//! Invariant: nothing is counted that does not descend from the root. A process born during the count may be missed; the next
//! count has it.

use std::os::unix::fs::MetadataExt;

use camino::Utf8PathBuf;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Census {
    /// Processes and threads below the root.
    pub(super) tasks: u64,
    /// Bytes in memory or swapped out; what processes share counts once for each.
    pub(super) resident: u64,
    /// Some process of the tree.
    one: Option<u32>,
}

impl Census {
    /// Counts below the process `root`, itself left out. Ends early beyond `most` tasks.
    pub(super) fn of(root: u32, most: u64) -> Census {
        let mut census = Census::default();
        descend(root, &mut |id, tasks| {
            census.tasks += tasks;
            census.one = Some(id);
            census.resident += field(id, "status", &["VmRSS:", "VmSwap:"]).unwrap_or(0);
            census.tasks <= most
        });
        census
    }

    /// Bytes in these folders as the tree sees them, where they are not the host's own.
    pub(super) fn held(self, folders: &[Utf8PathBuf]) -> u64 {
        let Some(one) = self.one else { return 0 };
        let held = folders.iter().filter_map(|folder| {
            let seen = format!("/proc/{one}/root{folder}");
            let own = std::fs::metadata(folder).ok()?.dev();
            if std::fs::metadata(&seen).ok()?.dev() == own {
                return None;
            }
            let stat = rustix::fs::statvfs(&seen).ok()?;
            Some((stat.f_blocks - stat.f_bfree) * stat.f_frsize)
        });
        held.sum()
    }

    /// Bytes below `root` with every shared page divided among those who share it, or `None` where the kernel does not tell.
    /// Slow: the kernel walks page tables.
    pub(super) fn shared_once(root: u32) -> Option<u64> {
        let mut sum = Some(0);
        descend(root, &mut |id, _| {
            // A process that has ended meanwhile has no memory; one whose maps are closed to us is told by its status.
            let bytes = field(id, "smaps_rollup", &["Pss:", "SwapPss:"]);
            let bytes = bytes.or_else(|| match field(id, "status", &["VmRSS:"]) {
                None | Some(0) => Some(0),
                Some(_) => None,
            });
            sum = sum.zip(bytes).map(|(sum, bytes)| sum + bytes);
            sum.is_some()
        });
        sum
    }
}

/// Calls `each` with every process below `root` and the number of its threads, until it says no.
fn descend(root: u32, each: &mut impl FnMut(u32, u64) -> bool) {
    let mut left = vec![root];
    while let Some(id) = left.pop() {
        let threads = children(id, &mut left);
        if id != root && !each(id, threads) {
            return;
        }
    }
}

/// Adds the children of a process, and gives back the number of its threads.
fn children(id: u32, to: &mut Vec<u32>) -> u64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else {
        return 0;
    };
    let mut count = 0;
    for thread in threads.flatten() {
        count += 1;
        // Children belong to the thread that started them.
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        let ids = text.split_ascii_whitespace();
        to.extend(ids.filter_map(|id| id.parse::<u32>().ok()));
    }
    count
}

/// The sum of these lines of a file of `/proc/ID` that counts in kB, in bytes.
fn field(id: u32, file: &str, names: &[&str]) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let kilobytes = text.lines().filter_map(|line| {
        let rest = names.iter().find_map(|name| line.strip_prefix(name))?;
        rest.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    Some(kilobytes.sum::<u64>() * 1024)
}
