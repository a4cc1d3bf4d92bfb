//! `Plan`: everything that holds a child, made ready before the fork.
//!
//! Invariant: between fork and exec nothing allocates, locks or fails silently: each step either holds or the program never
//! starts, and the parent learns which step it was.

mod cgroup;
mod filter;
mod init;
mod landlock;
mod mounts;
mod raw;
mod wrap;

use std::ffi::CString;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use camino::Utf8Path;

use crate::view::{Network, View};

pub(crate) use cgroup::{Cell, Place};
pub(crate) use filter::Sockets;
pub(crate) use landlock::abi as landlock_abi;
pub(crate) use wrap::Wrap;

/// Which mechanisms to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layers {
    /// User, mount, pid, ipc (and, with the network off, network) namespaces.
    pub(crate) namespaces: bool,
    /// The same made by bubblewrap, which then starts the program.
    pub(crate) bubblewrap: bool,
    /// Landlock, with the kernel's ABI number.
    pub(crate) landlock: Option<u32>,
    /// System call filter.
    pub(crate) seccomp: bool,
}

/// A step between fork and exec, for the error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Stage {
    Namespaces = 1,
    IdMap,
    Fork,
    Loopback,
    Mounts,
    Folder,
    Limits,
    Landlock,
    Privileges,
    Seccomp,
    Exec,
    Group,
}

/// Memory that parent, supervisor and init share.
#[derive(Debug)]
struct Board {
    stage: AtomicU32,
    status: AtomicI32,
    /// Host's id of the namespace's init; 0 where there is none.
    init: AtomicI32,
    /// What a probe has to say, with the highest bit set once it has said it.
    note: AtomicU32,
}

/// See the module. Cheap to clone; one plan serves one child.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    layers: Layers,
    network: Network,
    mounts: mounts::Script,
    landlock: Option<landlock::Rules>,
    filters: Vec<seccompiler::BpfProgram>,
    wrap: Option<Arc<Wrap>>,
    limits: [(raw::Resource, u64); 5],
    /// Of the control group to join.
    door: Option<CString>,
    cwd: CString,
    id_map: [CString; 2],
    parent: i32,
    processes: CString,
    board: Arc<SharedBoard>,
}

#[derive(Debug)]
struct SharedBoard(*mut Board);

// The board is two atomics in anonymous shared memory.
unsafe impl Send for SharedBoard {}
unsafe impl Sync for SharedBoard {}

/// `status` before the child ended.
const RUNNING: i32 = i32::MIN;

const NOTED: u32 = 1 << 31;

/// Processes that the kernel lets be beyond the limit, so that whoever watches sees the limit passed, not only reached.
const SPARE: u64 = 16;

/// Process ids below this are not given out a second time (RESERVED_PIDS in the kernel's pid.c).
const RESERVED: u64 = 300;

impl Plan {
    /// Prepares every path, map, ruleset and filter.
    pub(crate) fn new(view: &View, layers: Layers) -> io::Result<Plan> {
        let own_net = (layers.namespaces || layers.bubblewrap) && view.network == Network::Off;
        let sockets = match (view.network, own_net) {
            (Network::Off, false) => Sockets::LocalOnly,
            _ => Sockets::Internet,
        };
        let filters = match layers.seccomp {
            true => filter::programs(sockets)?,
            false => Vec::new(),
        };
        let (filters, wrap) = match layers.bubblewrap {
            // It mounts, which the filters forbid: it loads them itself, last.
            true => (Vec::new(), Some(Arc::new(Wrap::new(view, &filters)?))),
            false => (filters, None),
        };
        let uid = unsafe { libc::geteuid() };
        let gid = unsafe { libc::getegid() };
        Ok(Plan {
            layers,
            network: view.network,
            mounts: if layers.namespaces {
                mounts::Script::new(view)?
            } else {
                mounts::Script::default()
            },
            landlock: match layers.landlock {
                Some(abi) => Some(landlock::Rules::new(view, layers, abi)?),
                None => None,
            },
            filters,
            wrap,
            // None on data or address space: what sanitizers reserve is terabytes, and takes no memory.
            limits: [
                (libc::RLIMIT_CORE, 0),
                (libc::RLIMIT_FSIZE, view.file_bytes),
                (libc::RLIMIT_NOFILE, 4096),
                // Should nobody be left to watch the clock.
                (libc::RLIMIT_CPU, view.cpu_seconds),
                // Without a user namespace this counts every process of the user, those that are there already included.
                (
                    libc::RLIMIT_NPROC,
                    match layers.namespaces {
                        true => view.processes + SPARE,
                        false => view.processes + SPARE + tasks_of(uid),
                    },
                ),
            ],
            door: None,
            cwd: c_path(&view.cwd)?,
            id_map: [
                c_text(format!("{uid} {uid} 1"))?,
                c_text(format!("{gid} {gid} 1"))?,
            ],
            parent: unsafe { libc::getpid() },
            processes: c_text((view.processes + SPARE + RESERVED).to_string())?,
            board: Arc::new(SharedBoard::new()?),
        })
    }

