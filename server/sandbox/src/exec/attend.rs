//! Attending one child from start to end: its streams, its deadline, its caller's wish to stop.
//!
//! Invariant: the thread that runs this lives as long as the child, since the child dies with it.

use std::io::{self, Read};
#[cfg(target_os = "linux")]
use std::os::fd::FromRawFd;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use camino::Utf8Path;

use super::meter::Meter;
use super::{End, Limits, Outcome};
use crate::Error;
use crate::output::{Capture, Stream};
use crate::permit::Permit;

/// How long a supervisor has to end its tree before it is killed itself (which ends the tree by its death signals).
const GRACE: Duration = Duration::from_secs(5);

/// Between two attempts to end a tree.
const AGAIN: Duration = Duration::from_millis(10);

/// No run is longer, whatever its limits say: an instant much further off does not exist.
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Runs a permit on this thread. `line` hanging up means: cancel. What is given back beside the outcome is the supervisor, which
/// has nothing left to supervise but must still be waited for: its last act, taking the mounts down, need not be.
pub(crate) fn run(
    permit: &Permit,
    line: Option<&UnixStream>,
    mut show: impl FnMut(Stream, String),
) -> Result<(Outcome, Child), Error> {
    let Some(program) = &permit.program else {
        return Err(Error::NotFound {
            program: permit.argv[0].clone(),
            path: permit.search_path.clone(),
        });
    };
    let started = Instant::now();
    #[cfg(target_os = "linux")]
    let cell = permit.cell();
    #[cfg(target_os = "linux")]
    let plan = permit.plan(cell.as_ref())?;
    #[cfg(target_os = "linux")]
    let enforced_by = permit.enforced_by_in(cell.as_ref());
    #[cfg(not(target_os = "linux"))]
    let enforced_by = permit.enforced_by.clone();
    #[cfg(target_os = "linux")]
    let mut command = match plan.wrap() {
        Some(wrap) => wrap.command(program, &permit.argv[1..]),
        None => named(program, permit),
    };
    #[cfg(target_os = "macos")]
    let mut command = match permit.seatbelt {
        true => crate::seatbelt::command(&permit.view, program, &permit.argv[1..])?,
        false => named(program, permit),
    };
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    let mut command = named(program, permit);
    command
        .env_clear()
        .envs(&permit.variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    #[cfg(target_os = "linux")]
    {
        let inner = plan.clone();
        unsafe { command.pre_exec(move || inner.enter()) };
    }
    #[cfg(not(target_os = "linux"))]
    command.process_group(0).current_dir(&permit.view.cwd);
    let child = command.spawn().map_err(|source| Error::Start {
        program: program.to_string(),
        #[cfg(target_os = "linux")]
        stage: plan.stage().to_owned(),
        #[cfg(not(target_os = "linux"))]
        stage: "exec".to_owned(),
        source,
    })?;
    #[cfg(target_os = "linux")]
    let init = plan.init();
    #[cfg(not(target_os = "linux"))]
    let init = None;
    // The supervisor and init are copies of this process, with its memory.
    let meter = Meter::new(init.unwrap_or(child.id()), permit.limits);
    #[cfg(target_os = "linux")]
    let meter = meter.within(cell).seeing(&permit.view);
    let mut watch = Watch::new(child, init, permit.limits, meter);
    let deadline = started + permit.limits.timeout.min(LONGEST);
    let stopped = watch.until_gone(deadline, line, &mut show)?;
    #[cfg(target_os = "linux")]
    let status = plan.status();
    #[cfg(not(target_os = "linux"))]
    let status = Some(watch.child.wait()?.into_raw());
    let stopped = stopped.or_else(|| watch.meter.last());
    let dropped_bytes = watch.stdout.dropped() + watch.stderr.dropped();
    let outcome = Outcome {
        end: stopped.unwrap_or_else(|| ended(status)),
        stdout: watch.stdout.finish(),
        stderr: watch.stderr.finish(),
        truncated: dropped_bytes > 0,
        dropped_bytes,
        enforced_by,
        duration: started.elapsed(),
    };
    // With the meter goes the control group, and whatever were left in it.
    drop(watch.meter);
    Ok((outcome, watch.child))
}

/// The program under the name by which it was called.
fn named(program: &Utf8Path, permit: &Permit) -> Command {
    let mut command = Command::new(program);
    command.arg0(&permit.argv[0]).args(&permit.argv[1..]);
    command
}

/// The program's own end; without a status its init was killed before it could note one.
fn ended(status: Option<i32>) -> End {
    let Some(status) = status.map(std::process::ExitStatus::from_raw) else {
        return End::Signal(libc::SIGKILL);
    };
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, signal) => End::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}

struct Watch {
    child: Child,
    /// Readable when all that the program started is gone: of its init, and of the supervisor.
    gone: [Option<OwnedFd>; 2],
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    stdout: Capture,
    stderr: Capture,
    most_output: u64,
    meter: Meter,
}

struct Woken {
    gone: bool,
    hung_up: bool,
}

