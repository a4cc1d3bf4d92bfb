//! The tries: a confined child that attempts what it must not be able to do.
//!
//! Invariant: where the world shows what was done (a file's content, a datagram that came), the world is asked, not the child.

mod wrapped;

use std::ffi::CString;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use camino::Utf8PathBuf;

use super::{Attempt, Found};
use crate::confine::{Layers, Plan, landlock_abi};
use crate::tmp::Tmp;
use crate::view::{Network, View};

/// Everything that is tried, in the order of the bits.
const TRIED: [&str; 14] = [
    "write outside",
    "chmod outside",
    "write git hooks",
    "read a foreign /tmp",
    "tcp",
    "udp",
    "unix socket",
    "abstract unix socket",
    "vsock",
    "see other processes",
    "signal other processes",
    "ptrace",
    "mount",
    "io_uring",
];
const WROTE: u32 = 1;
const CHMOD: u32 = 1 << 1;
const HOOKED: u32 = 1 << 2;
const READ: u32 = 1 << 3;
const TCP: u32 = 1 << 4;
const UDP: u32 = 1 << 5;
const UNIX: u32 = 1 << 6;
const ABSTRACT: u32 = 1 << 7;
const VSOCK: u32 = 1 << 8;
const SEEN: u32 = 1 << 9;
const SIGNALLED: u32 = 1 << 10;
const PTRACE: u32 = 1 << 11;
const MOUNT: u32 = 1 << 12;
const URING: u32 = 1 << 13;

/// Tries the whole stack, then less of it, until something holds.
pub(super) fn probe() -> Found {
    let abi = landlock_abi();
    let layers = |namespaces, landlock| Layers {
        namespaces,
        bubblewrap: false,
        landlock,
        seccomp: true,
    };
    let namespaces = match holds(layers(true, abi)) {
        Ok(attempts) => return found(Ok(()), Ok(attempts), abi),
        Err(why) => why,
    };
    if let Ok(attempts) = wrapped::holds() {
        return Found {
            bubblewrap: true,
            ..found(Ok(()), Ok(attempts), None)
        };
    }
    // Landlock may be what fails, inside namespaces that work.
    if abi.is_some() {
        if let Ok(attempts) = holds(layers(true, None)) {
            return found(Ok(()), Ok(attempts), None);
        }
        if let Ok(attempts) = holds(layers(false, abi)) {
            return found(Err(namespaces), Ok(attempts), abi);
        }
    }
    found(Err(namespaces), holds(layers(false, None)), None)
}

fn found(
    namespaces: Result<(), String>,
    attempts: Result<Vec<Attempt>, String>,
    landlock: Option<u32>,
) -> Found {
    let (seccomp, attempts) = match attempts {
        Ok(attempts) => (Ok(()), attempts),
        Err(why) => (Err(why), Vec::new()),
    };
    Found {
        namespaces,
        seccomp,
        landlock,
        bubblewrap: false,
        seatbelt: None,
        attempts,
    }
}

/// Whether a child under these layers is held: it cannot write the victim, nor reach the listener. With seccomp alone only the
/// socket counts.
fn holds(layers: Layers) -> Result<Vec<Attempt>, String> {
    let files = layers.namespaces || layers.landlock.is_some();
    let done = attempt(layers).map_err(|error| error.to_string())?;
    if done & TCP != 0 {
        return Err("the probe reached a socket outside".to_owned());
    }
    if files && done & (WROTE | HOOKED) != 0 {
        return Err("the probe wrote a file outside".to_owned());
    }
    let attempts = TRIED.iter().enumerate().map(|(bit, what)| Attempt {
        what,
        denied: done & (1 << bit) == 0,
    });
    Ok(attempts.collect())
}

/// What the child is to reach for, and what shows whether it did.
struct World {
    shown: Tmp,
    foreign: Tmp,
    tcp: TcpListener,
    udp: UdpSocket,
    _unix: UnixListener,
    _abstract: UnixListener,
}

