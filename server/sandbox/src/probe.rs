//! `Report`: what this kernel enforces, found by trying in a confined child, not by reading settings.
//!
//! Invariant: a mechanism is reported as there only after a child under it failed to write outside and to reach a listening
//! socket.

mod mend;
#[cfg(target_os = "linux")]
mod tries;

use std::sync::OnceLock;

use serde::Serialize;

/// One mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Processes seen and ended as one.
    Processes,
    /// A read-only view of the disk with private folders.
    Mounts,
    /// A network of its own.
    Network,
    /// File rules of the kernel.
    Landlock,
    /// A filter of system calls.
    Seccomp,
    /// Bounds on files, processes and core dumps.
    Limits,
    /// A bound on the memory of all processes together.
    Memory,
    /// The profile of `sandbox-exec` on macOS.
    Seatbelt,
}

/// One mechanism, whether it holds, and why or why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mechanism {
    /// Which.
    pub layer: Layer,
    /// Whether it holds.
    pub active: bool,
    /// The name as in `enforced_by` when it holds, else the reason.
    pub why: String,
    /// What it keeps a command from.
    pub keeps: &'static str,
    /// What would bring it back, or make it better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// One thing that the confined child tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// What, in a few words.
    pub what: &'static str,
    /// Whether it was kept from it.
    pub denied: bool,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// 3: namespaces, Landlock and seccomp; 2: seccomp and one of the others, or Seatbelt; 1: seccomp; 0: nothing.
    pub level: u8,
    /// The kernel's name and release.
    pub kernel: String,
    /// Every mechanism, in the order of [`Layer`].
    pub mechanisms: Vec<Mechanism>,
    /// What a child under all mechanisms tried; empty where nothing confines.
    pub attempts: Vec<Attempt>,
    #[serde(skip)]
    landlock: Option<u32>,
    #[serde(skip)]
    bubblewrap: bool,
}

/// What the tries found.
struct Found {
    namespaces: Result<(), String>,
    seccomp: Result<(), String>,
    landlock: Option<u32>,
    /// Whether bubblewrap makes the namespaces.
    bubblewrap: bool,
    /// On macOS only.
    seatbelt: Option<Result<(), String>>,
    attempts: Vec<Attempt>,
}

impl Report {
    /// The report of this process's kernel; tried once.
    pub(crate) fn probed() -> Report {
        static ONCE: OnceLock<Report> = OnceLock::new();
        ONCE.get_or_init(|| Report::of(probe())).clone()
    }

    /// With the sandbox switched off.
    pub(crate) fn off() -> Report {
        Report::of(Found::nothing("sandbox.enabled is false"))
    }

    /// The mechanisms that hold.
    pub fn enforced_by(&self) -> Vec<String> {
        self.enforced_by_with(false)
    }

    pub(crate) fn enforced_by_with(&self, network: bool) -> Vec<String> {
        let holding = self
            .mechanisms
            .iter()
            .filter(|one| one.active && !(network && one.layer == Layer::Network));
        holding.map(|one| one.why.clone()).collect()
    }

    /// Whether a mechanism holds.
    pub fn has(&self, layer: Layer) -> bool {
        self.mechanisms
            .iter()
            .any(|one| one.layer == layer && one.active)
    }

