//! The tries: a confined child that attempts what it must not be able to do.
//!
//! Invariant: the verdict is read from the world (a file's content, the child's status), not from the child's words.

use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::Report;
use crate::confine::{Layers, Network, Plan, View, landlock_abi};
use crate::tmp::Tmp;

/// Tries the whole stack, then less of it, until something holds.
pub(super) fn probe() -> Report {
    let abi = landlock_abi();
    let layers = |namespaces, landlock| Layers {
        namespaces,
        landlock,
        seccomp: true,
    };
    let namespaces = holds(layers(true, abi));
    if namespaces.is_ok() {
        return Report::of(Ok(()), Ok(()), abi);
    }
    // Landlock may be what fails, inside namespaces that work.
    if abi.is_some() && holds(layers(true, None)).is_ok() {
        return Report::of(Ok(()), Ok(()), None);
    }
    if abi.is_some() && holds(layers(false, abi)).is_ok() {
        return Report::of(namespaces, Ok(()), abi);
    }
    Report::of(namespaces, holds(layers(false, None)), None)
}

/// Whether a child under these layers is held: it cannot write the victim, nor reach the listener. With seccomp alone only the
/// socket is tried.
fn holds(layers: Layers) -> Result<(), String> {
    let files = layers.namespaces || layers.landlock.is_some();
    attempt(layers, files).map_err(|error| error.to_string())
}

fn attempt(layers: Layers, files: bool) -> io::Result<()> {
    let tmp = Tmp::new()?;
    let victim = tmp.path().join("victim");
    std::fs::write(&victim, "precious")?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let view = View {
        readable: vec![tmp.path().to_owned()],
        writable: Vec::new(),
        masked: vec![Utf8PathBuf::from("/tmp"), "/run".into()],
        hidden: Vec::new(),
        cwd: "/".into(),
        network: Network::Off,
        processes: 64,
        file_bytes: 1 << 20,
    };
    let plan = Plan::new(&view, layers)?;
    let (inner, path) = (plan.clone(), std::ffi::CString::new(victim.as_str())?);
    let mut command = Command::new("/bin/true");
    command
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    unsafe {
        command.pre_exec(move || {
            inner.enter()?;
            libc::_exit(try_all(&path, port))
        })
    };
    let status = command.spawn().and_then(|mut child| child.wait());
    status.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", plan.stage())))?;
    let tried = plan
        .status()
        .filter(|status| libc::WIFEXITED(*status))
        .map(|status| libc::WEXITSTATUS(status));
    let Some(done) = tried else {
        return Err(io::Error::other("the probe died"));
    };
    if done & CONNECTED != 0 {
        return Err(io::Error::other("the probe reached a socket outside"));
    }
    if files && (done & WROTE != 0 || !intact(&victim)) {
        return Err(io::Error::other("the probe wrote a file outside"));
    }
    Ok(())
}

fn intact(victim: &Utf8Path) -> bool {
    std::fs::read(victim).is_ok_and(|bytes| bytes == b"precious")
}

const WROTE: i32 = 1;
const CONNECTED: i32 = 2;

/// In the child: what succeeded, as bits.
unsafe fn try_all(victim: &std::ffi::CStr, port: u16) -> i32 {
    let mut done = 0;
    unsafe {
        if libc::open(victim.as_ptr(), libc::O_WRONLY | libc::O_TRUNC) >= 0 {
            done |= WROTE;
        }
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
        let mut address: libc::sockaddr_in = std::mem::zeroed();
        address.sin_family = libc::AF_INET as _;
        address.sin_port = port.to_be();
        address.sin_addr.s_addr = u32::from_be_bytes([127, 0, 0, 1]).to_be();
        let size = size_of::<libc::sockaddr_in>() as u32;
        if socket >= 0 && libc::connect(socket, (&raw const address).cast(), size) == 0 {
            done |= CONNECTED;
        }
    }
    done
}
