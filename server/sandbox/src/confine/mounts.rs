//! The child's mounts: everything read-only, private folders where the host keeps secrets and sockets, the kept folders put
//! back, own `/dev` and `/proc`.
//!
//! Invariant: a script only adds restrictions to what the host shows; what it cannot mount it does not start without.

use std::ffi::{CStr, CString};
use std::io;

use camino::{Utf8Path, Utf8PathBuf};

use super::{View, c_path, c_text, raw};

const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const MOST: usize = 96;
/// Memory that private folders share where the tree has no limit of its own, bytes.
const MOST_PRIVATE: u64 = 64 << 30;

/// Mount steps, prepared as C strings.
#[derive(Debug, Clone, Default)]
pub(super) struct Script {
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    Copy {
        from: CString,
        slot: usize,
    },
    Lock,
    Empty {
        at: CString,
        options: CString,
        flags: u64,
    },
    Folder(CString),
    File(CString),
    /// Puts an empty file or folder over one that is there.
    Hide {
        at: CString,
        kind: Hide,
    },
    Link {
        target: CString,
        at: CString,
    },
    Attach {
        slot: usize,
        at: CString,
        flags: u64,
    },
    Terminals,
    Processes,
}

#[derive(Debug, Clone, Copy)]
enum Hide {
    File,
    Folder,
}

/// A folder or file of the host that stays visible under a private folder, or writable in a read-only world.
pub(super) struct Keep {
    path: Utf8PathBuf,
    flags: u64,
}

impl Keep {
    pub(super) fn path(&self) -> &Utf8Path {
        &self.path
    }

    pub(super) fn read_only(&self) -> bool {
        self.flags & raw::RDONLY != 0
    }
}

impl Script {
    pub(super) fn new(view: &View) -> io::Result<Script> {
        let mut script = Script::default();
        let masked: Vec<&Utf8PathBuf> = view.masked.iter().filter(|path| path.is_dir()).collect();
        let keeps = keeps(view, &masked);
        if keeps.len() + DEVICES.len() > MOST {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "too many folders to keep in the sandbox",
            ));
        }
        let sources = keeps.iter().map(|keep| keep.path.clone());
        for (slot, source) in sources.chain(DEVICES.map(device)).enumerate() {
            script.steps.push(Step::Copy {
                from: c_path(&source)?,
                slot,
            });
        }
        script.steps.push(Step::Lock);
        for mask in &masked {
            match masked
                .iter()
                .any(|outer| outer != mask && mask.starts_with(outer))
            {
                true => script.make_way(mask, &masked)?,
                false => script.private(mask, view.memory_bytes)?,
            }
        }
        for (slot, keep) in keeps.iter().enumerate() {
            script.make_way(&keep.path, &masked)?;
            script.steps.push(Step::Attach {
                slot,
                at: c_path(&keep.path)?,
                flags: keep.flags,
            });
        }
        script.devices(keeps.len(), view.memory_bytes)?;
        // Last, over whatever was kept; a null device of the child's own is there by now.
        for path in &view.hidden {
            // Gone since it was found: nothing to do.
            let Ok(real) = path.canonicalize_utf8() else {
                continue;
            };
            let kind = match real.is_dir() {
                true => Hide::Folder,
                false => Hide::File,
            };
            script.steps.push(Step::Hide {
                at: c_path(&real)?,
                kind,
            });
        }
        script.steps.push(Step::Processes);
        Ok(script)
    }

    fn empty(&mut self, at: &Utf8Path, options: &str, flags: u64) -> io::Result<()> {
        self.steps.push(Step::Empty {
            at: c_path(at)?,
            options: c_text(options.to_owned())?,
            flags,
        });
        Ok(())
    }

    /// A writable folder in memory, with room for as many files as pages.
    fn private(&mut self, at: &Utf8Path, memory: u64) -> io::Result<()> {
        let pages = pages(at, memory);
        let options = format!("mode=1777,nr_blocks={pages},nr_inodes={}", pages.max(1024));
        self.empty(at, &options, raw::NOSUID | raw::NODEV)
    }

    /// Mount points below an emptied folder are gone: makes them anew.
    fn make_way(&mut self, path: &Utf8Path, masked: &[&Utf8PathBuf]) -> io::Result<()> {
        let Some(mask) = masked
            .iter()
            .filter(|mask| path.starts_with(mask))
            .max_by_key(|mask| mask.as_str().len())
        else {
            return Ok(());
        };
        let mut parents: Vec<&Utf8Path> = path
            .ancestors()
            .skip(1)
            .take_while(|up| *up != mask.as_path())
            .collect();
        parents.reverse();
        for parent in parents {
            self.steps.push(Step::Folder(c_path(parent)?));
        }
        self.steps.push(if path.is_dir() {
            Step::Folder(c_path(path)?)
        } else {
            Step::File(c_path(path)?)
        });
        Ok(())
    }

    fn devices(&mut self, first: usize, memory: u64) -> io::Result<()> {
        self.empty(Utf8Path::new("/dev"), "mode=0755,size=64k", raw::NOSUID)?;
        for (index, name) in DEVICES.iter().enumerate() {
            let at = c_path(&device(name))?;
            self.steps.push(Step::File(at.clone()));
            self.steps.push(Step::Attach {
                slot: first + index,
                at,
                flags: raw::NOSUID,
            });
        }
        let links = [
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
            ("pts/ptmx", "/dev/ptmx"),
        ];
        for (target, at) in links {
            self.steps.push(Step::Link {
                target: CString::new(target)?,
                at: CString::new(at)?,
            });
        }
        self.steps.push(Step::Folder(c"/dev/shm".to_owned()));
        self.private(Utf8Path::new("/dev/shm"), memory)?;
        self.steps.push(Step::Folder(c"/dev/pts".to_owned()));
        self.steps.push(Step::Terminals);
        Ok(())
    }

    /// Runs the script in the new mount namespace.
    pub(super) unsafe fn run(&self) -> io::Result<()> {
        let mut slots = [-1i32; MOST];
        unsafe {
            mount(c"none", c"/", c"", libc::MS_REC | libc::MS_PRIVATE, c"")?;
            for step in &self.steps {
                step.run(&mut slots)?;
            }
        }
        Ok(())
    }
}