/// The same as the child needs it: nothing there may allocate.
struct Targets {
    victim: CString,
    hook: CString,
    foreign: CString,
    parent: CString,
    parent_id: i32,
    unix: libc::sockaddr_un,
    hidden: (libc::sockaddr_un, u32),
    tcp: u16,
    udp: u16,
}

impl World {
    fn new() -> io::Result<World> {
        let (shown, foreign) = (Tmp::new()?, Tmp::new()?);
        std::fs::create_dir_all(shown.path().join(".git/hooks"))?;
        std::fs::write(shown.path().join("victim"), "precious")?;
        std::fs::write(foreign.path().join("secret"), "secret")?;
        let name = SocketAddr::from_abstract_name(shown.path().as_str())?;
        let udp = UdpSocket::bind(("127.0.0.1", 0))?;
        udp.set_nonblocking(true)?;
        Ok(World {
            tcp: TcpListener::bind(("127.0.0.1", 0))?,
            udp,
            _unix: UnixListener::bind(foreign.path().join("socket"))?,
            _abstract: UnixListener::bind_addr(&name)?,
            shown,
            foreign,
        })
    }

    fn targets(&self) -> io::Result<Targets> {
        let shown = self.shown.path();
        let path = |path: Utf8PathBuf| CString::new(path.into_string());
        let parent = std::process::id();
        Ok(Targets {
            victim: path(shown.join("victim"))?,
            hook: path(shown.join(".git/hooks/pre-commit"))?,
            foreign: path(self.foreign.path().join("secret"))?,
            parent: CString::new(format!("/proc/{parent}/stat"))?,
            parent_id: i32::try_from(parent).map_err(io::Error::other)?,
            unix: address(self.foreign.path().join("socket").as_str(), 0).0,
            hidden: address(shown.as_str(), 1),
            tcp: self.tcp.local_addr()?.port(),
            udp: self.udp.local_addr()?.port(),
        })
    }

    /// What the child is shown.
    fn view(&self) -> View {
        View {
            readable: vec![self.shown.path().to_owned()],
            writable: Vec::new(),
            masked: vec![Utf8PathBuf::from("/tmp"), "/run".into()],
            hidden: Vec::new(),
            cwd: "/".into(),
            network: Network::Off,
            processes: 64,
            file_bytes: 1 << 20,
            memory_bytes: 64 << 20,
            cpu_seconds: 60,
        }
    }

    /// What the world shows of what was done.
    fn shows(&self) -> u32 {
        let victim = self.shown.path().join("victim");
        let mut done = 0;
        if !std::fs::read(&victim).is_ok_and(|bytes| bytes == b"precious") {
            done |= WROTE;
        }
        if victim
            .metadata()
            .is_ok_and(|stat| stat.permissions().mode() & 0o777 == MODE)
        {
            done |= CHMOD;
        }
        if self.shown.path().join(".git/hooks/pre-commit").exists() {
            done |= HOOKED;
        }
        if self.udp.recv(&mut [0; 8]).is_ok() {
            done |= UDP;
        }
        done
    }
}

/// The mode that the child gives the victim.
const MODE: u32 = 0o610;

fn attempt(layers: Layers) -> io::Result<u32> {
    let world = World::new()?;
    let plan = Plan::new(&world.view(), layers)?;
    let (inner, targets) = (plan.clone(), world.targets()?);
    let mut command = Command::new("/bin/true");
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    unsafe {
        command.pre_exec(move || {
            inner.enter()?;
            inner.note(targets.try_all());
            libc::_exit(0)
        })
    };
    let status = command.spawn().and_then(|mut child| child.wait());
    status.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", plan.stage())))?;
    match (plan.status(), plan.noted()) {
        (Some(0), Some(done)) => Ok(done | world.shows()),
        _ => Err(io::Error::other("the probe died")),
    }
}

