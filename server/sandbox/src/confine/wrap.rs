//! `Wrap`: bubblewrap's words for a view, for systems that let only it make namespaces.
//!
//! Invariant: bubblewrap is root's own file, without set-user-id; what it shows is what our own mounts would show.

use std::ffi::OsStr;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use camino::Utf8Path;
use seccompiler::BpfProgram;

use super::{mounts, raw};
use crate::view::{Network, View};

/// Its only place: one on the search path could be anybody's.
const PROGRAM: &str = "/usr/bin/bwrap";

/// See the module.
#[derive(Debug)]
pub(crate) struct Wrap {
    arguments: Vec<String>,
    filters: Vec<OwnedFd>,
}

impl Wrap {
    /// Whether the program is there and fit to be trusted; whether it works is the probe's to say.
    pub(crate) fn trusted() -> bool {
        std::fs::metadata(PROGRAM).is_ok_and(|stat| {
            stat.is_file() && stat.uid() == 0 && stat.mode() & 0o6022 == 0 && stat.mode() & 1 != 0
        })
    }

    pub(super) fn new(view: &View, filters: &[BpfProgram]) -> io::Result<Wrap> {
        let mut arguments = Words::default();
        arguments.say(&["--die-with-parent", "--unshare-user", "--unshare-pid"]);
        arguments.say(&["--unshare-ipc", "--cap-drop", "ALL"]);
        if view.network == Network::Off {
            arguments.say(&["--unshare-net"]);
        }
        arguments.say(&["--ro-bind", "/", "/"]);
        let masked: Vec<_> = view.masked.iter().filter(|path| path.is_dir()).collect();
        for mask in &masked {
            let inside = |outer: &&&camino::Utf8PathBuf| outer != &mask && mask.starts_with(outer);
            if !masked.iter().any(|outer| inside(&outer)) {
                arguments.private(mask, view.memory_bytes);
            }
        }
        for keep in mounts::keeps(view, &masked) {
            let bind = match keep.read_only() {
                true => "--ro-bind-try",
                false => "--bind-try",
            };
            arguments.say(&[bind, keep.path().as_str(), keep.path().as_str()]);
        }
        arguments.say(&["--dev", "/dev"]);
        arguments.private(Utf8Path::new("/dev/shm"), view.memory_bytes);
        for path in &view.hidden {
            // Gone since it was found: nothing to do.
            let Ok(real) = path.canonicalize_utf8() else {
                continue;
            };
            let at = real.as_str();
            match real.is_dir() {
                true => {
                    arguments.say(&["--perms", "0555", "--size", "4096", "--tmpfs", at]);
                    arguments.say(&["--remount-ro", at]);
                }
                // As a device: anything else from there would not open.
                false => arguments.say(&["--dev-bind", "/dev/null", at]),
            }
        }
        arguments.say(&["--proc", "/proc", "--chdir", view.cwd.as_str()]);
        let filters: io::Result<Vec<OwnedFd>> = filters.iter().map(readable).collect();
        let filters = filters?;
        for filter in &filters {
            arguments.say(&["--add-seccomp-fd", &filter.as_raw_fd().to_string()]);
        }
        arguments.say(&["--"]);
        Ok(Wrap {
            arguments: arguments.0,
            filters,
        })
    }

    /// Starts a program through bubblewrap.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, arguments: &[String]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(&self.arguments).arg(program).args(arguments);
        command
    }

    /// In the child: lets the filters through exec.
    pub(super) unsafe fn pass_on(&self) -> io::Result<()> {
        for filter in &self.filters {
            raw::check(unsafe { libc::fcntl(filter.as_raw_fd(), libc::F_SETFD, 0) }.into())?;
        }
        Ok(())
    }
}

#[derive(Debug, Default)]
struct Words(Vec<String>);

impl Words {
    fn say(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn private(&mut self, at: &Utf8Path, memory: u64) {
        let bytes = (mounts::pages(at, memory) * 4096).to_string();
        self.say(&["--perms", "1777", "--size", &bytes, "--tmpfs", at.as_str()]);
    }
}

/// A filter as a file in memory, as bubblewrap reads it: the kernel's own layout.
fn readable(program: &BpfProgram) -> io::Result<OwnedFd> {
    let fd =
        raw::check(unsafe { libc::memfd_create(c"filter".as_ptr(), libc::MFD_CLOEXEC) }.into())?;
    let mut file = unsafe { std::fs::File::from_raw_fd(fd as i32) };
    for one in program {
        file.write_all(&one.code.to_ne_bytes())?;
        file.write_all(&[one.jt, one.jf])?;
        file.write_all(&one.k.to_ne_bytes())?;
    }
    file.rewind()?;
    Ok(file.into())
}
