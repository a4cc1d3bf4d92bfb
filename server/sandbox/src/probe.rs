//! `Report`: what this kernel enforces, found by trying in a confined child, not by reading settings.
//!
//! Invariant: a mechanism is reported as there only after a child under it failed to write outside and to reach a listening
//! socket.

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
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// 3: namespaces, Landlock and seccomp; 2: seccomp and one of the others; 1: seccomp; 0: nothing.
    pub level: u8,
    /// Every mechanism, in the order of [`Layer`].
    pub mechanisms: Vec<Mechanism>,
    #[serde(skip)]
    landlock: Option<u32>,
}

impl Report {
    /// The report of this process's kernel; tried once.
    pub(crate) fn probed() -> Report {
        static ONCE: OnceLock<Report> = OnceLock::new();
        ONCE.get_or_init(tries::probe).clone()
    }

    /// With the sandbox switched off.
    pub(crate) fn off() -> Report {
        Report::of(
            Err("sandbox.enabled is false".to_owned()),
            Err("sandbox.enabled is false".to_owned()),
            None,
        )
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
            namespaces: self.has(Layer::Mounts),
            landlock: self.landlock.filter(|_| self.has(Layer::Landlock)),
            seccomp: self.has(Layer::Seccomp),
        }
    }

    fn of(
        namespaces: Result<(), String>,
        seccomp: Result<(), String>,
        landlock: Option<u32>,
    ) -> Report {
        let namespace = |layer, name: &str| match &namespaces {
            Ok(()) => Mechanism {
                layer,
                active: true,
                why: format!("{name} namespace"),
            },
            Err(why) => Mechanism {
                layer,
                active: false,
                why: why.clone(),
            },
        };
        let mut processes = namespace(Layer::Processes, "pid");
        if !processes.active {
            let why = if cfg!(target_os = "linux") {
                "process tree"
            } else {
                "process group"
            };
            processes = Mechanism {
                layer: Layer::Processes,
                active: true,
                why: why.to_owned(),
            };
        }
        let limits = cfg!(target_os = "linux");
        let level = match (&namespaces, &seccomp, landlock) {
            (Ok(()), Ok(()), Some(_)) => 3,
            (Ok(()), Ok(()), None) | (Err(_), Ok(()), Some(_)) => 2,
            (_, Ok(()), None) => 1,
            _ => 0,
        };
        let mechanisms = vec![
            processes,
            namespace(Layer::Mounts, "mount"),
            namespace(Layer::Network, "network"),
            match landlock {
                Some(abi) => Mechanism {
                    layer: Layer::Landlock,
                    active: true,
                    why: format!("landlock abi {abi}"),
                },
                None => Mechanism {
                    layer: Layer::Landlock,
                    active: false,
                    why: "not in this kernel, or switched off".to_owned(),
                },
            },
            match seccomp {
                Ok(()) => Mechanism {
                    layer: Layer::Seccomp,
                    active: true,
                    why: "seccomp".to_owned(),
                },
                Err(why) => Mechanism {
                    layer: Layer::Seccomp,
                    active: false,
                    why,
                },
            },
            Mechanism {
                layer: Layer::Limits,
                active: limits,
                why: if limits {
                    "rlimits"
                } else {
                    "not on this system"
                }
                .to_owned(),
            },
        ];
        Report {
            level,
            mechanisms,
            landlock,
        }
    }
}

#[cfg(target_os = "linux")]
mod tries;

#[cfg(not(target_os = "linux"))]
mod tries {
    //! No confinement on this system yet.

    pub(super) fn probe() -> super::Report {
        let why = || Err("not on this system".to_owned());
        super::Report::of(why(), why(), None)
    }
}