impl Step {
    unsafe fn run(&self, slots: &mut [i32; MOST]) -> io::Result<()> {
        unsafe {
            match self {
                Step::Copy { from, slot } => {
                    // Gone since the plan was made: its `Attach` has nothing to do.
                    slots[*slot] = raw::mount_copy(from).unwrap_or(-1);
                    Ok(())
                }
                Step::Lock => raw::mount_flags(libc::AT_FDCWD, c"/", raw::RDONLY | raw::NOSUID),
                Step::Empty { at, options, flags } => {
                    let mut bits = 0;
                    for (flag, bit) in [
                        (raw::RDONLY, libc::MS_RDONLY),
                        (raw::NOSUID, libc::MS_NOSUID),
                        (raw::NODEV, libc::MS_NODEV),
                    ] {
                        bits |= if flags & flag != 0 { bit } else { 0 };
                    }
                    mount(c"tmpfs", at, c"tmpfs", bits, options)
                }
                Step::Folder(at) => exists(libc::mkdir(at.as_ptr(), 0o755)),
                // mknod says "exists" even where it could not make anything; open does not.
                Step::File(at) => exists(libc::mknod(at.as_ptr(), libc::S_IFREG | 0o600, 0)),
                Step::Link { target, at } => exists(libc::symlink(target.as_ptr(), at.as_ptr())),
                Step::Attach { slot, at, flags } => match slots[*slot] {
                    -1 => Ok(()),
                    fd => {
                        raw::mount_flags(fd, c"", *flags)?;
                        raw::mount_attach(fd, at)
                    }
                },
                Step::Hide { at, kind } => match hide(at, *kind) {
                    // In a folder that is emptied already, or gone since the plan was made.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    done => done,
                },
                Step::Terminals => {
                    let flags = libc::MS_NOSUID | libc::MS_NOEXEC;
                    // Only programs that want a terminal miss it.
                    let _ = mount(
                        c"devpts",
                        c"/dev/pts",
                        c"devpts",
                        flags,
                        c"newinstance,ptmxmode=0666,mode=620",
                    );
                    Ok(())
                }
                Step::Processes => {
                    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
                    match mount(c"proc", c"/proc", c"proc", flags, c"") {
                        // A container that hides parts of /proc forbids a fresh one; the old one serves, and Landlock and
                        // seccomp keep the other processes in it out of reach.
                        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(()),
                        done => done,
                    }
                }
            }
        }
    }
}