    /// The same, in a control group.
    pub(crate) fn within(self, cell: &Cell) -> io::Result<Plan> {
        let door = Some(cell.door()?);
        Ok(Plan { door, ..self })
    }

    /// What starts the program, where something else has to.
    pub(crate) fn wrap(&self) -> Option<&Wrap> {
        self.wrap.as_deref()
    }

    /// The step that was reached last.
    pub(crate) fn stage(&self) -> &'static str {
        const NAMES: [&str; 13] = [
            "start",
            "user namespace",
            "user id map",
            "fork",
            "loopback",
            "mounts",
            "working folder",
            "limits",
            "landlock",
            "privileges",
            "seccomp",
            "exec",
            "control group",
        ];
        NAMES
            .get(self.board.get().stage.load(Ordering::SeqCst) as usize)
            .copied()
            .unwrap_or("start")
    }

    /// Wait status of the program, once it has ended by itself.
    pub(crate) fn status(&self) -> Option<i32> {
        match self.board.get().status.load(Ordering::SeqCst) {
            RUNNING => None,
            status => Some(status),
        }
    }

    /// The process whose end is the end of all that the program started, when a namespace has one.
    pub(crate) fn init(&self) -> Option<u32> {
        u32::try_from(self.board.get().init.load(Ordering::SeqCst))
            .ok()
            .filter(|id| *id != 0)
    }

    /// In the child, instead of a program: leaves a word of 31 bits for the parent.
    pub(crate) fn note(&self, word: u32) {
        self.board.get().note.store(word | NOTED, Ordering::SeqCst);
    }

    /// The word that the child left.
    pub(crate) fn noted(&self) -> Option<u32> {
        let word = self.board.get().note.load(Ordering::SeqCst);
        (word & NOTED != 0).then_some(word & !NOTED)
    }

    /// Runs in the forked child: returns only in the process that is to become the program.
    ///
    /// # Safety
    /// To be called between fork and exec only; uses async-signal-safe calls alone.
    pub(crate) unsafe fn enter(&self) -> io::Result<()> {
        unsafe {
            // A process that is not dumpable may not write its own id map; it is closed again below.
            raw::prctl(libc::PR_SET_DUMPABLE, 1)?;
            raw::block_signals()?;
            libc::setsid();
            // When the machine runs out of memory, this tree goes before anything of the user's. Best effort.
            let _ = raw::write(c"/proc/self/oom_score_adj", b"1000");
            if self.layers.namespaces {
                self.unshare()?;
            }
            self.at(Stage::Fork);
            raw::prctl(libc::PR_SET_DUMPABLE, 0)?;
            raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM as usize)?;
            if libc::getppid() != self.parent {
                libc::_exit(1);
            }
            if !self.layers.namespaces {
                raw::prctl(libc::PR_SET_CHILD_SUBREAPER, 1)?;
            }
            let child = raw::fork()?;
            if child != 0 {
                if self.layers.namespaces {
                    self.board.get().init.store(child, Ordering::SeqCst);
                }
                init::supervise(child, self);
            }
            raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize)?;
            if let Some(door) = &self.door {
                self.at(Stage::Group);
                raw::write(door, b"0")?;
            }
            if self.layers.namespaces {
                self.furnish()?;
                self.at(Stage::Fork);
                let program = raw::fork()?;
                if program != 0 {
                    init::reap(program, self);
                }
                raw::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as usize)?;
            }
            self.settle()
        }
    }

    unsafe fn unshare(&self) -> io::Result<()> {
        self.at(Stage::Namespaces);
        let mut flags =
            libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC;
        if self.network == Network::Off {
            flags |= libc::CLONE_NEWNET;
        }
        unsafe {
            raw::check(libc::unshare(flags).into())?;
            self.at(Stage::IdMap);
            raw::write(c"/proc/self/setgroups", b"deny")?;
            raw::write(c"/proc/self/uid_map", self.id_map[0].as_bytes())?;
            raw::write(c"/proc/self/gid_map", self.id_map[1].as_bytes())
        }
    }

    unsafe fn furnish(&self) -> io::Result<()> {
        unsafe {
            if self.network == Network::Off {
                self.at(Stage::Loopback);
                raw::loopback_up()?;
            }
            self.at(Stage::Mounts);
            self.mounts.run()?;
            // Root is exempt from RLIMIT_NPROC; since Linux 6.14 a pid namespace has its own bound. Best effort.
            let _ = raw::write(c"/proc/sys/kernel/pid_max", self.processes.as_bytes());
            mounts::lock_settings();
        }
        Ok(())
    }

    /// The last steps, in the process that becomes the program.
    unsafe fn settle(&self) -> io::Result<()> {
        unsafe {
            libc::setsid();
            raw::unblock_signals()?;
            self.at(Stage::Folder);
            // Again, after mounting: the inherited folder is still the one below the new mounts.
            raw::check(libc::chdir(self.cwd.as_ptr()).into())?;
            self.at(Stage::Limits);
            if !self.layers.namespaces {
                // Without a namespace a bomb is ended process by process: whoever does that has to come first.
                libc::setpriority(libc::PRIO_PROCESS as _, 0, 10);
            }
            for (which, value) in self.limits {
                raw::limit(which, value)?;
            }
            raw::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
            if let Some(rules) = &self.landlock {
                self.at(Stage::Landlock);
                rules.enforce()?;
            }
            // Bubblewrap drops them itself: as root it needs some until it has mapped its user.
            if self.confined() && self.wrap.is_none() {
                self.at(Stage::Privileges);
                raw::drop_capabilities()?;
            }
            self.at(Stage::Seccomp);
            // Marked, not closed: one of them still carries an error of exec to the parent.
            raw::close_on_exec()?;
            if let Some(wrap) = &self.wrap {
                wrap.pass_on()?;
            }
            for program in &self.filters {
                seccompiler::apply_filter(program).map_err(|_| io::Error::last_os_error())?;
            }
            self.at(Stage::Exec);
        }
        Ok(())
    }

    fn confined(&self) -> bool {
        self.layers.namespaces || self.layers.landlock.is_some() || self.layers.seccomp
    }

    fn at(&self, stage: Stage) {
        self.board.get().stage.store(stage as u32, Ordering::SeqCst);
    }

    fn record(&self, status: i32) {
        self.board.get().status.store(status, Ordering::SeqCst);
    }
}

