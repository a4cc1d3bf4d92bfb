//! `View`: what one child may touch, before any mechanism is chosen.
//!
//! Invariant: what it does not name is out of reach; every path is absolute.

use camino::Utf8PathBuf;

/// What one child may touch, in words; a plan, or a profile, is made from it.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "elsewhere no mechanism has all of it")
)]
pub(crate) struct View {
    /// Readable below here.
    pub(crate) readable: Vec<Utf8PathBuf>,
    /// Writable below here (on the host's disk).
    pub(crate) writable: Vec<Utf8PathBuf>,
    /// Emptied folders, private to the run: `/tmp`, home, `/run`.
    pub(crate) masked: Vec<Utf8PathBuf>,
    /// Files and folders that seem empty.
    pub(crate) hidden: Vec<Utf8PathBuf>,
    /// The child's working folder.
    pub(crate) cwd: Utf8PathBuf,
    /// Whether it may leave the machine.
    pub(crate) network: Network,
    /// Most processes and threads at once.
    pub(crate) processes: u64,
    /// Largest file it may write, bytes.
    pub(crate) file_bytes: u64,
    /// Most memory of the tree, bytes: its private folders are in memory and get a part of it.
    pub(crate) memory_bytes: u64,
    /// Most processor time of one process, seconds.
    pub(crate) cpu_seconds: u64,
}

/// Network reach of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// Its own loopback at most.
    Off,
    /// The host's.
    Host,
}