    /// What does not hold, with the reasons.
    pub(crate) fn missing(&self) -> String {
        let missing = self.mechanisms.iter().filter(|one| !one.active);
        missing
            .map(|one| format!("{:?}: {}", one.layer, one.why))
            .collect::<Vec<_>>()
            .join(", ")
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn layers(&self) -> crate::confine::Layers {
        crate::confine::Layers {
            namespaces: self.has(Layer::Mounts) && !self.bubblewrap,
            bubblewrap: self.has(Layer::Mounts) && self.bubblewrap,
            landlock: self.landlock.filter(|_| self.has(Layer::Landlock)),
            seccomp: self.has(Layer::Seccomp),
        }
    }

    fn of(found: Found) -> Report {
        let linux = cfg!(target_os = "linux");
        let by = if found.bubblewrap {
            " (bubblewrap)"
        } else {
            ""
        };
        let whole = |name: &str| {
            let held = found.namespaces.clone();
            held.map(|()| format!("{name} namespace{by}"))
        };
        // Without a namespace a tree of processes is still ended as one.
        let tree = if linux {
            "process tree"
        } else {
            "process group"
        };
        let limits = match linux {
            true => Ok("rlimits".to_owned()),
            false => Err("not on this system".to_owned()),
        };
        let landlock = match found.landlock {
            Some(abi) => Ok(format!("landlock abi {abi}")),
            None if found.bubblewrap => Err("bubblewrap cannot mount under it".to_owned()),
            None => Err("not in this kernel, or switched off".to_owned()),
        };
        let (memory, watched) = memory();
        let mut all = vec![
            (
                Layer::Processes,
                whole("pid").or_else(|_| Ok(tree.to_owned())),
            ),
            (Layer::Mounts, whole("mount")),
            (Layer::Network, whole("network")),
            (Layer::Landlock, landlock),
            (
                Layer::Seccomp,
                found.seccomp.clone().map(|()| "seccomp".to_owned()),
            ),
            (Layer::Limits, limits),
            (Layer::Memory, memory),
        ];
        if let Some(seatbelt) = &found.seatbelt {
            // Nobody has run it yet on a real machine, and whoever reads this should know.
            let named = seatbelt
                .clone()
                .map(|()| "seatbelt (unverified)".to_owned());
            all.push((Layer::Seatbelt, named));
        }
        let level = match (&found.namespaces, &found.seccomp, found.landlock) {
            (Ok(()), Ok(()), Some(_)) => 3,
            (Ok(()), Ok(()), None) | (Err(_), Ok(()), Some(_)) => 2,
            (_, Ok(()), None) => 1,
            _ if matches!(found.seatbelt, Some(Ok(()))) => 2,
            _ => 0,
        };
        let machine = mend::Machine::here();
        let mechanisms = all.into_iter().map(|(layer, state)| Mechanism {
            layer,
            active: state.is_ok(),
            mend: match (&state, layer) {
                (Ok(_), Layer::Memory) => watched.clone(),
                (Ok(_), _) => None,
                (Err(_), Layer::Landlock) if found.bubblewrap => None,
                (Err(_), _) => machine.mend(layer),
            },
            why: state.unwrap_or_else(|why| why),
            keeps: keeps(layer),
        });
        Report {
            level,
            kernel: machine.kernel.clone(),
            mechanisms: mechanisms.collect(),
            attempts: found.attempts,
            landlock: found.landlock,
            bubblewrap: found.bubblewrap,
        }
    }
}

impl Found {
    fn nothing(why: &str) -> Found {
        Found {
            namespaces: Err(why.to_owned()),
            seccomp: Err(why.to_owned()),
            landlock: None,
            bubblewrap: false,
            seatbelt: None,
            attempts: Vec::new(),
        }
    }
}

fn keeps(layer: Layer) -> &'static str {
    match layer {
        Layer::Processes => "leaving processes behind; with a namespace also from seeing others",
        Layer::Mounts => "writing outside its folders, reading homes, other /tmp and secret files",
        Layer::Network => "the network; loopback inside works",
        Layer::Landlock => {
            "files outside its roots, also where mounts fail; sockets and signals of others"
        }
        Layer::Seccomp => "ptrace, mounts, bpf, keyrings, io_uring, other socket families",
        Layer::Limits => "endless processes, files, processor time and core dumps",
        Layer::Seatbelt => "files outside its roots, secret files, the network, other processes",
        Layer::Memory => "taking the machine's memory, with all that it starts together",
    }
}

/// The kernel counts and ends.
#[cfg(target_os = "linux")]
pub(crate) const MEMORY_GROUP: &str = "memory cgroup";
/// We count and end.
#[cfg(target_os = "linux")]
pub(crate) const MEMORY_WATCH: &str = "memory watch";

/// The memory mechanism, and what keeps it from being a better one.
#[cfg(target_os = "linux")]
fn memory() -> (Result<String, String>, Option<String>) {
    match crate::confine::Place::here() {
        Ok(_) => (Ok(MEMORY_GROUP.to_owned()), None),
        Err(why) => {
            let hint = format!(
                "looked at every 50 ms, since no control group can be made ({why}); `systemd-run --user --scope animus …` gives one"
            );
            (Ok(MEMORY_WATCH.to_owned()), Some(hint))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn memory() -> (Result<String, String>, Option<String>) {
    (Err("not on this system".to_owned()), None)
}

#[cfg(target_os = "linux")]
fn probe() -> Found {
    tries::probe()
}

#[cfg(not(target_os = "linux"))]
fn probe() -> Found {
    Found {
        #[cfg(target_os = "macos")]
        seatbelt: Some(crate::seatbelt::holds().map_err(|error| error.to_string())),
        ..Found::nothing("not on this system")
    }
}
