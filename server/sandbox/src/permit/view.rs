//! Which parts of the disk a permit shows its command.
//!
//! Invariant: home, `/tmp` and `/run` are empty but for toolchains, the workspace and the scratch tree; secrets stay hidden.

use camino::{Utf8Path, Utf8PathBuf};

use super::{Access, Limits, Sandbox};
use crate::confine::{Network, View};
use crate::tmp::Tmp;

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
            hidden: self.environment.secrets(),
            cwd: cwd.to_owned(),
            network,
            processes: limits.processes,
            file_bytes: limits.file_bytes,
        }
    }
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
