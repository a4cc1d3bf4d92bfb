//! The tries under bubblewrap, which must start a program: a shell tries what a shell can.
//!
//! Invariant: as for the other tries, the world is asked what was done; only what nobody else sees is the shell's to say.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use super::super::Attempt;
use super::{CHMOD, HOOKED, READ, SEEN, SIGNALLED, TCP, TRIED, UDP, WROTE, World};
use crate::confine::{Layers, Plan, Wrap};

const SHELL: &str = "/bin/bash";
/// Arguments: victim, hook, foreign file, TCP port, UDP port, the host's process.
const TRIES: &str = "\
(echo x >$1); (echo x >$2); (chmod 610 $1); (echo x >/dev/tcp/127.0.0.1/$4); (echo x >/dev/udp/127.0.0.1/$5)
(read -r x <$3) && echo read; (read -r x </proc/$6/stat) && echo seen; kill -0 $6 && echo signalled
echo end";
/// What the shell tries, of all that is tried.
const BITS: [u32; 8] = [WROTE, CHMOD, HOOKED, READ, TCP, UDP, SEEN, SIGNALLED];

/// What a shell under bubblewrap and the filters tried; an error where it was not held, or did not run.
pub(super) fn holds() -> io::Result<Vec<Attempt>> {
    if !Wrap::trusted() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let done = attempt()?;
    if done & (WROTE | HOOKED | CHMOD | READ | TCP | UDP) != 0 {
        return Err(io::Error::other("the probe got outside"));
    }
    let attempts = TRIED.iter().enumerate().map(|(bit, what)| (1 << bit, what));
    let tried = attempts.filter(|(bit, _)| BITS.contains(bit));
    Ok(tried
        .map(|(bit, what)| Attempt {
            what,
            denied: done & bit == 0,
        })
        .collect())
}

fn attempt() -> io::Result<u32> {
    let world = World::new()?;
    world.tcp.set_nonblocking(true)?;
    let layers = Layers {
        namespaces: false,
        bubblewrap: true,
        landlock: None,
        seccomp: true,
    };
    let plan = Plan::new(&world.view(), layers)?;
    let Some(wrap) = plan.wrap() else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let shown = world.shown.path();
    let mut command = wrap.command(SHELL, &["-c", TRIES, "tries"].map(str::to_owned));
    command
        .arg(shown.join("victim"))
        .arg(shown.join(".git/hooks/pre-commit"))
        .arg(world.foreign.path().join("secret"))
        .arg(world.tcp.local_addr()?.port().to_string())
        .arg(world.udp.local_addr()?.port().to_string())
        .arg(std::process::id().to_string())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let inner = plan.clone();
    unsafe { command.pre_exec(move || inner.enter()) };
    let mut child = command.spawn()?;
    let mut said = String::new();
    if let Some(out) = &mut child.stdout {
        out.read_to_string(&mut said)?;
    }
    child.wait()?;
    if !said.ends_with("end\n") {
        return Err(io::Error::other("the probe died"));
    }
    let mut done = world.shows();
    if world.tcp.accept().is_ok() {
        done |= TCP;
    }
    for (word, bit) in [
        ("read\n", READ),
        ("seen\n", SEEN),
        ("signalled\n", SIGNALLED),
    ] {
        done |= if said.contains(word) { bit } else { 0 };
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bubblewrap_holds_where_it_is() {
        if !Wrap::trusted() {
            return;
        }
        let attempts = holds().unwrap();
        assert_eq!(attempts.len(), BITS.len());
        assert!(attempts.iter().all(|one| one.denied), "{attempts:?}");
    }
}