impl Targets {
    /// In the child: what succeeded, as bits.
    unsafe fn try_all(&self) -> u32 {
        unsafe {
            let done = [
                (WROTE, opens(&self.victim, libc::O_WRONLY | libc::O_TRUNC)),
                (HOOKED, opens(&self.hook, libc::O_WRONLY | libc::O_CREAT)),
                (READ, opens(&self.foreign, libc::O_RDONLY)),
                (TCP, self.tcp()),
                (
                    UNIX,
                    joins(&self.unix, size_of::<libc::sockaddr_un>() as u32),
                ),
                (ABSTRACT, joins(&self.hidden.0, self.hidden.1)),
                (
                    VSOCK,
                    libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0) >= 0,
                ),
                (SEEN, opens(&self.parent, libc::O_RDONLY)),
                (SIGNALLED, libc::kill(self.parent_id, 0) == 0),
                (MOUNT, mounts()),
                (URING, uring()),
                // Last: whoever traces is asked about every signal.
                (PTRACE, libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) == 0),
            ];
            // Their traces are looked for from outside.
            libc::chmod(self.victim.as_ptr(), MODE);
            self.send();
            done.iter()
                .fold(0, |sum, (bit, done)| sum | if *done { *bit } else { 0 })
        }
    }

    unsafe fn tcp(&self) -> bool {
        let address = loopback(self.tcp);
        let size = size_of::<libc::sockaddr_in>() as u32;
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            socket >= 0 && libc::connect(socket, (&raw const address).cast(), size) == 0
        }
    }

    unsafe fn send(&self) {
        let address = loopback(self.udp);
        let size = size_of::<libc::sockaddr_in>() as u32;
        unsafe {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
            if socket >= 0 {
                let to = (&raw const address).cast();
                libc::sendto(socket, c"x".as_ptr().cast(), 1, 0, to, size);
            }
        }
    }
}

unsafe fn opens(path: &std::ffi::CStr, flags: i32) -> bool {
    unsafe { libc::open(path.as_ptr(), flags | libc::O_NONBLOCK, 0o600) >= 0 }
}

unsafe fn joins(address: &libc::sockaddr_un, size: u32) -> bool {
    let address: *const libc::sockaddr_un = address;
    unsafe {
        let socket = libc::socket(libc::AF_UNIX, libc::SOCK_STREAM, 0);
        socket >= 0 && libc::connect(socket, address.cast(), size) == 0
    }
}

/// Begins a mount and drops it: should it be allowed, nothing has changed.
unsafe fn mounts() -> bool {
    unsafe { libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), 1) >= 0 }
}

unsafe fn uring() -> bool {
    let mut parameters = [0u8; 120];
    unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) >= 0 }
}

fn loopback(port: u16) -> libc::sockaddr_in {
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as _;
    address.sin_port = port.to_be();
    address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
    address
}

/// A Unix address: a path, or a name after one zero byte. Too long a path is cut, and reaches nothing.
fn address(name: &str, skip: usize) -> (libc::sockaddr_un, u32) {
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as _;
    for (to, from) in address.sun_path.iter_mut().skip(skip).zip(name.bytes()) {
        *to = from as _;
    }
    let size = size_of::<libc::sa_family_t>() + skip + name.len();
    (address, size as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were the tries themselves broken, every layer would seem to hold.
    #[test]
    fn without_layers_what_any_process_may_do_succeeds() {
        let nothing = Layers {
            namespaces: false,
            bubblewrap: false,
            landlock: None,
            seccomp: false,
        };
        let done = attempt(nothing).unwrap();
        let usual = WROTE | CHMOD | HOOKED | READ | TCP | UDP | UNIX | ABSTRACT | SEEN | SIGNALLED;
        assert_eq!(done & usual, usual, "{done:b}");
    }

    #[test]
    fn under_the_whole_stack_nothing_succeeds() {
        let found = probe();
        if found.namespaces.is_ok() && found.landlock.is_some_and(|abi| abi >= 6) {
            let possible: Vec<_> = found.attempts.iter().filter(|one| !one.denied).collect();
            assert!(possible.is_empty(), "{possible:?}");
        }
        assert_eq!(found.attempts.len(), TRIED.len());
    }
}
