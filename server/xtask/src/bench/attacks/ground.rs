//! Ground: the throw-away world in which one attack is tried, and what shows that it landed: files, listeners, a process of the host.

use crate::shell::command;
use anyhow::Result;
use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BARE: &str = "mkdir -p sub && cd sub && git init -q --bare . && git config core.bare false && git config core.worktree . && git config core.fsmonitor @WS@/x.sh";
const SUBMODULE: &str = "git init -q sm && cd sm && echo a>a && git add a && git -c user.name=a -c user.email=a@b commit -qm s && git config core.fsmonitor @WS@/x.sh && cd .. && git -c protocol.file.allow=always submodule add -q ./sm sm2 2>/dev/null; git -C sm2 config core.fsmonitor @WS@/x.sh";
const WORKTREE: &str = "git worktree add -q wt 2>/dev/null; git config core.fsmonitor @WS@/x.sh";

/// See the module. Removed with the value.
pub(super) struct Ground {
    top: PathBuf,
    tcp: TcpListener,
    udp: UdpSocket,
    /// By path, and without one.
    unix: [UnixListener; 2],
    host: Child,
    places: Vec<(&'static str, String)>,
}

/// What a program did.
pub(super) struct Done {
    /// None where a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) out: String,
    pub(super) took: Duration,
}

impl Ground {
    pub(super) fn new(number: usize) -> Result<Ground> {
        // Not below /tmp, which every command has for itself.
        let top = PathBuf::from(format!(
            "/var/tmp/animus-bench-attacks-{}-{number}",
            std::process::id()
        ));
        let (ws, out) = (top.join("ws"), top.join("out"));
        for folder in [&ws, &out.join("home/.ssh"), &out.join("dir")] {
            fs::create_dir_all(folder)?;
        }
        for (file, text) in [
            ("victim", "precious\n"),
            ("secret", "SECRET-CANARY\n"),
            ("home/.ssh/id_ed25519", "SECRET-CANARY key\n"),
            ("dir/keep", "k"),
        ] {
            fs::write(out.join(file), text)?;
        }
        fs::write(ws.join("f.txt"), "foo a\nbar\n")?;
        fs::write(ws.join("g.txt"), "g\n")?;
        let program = ws.join("x.sh");
        fs::write(
            &program,
            format!(
                "#!/bin/sh\ntouch {}/pwned\ntouch {}/canary\n",
                ws.display(),
                out.display()
            ),
        )?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        let abstract_name = format!("animus-probe-{}-{number}", std::process::id());
        let tcp = TcpListener::bind("127.0.0.1:0")?;
        let udp = UdpSocket::bind("127.0.0.1:0")?;
        let socket = out.join("s");
        let unix = [
            UnixListener::bind(&socket)?,
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&abstract_name)?)?,
        ];
        let host = Command::new("sleep")
            .arg("600")
            .env("HOSTSECRET", "SECRET-CANARY-HOST")
            .stdout(Stdio::null())
            .spawn()?;
        tcp.set_nonblocking(true)?;
        udp.set_nonblocking(true)?;
        unix.iter()
            .try_for_each(|listener| listener.set_nonblocking(true))?;
        let places = vec![
            ("@BARE@", BARE.to_owned()),
            ("@SUBM@", SUBMODULE.to_owned()),
            ("@WTREE@", WORKTREE.to_owned()),
            ("@WS@", ws.display().to_string()),
            ("@OUT@", out.display().to_string()),
            ("@HOME@", out.join("home").display().to_string()),
            ("@PORT@", tcp.local_addr()?.port().to_string()),
            ("@UDP@", udp.local_addr()?.port().to_string()),
            ("@SOCK@", socket.display().to_string()),
            ("@HPID@", host.id().to_string()),
            ("animus-probe", abstract_name),
        ];
        let ground = Ground {
            top,
            tcp,
            udp,
            unix,
            host,
            places,
        };
        ground.shell(
            "git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm one",
        )?;
        Ok(ground)
    }

    /// With the places of this ground put in.
    pub(super) fn placed(&self, text: &str) -> String {
        self.places
            .iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
    }

    /// Runs a line of shell in the workspace.
    pub(super) fn shell(&self, line: &str) -> Result<Done> {
        let line = self.placed(line);
        self.run(Path::new("bash"), &["-c", &line], &BTreeMap::new())
    }

    /// Runs a program in the workspace, for half a minute at most. What outlives it may hold its output open, so that is a file.
    pub(super) fn run(
        &self,
        program: &Path,
        words: &[&str],
        env: &BTreeMap<String, String>,
    ) -> Result<Done> {
        let said = self.top.join("said");
        let begin = Instant::now();
        let status = command("timeout")
            .args(["--kill-after=1", "30"])
            .arg(program)
            .args(words)
            .envs(env)
            .env("ANIMUS_STATE_DIR", self.top.join("state"))
            .env("XDG_CONFIG_HOME", self.top.join("config"))
            .current_dir(self.top.join("ws"))
            .stdout(fs::File::create(&said)?)
            .stderr(Stdio::null())
            .status()?;
        Ok(Done {
            code: status.code(),
            out: String::from_utf8_lossy(&fs::read(&said)?).into_owned(),
            took: begin.elapsed(),
        })
    }

    /// Every file of the workspace with a hash, and what git obeys.
    pub(super) fn files(&self) -> Result<String> {
        Ok(self.shell("find . -path ./.git -prune -o -type f -print0 | sort -z | xargs -0 md5sum; md5sum .git/config; ls .git/hooks")?.out)
    }

    /// Which listeners were reached.
    pub(super) fn reached(&self) -> Vec<&'static str> {
        let [by_path, without] = &self.unix;
        let found = [
            ("TCP", self.tcp.accept().is_ok()),
            ("UDP", self.udp.recv(&mut [0; 64]).is_ok()),
            ("a socket by its path", by_path.accept().is_ok()),
            ("an abstract socket", without.accept().is_ok()),
        ];
        found
            .into_iter()
            .filter(|(_, reached)| *reached)
            .map(|(name, _)| name)
            .collect()
    }

    /// Processes that still work in this ground half a second after all should be over.
    pub(super) fn survivors(&self) -> Vec<String> {
        let top = self.top.display().to_string();
        let here = |pid: &String| {
            let place = fs::read_link(format!("/proc/{pid}/cwd"))
                .is_ok_and(|cwd| cwd.starts_with(&self.top));
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            pid.bytes().all(|byte| byte.is_ascii_digit()) && (place || words.contains(&top))
        };
        let processes = || {
            fs::read_dir("/proc")
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
        };
        for _ in 0..10 {
            if !processes().any(|pid| here(&pid)) {
                return Vec::new();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        processes().filter(here).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // Best effort: a bench has nobody to tell.
        drop(self.host.kill());
        drop(self.host.wait());
        drop(fs::remove_dir_all(&self.top));
    }
}