impl SharedBoard {
    fn new() -> io::Result<SharedBoard> {
        let size = size_of::<Board>();
        let (read, share) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        );
        let at = unsafe { libc::mmap(std::ptr::null_mut(), size, read, share, -1, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let board = at.cast::<Board>();
        unsafe {
            board.write(Board {
                stage: AtomicU32::new(0),
                status: AtomicI32::new(RUNNING),
                init: AtomicI32::new(0),
                note: AtomicU32::new(0),
            })
        };
        Ok(SharedBoard(board))
    }

    fn get(&self) -> &Board {
        unsafe { &*self.0 }
    }
}

impl Drop for SharedBoard {
    fn drop(&mut self) {
        unsafe { libc::munmap(self.0.cast(), size_of::<Board>()) };
    }
}

/// Processes and threads of a user.
fn tasks_of(user: u32) -> u64 {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = folders.filter(|folder| folder.metadata().is_ok_and(|stat| stat.uid() == user));
    let threads = own.filter_map(|folder| std::fs::read_dir(folder.path().join("task")).ok());
    threads.map(|threads| threads.count() as u64).sum()
}

fn c_path(path: &Utf8Path) -> io::Result<CString> {
    c_text(path.as_str().to_owned())
}

fn c_text(text: String) -> io::Result<CString> {
    CString::new(text)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path holds a NUL byte"))
}
