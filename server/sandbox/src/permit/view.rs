//! Which parts of the disk a permit shows its command.
//!
//! Invariant: home, `/tmp` and `/run` are empty but for toolchains, the workspace and the scratch tree; secrets stay hidden.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Access, Limits, Sandbox};

use crate::tmp::Tmp;
use crate::view::{Network, View};

impl Sandbox {
    pub(super) fn view(
        &self,
        access: &Access,
        scratch: Option<Utf8PathBuf>,
        cwd: &Utf8Path,
        limits: Limits,
        tmp: Option<&Tmp>,
        program: Option<&Utf8Path>,
    ) -> View {
        let network = if self.networked(access) {
            Network::Host
        } else {
            Network::Off
        };
        let mut readable = self.environment.toolchains();
        readable.push(self.root.clone());
        for folder in [Some(&self.root), scratch.as_ref()].into_iter().flatten() {
            readable.extend(configured_above(folder));
        }
        readable.extend(program.and_then(|program| program.canonicalize_utf8().ok()));
        if network == Network::Host {
            // Where resolv.conf usually points.
            readable.extend(Utf8Path::new("/etc/resolv.conf").canonicalize_utf8());
        }
        let writable = scratch
            .into_iter()
            .chain(tmp.map(|tmp| tmp.path().to_owned()))
            .collect();
        let places = ["/tmp", "/var/tmp", "/run", "/dev/shm"].map(Utf8PathBuf::from);
        let home = self
            .environment
            .home()
            .filter(|home| home.components().count() > 1 && !home.starts_with("/usr"));
        let mut masked: Vec<Utf8PathBuf> = places
            .into_iter()
            .filter_map(|place| place.canonicalize_utf8().ok())
            .collect();
        masked.extend(home.map(Utf8Path::to_owned));
        masked.extend(["/home", "/root"].map(Utf8PathBuf::from));
        // /dev gets a mount of its own.
        masked.retain(|place| !place.starts_with("/dev") && *place != self.root);
        masked.sort();
        masked.dedup();
        View {
            readable,
            writable,
            masked,
            hidden: self.environment.secrets(&self.root),
            cwd: cwd.to_owned(),
            network,
            processes: limits.processes,
            file_bytes: limits.file_bytes,
            memory_bytes: limits.memory_bytes,
            cpu_seconds: cpu_seconds(limits.timeout),
        }
    }
}

/// What one process can use in this time on all cores, and a margin: the clock is to strike first.
fn cpu_seconds(timeout: Duration) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    let seconds = timeout.as_secs().saturating_add(10);
    seconds.saturating_mul(cores)
}

/// Files in the folders above that build tools look for, and give up on when they are there but cannot be read.
fn configured_above(folder: &Utf8Path) -> impl Iterator<Item = Utf8PathBuf> + '_ {
    const NAMES: [&str; 16] = [
        ".cargo/config.toml",
        ".cargo/config",
        "Cargo.toml",
        "rust-toolchain.toml",
        "rust-toolchain",
        "rustfmt.toml",
        ".rustfmt.toml",
        "clippy.toml",
        ".clippy.toml",
        "go.work",
        "go.mod",
        "package.json",
        "tsconfig.json",
        "pyproject.toml",
        "pytest.ini",
        ".editorconfig",
    ];
    folder
        .ancestors()
        .skip(1)
        .flat_map(|above| NAMES.map(|name| above.join(name)))
        .filter(|path| path.is_file())
}