impl Watch {
    fn new(mut child: Child, init: Option<u32>, limits: Limits, meter: Meter) -> Watch {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        for fd in [
            out.as_ref().map(AsRawFd::as_raw_fd),
            err.as_ref().map(AsRawFd::as_raw_fd),
        ]
        .into_iter()
        .flatten()
        {
            let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
            unsafe { libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK) };
        }
        let gone = [init.and_then(end_of), end_of(child.id())];
        Watch {
            child,
            gone,
            out,
            err,
            stdout: Capture::new(limits.output_bytes),
            stderr: Capture::new(limits.output_bytes),
            most_output: limits.most_output,
            meter,
        }
    }

    /// Reads until the child is gone; says what stopped it, if something did.
    fn until_gone(
        &mut self,
        deadline: Instant,
        line: Option<&UnixStream>,
        show: &mut impl FnMut(Stream, String),
    ) -> io::Result<Option<End>> {
        let mut stopped: Option<(End, Instant)> = None;
        loop {
            let wake = match stopped {
                None => deadline.min(self.meter.due()),
                Some(_) => Instant::now() + AGAIN,
            };
            // Without a descriptor for the child's end it is asked every few milliseconds.
            let longest = if self.gone[1].is_some() {
                Duration::from_secs(3600)
            } else {
                Duration::from_millis(5)
            };
            let woken = self.wait(
                wake.saturating_duration_since(Instant::now()).min(longest),
                line.filter(|_| stopped.is_none()),
            );
            self.drain(show);
            if woken.gone || self.child.try_wait()?.is_some() {
                self.drain(show);
                return Ok(stopped.map(|(end, _)| end).or_else(|| self.flooded()));
            }
            match stopped {
                None => match self.over(&woken, deadline) {
                    Some(end) => stopped = Some((end, Instant::now())),
                    None => continue,
                },
                Some((_, since)) if since.elapsed() >= GRACE => self.child.kill()?,
                Some(_) => {}
            }
            self.meter.stop();
            stop(&self.child);
        }
    }

    /// Why the tree has to end now, if it has to.
    fn over(&mut self, woken: &Woken, deadline: Instant) -> Option<End> {
        let now = Instant::now();
        if woken.hung_up {
            return Some(End::Cancelled);
        }
        if now >= deadline {
            return Some(End::Timeout);
        }
        self.flooded().or_else(|| match now >= self.meter.due() {
            true => self.meter.look(),
            false => None,
        })
    }

    fn flooded(&self) -> Option<End> {
        let written = self.stdout.seen() + self.stderr.seen();
        (written > self.most_output).then_some(End::Output(self.most_output))
    }

    /// Sleeps until something happens.
    fn wait(&self, time: Duration, line: Option<&UnixStream>) -> Woken {
        let [init, supervisor] = &self.gone;
        let fds = [
            init.as_ref().map(AsRawFd::as_raw_fd),
            supervisor.as_ref().map(AsRawFd::as_raw_fd),
            line.map(AsRawFd::as_raw_fd),
            self.out.as_ref().map(AsRawFd::as_raw_fd),
            self.err.as_ref().map(AsRawFd::as_raw_fd),
        ];
        // A negative descriptor is skipped by poll.
        let mut set = fds.map(|fd| libc::pollfd {
            fd: fd.unwrap_or(-1),
            events: libc::POLLIN,
            revents: 0,
        });
        let milliseconds = i32::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        let ready = unsafe { libc::poll(set.as_mut_ptr(), set.len() as _, milliseconds) } > 0;
        Woken {
            gone: ready && (set[0].revents | set[1].revents) != 0,
            hung_up: ready && set[2].revents != 0,
        }
    }

    fn drain(&mut self, show: &mut impl FnMut(Stream, String)) {
        read(&mut self.out, &mut self.stdout, |text| {
            show(Stream::Stdout, text)
        });
        read(&mut self.err, &mut self.stderr, |text| {
            show(Stream::Stderr, text)
        });
    }
}

/// Reads what is there, at most 1 MiB so that a flood cannot hold off the deadline; closes at the end.
fn read<R: Read>(from: &mut Option<R>, into: &mut Capture, mut show: impl FnMut(String)) {
    let mut bytes = [0; 64 << 10];
    for _ in 0..16 {
        let Some(reader) = from else { return };
        match reader.read(&mut bytes) {
            Ok(0) => *from = None,
            Ok(count) => {
                if let Some(text) = into.take(&bytes[..count]) {
                    show(text);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *from = None,
        }
    }
}

/// A descriptor that becomes readable when the process ends.
#[cfg(target_os = "linux")]
fn end_of(pid: u32) -> Option<OwnedFd> {
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0u32) };
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

#[cfg(not(target_os = "linux"))]
fn end_of(_: u32) -> Option<OwnedFd> {
    None
}

/// Asks for the end of the whole tree; the child has not been waited for, so its id is still its own.
fn stop(child: &Child) {
    #[cfg(target_os = "linux")]
    unsafe {
        libc::kill(child.id() as i32, libc::SIGTERM);
        // Where no layer keeps the program from its supervisor, it may have stopped it.
        libc::kill(child.id() as i32, libc::SIGCONT);
    };
    #[cfg(not(target_os = "linux"))]
    unsafe {
        libc::killpg(child.id() as i32, libc::SIGKILL)
    };
}