/// Makes the kernel's settings read-only, after our own: they ask root's number only, which a namespace does not change. Best effort:
/// Landlock holds them too.
pub(super) unsafe fn lock_settings() {
    for part in [c"/proc/sys", c"/proc/sysrq-trigger"] {
        let _ = unsafe {
            raw::mount_copy(part).and_then(|fd| {
                raw::mount_flags(fd, c"", raw::RDONLY)?;
                raw::mount_attach(fd, part)
            })
        };
    }
}

/// Pages of 4 KiB that a private folder may take: `/tmp` and homes, where builds keep their caches, half of what the tree may, any
/// other an eighth. What they take together counts as the tree's memory all the same.
pub(super) fn pages(at: &Utf8Path, memory: u64) -> u64 {
    const SMALL: [&str; 3] = ["/run", "/var/tmp", "/dev/shm"];
    let part = if SMALL.contains(&at.as_str()) { 8 } else { 2 };
    (memory.min(MOST_PRIVATE) / part / 4096).max(1)
}

pub(super) fn keeps(view: &View, masked: &[&Utf8PathBuf]) -> Vec<Keep> {
    let mut keeps = Vec::new();
    // Writable first: of two keeps of one path the first stays.
    for path in &view.writable {
        keeps.push(Keep {
            path: path.clone(),
            flags: raw::NOSUID | raw::NODEV,
        });
    }
    for path in &view.readable {
        if masked.iter().any(|mask| path.starts_with(mask)) && path.exists() {
            keeps.push(Keep {
                path: path.clone(),
                flags: raw::RDONLY | raw::NOSUID | raw::NODEV,
            });
        }
    }
    // Outer before inner, so that the inner stays on top.
    keeps.sort_by(|a, b| a.path.cmp(&b.path));
    keeps.dedup_by(|a, b| a.path == b.path);
    // What is read-only below something kept is there already.
    let outer: Vec<Utf8PathBuf> = keeps.iter().map(|keep| keep.path.clone()).collect();
    let inside = |path: &Utf8Path| {
        outer
            .iter()
            .any(|other| other != path && path.starts_with(other))
    };
    keeps.retain(|keep| keep.flags & raw::RDONLY == 0 || !inside(&keep.path));
    keeps
}

fn device(name: &str) -> Utf8PathBuf {
    Utf8Path::new("/dev").join(name)
}

unsafe fn mount(from: &CStr, at: &CStr, kind: &CStr, flags: u64, options: &CStr) -> io::Result<()> {
    let done = unsafe {
        libc::mount(
            from.as_ptr(),
            at.as_ptr(),
            kind.as_ptr(),
            flags,
            options.as_ptr().cast(),
        )
    };
    raw::check(done.into()).map(drop)
}

unsafe fn hide(at: &CStr, kind: Hide) -> io::Result<()> {
    unsafe {
        match kind {
            Hide::File => {
                let null = raw::mount_copy(c"/dev/null")?;
                raw::mount_flags(null, c"", raw::RDONLY)?;
                raw::mount_attach(null, at)
            }
            Hide::Folder => mount(
                c"tmpfs",
                at,
                c"tmpfs",
                libc::MS_RDONLY,
                c"mode=0555,size=4k",
            ),
        }
    }
}

/// A name that is there already is as good as a new one.
fn exists(result: i32) -> io::Result<()> {
    match raw::check(result.into()) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(error),
        _ => Ok(()),
    }
}
