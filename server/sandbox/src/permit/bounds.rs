//! `Bounds`: what holds every command of a workspace, for people to read.
//!
//! Invariant: it is made from what a permit would be made from.

use camino::Utf8PathBuf;
use serde::Serialize;

use super::hide::Hidden;
use super::{Access, Limits, Sandbox};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bounds {
    /// Readable below these, beside the system's folders.
    pub readable: Vec<Utf8PathBuf>,
    /// Empty, private and in memory, where the kernel has mounts.
    pub private: Vec<Utf8PathBuf>,
    /// Seem empty, because of what their names say or because they lead out.
    pub hidden: Vec<Utf8PathBuf>,
    /// Whether the test command reaches the network.
    pub network_for_tests: bool,
    /// Most memory, MiB.
    pub memory_mb: u64,
    /// Most processes and threads.
    pub processes: u64,
    /// Most output, MiB.
    pub output_mb: u64,
    /// Largest file, MiB.
    pub file_mb: u64,
}

impl Sandbox {
    /// The bounds of this workspace's commands.
    pub fn bounds(&self) -> Bounds {
        let limits = Limits::default();
        let hidden = Hidden::below(&self.root, None);
        let view = self.view(&Access::ReadOnly, None, &self.root, limits, None, None);
        Bounds {
            readable: view.readable,
            private: view.masked,
            hidden: (view.hidden.into_iter())
                .chain(hidden.paths)
                .chain(hidden.doors)
                .collect(),
            network_for_tests: self.networked(&Access::Tests(self.root.clone())),
            memory_mb: self.config.memory_mb,
            processes: limits.processes,
            output_mb: limits.most_output >> 20,
            file_mb: limits.file_bytes >> 20,
        }
    }
}
