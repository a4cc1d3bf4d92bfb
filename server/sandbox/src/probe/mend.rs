//! `Machine`: the settings of a kernel that commonly keep a layer away, and what to do about each.
//!
//! Invariant: settings explain a verdict, they never make one.

use super::Layer;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Machine {
    /// Name and release.
    pub(super) kernel: String,
    /// AppArmor lets only listed programs make user namespaces (Ubuntu 24.04 and later).
    apparmor: bool,
    /// The number of user namespaces is set to none, or they are for root alone.
    userns_off: Option<&'static str>,
    /// Inside Docker, Podman or the like.
    container: bool,
    /// Security modules of this boot, where the kernel tells.
    modules: Option<String>,
}

const APPARMOR: &str = "kernel.apparmor_restrict_unprivileged_userns";

impl Machine {
    #[cfg(target_os = "linux")]
    pub(super) fn here() -> Machine {
        let read = |path: &str| {
            let text = std::fs::read_to_string(path).ok()?;
            Some(text.trim().to_owned())
        };
        let is = |path: &str, value: &str| read(path).is_some_and(|text| text == value);
        let exists = |path: &str| std::path::Path::new(path).exists();
        Machine {
            kernel: format!(
                "Linux {}",
                read("/proc/sys/kernel/osrelease").unwrap_or_default()
            ),
            apparmor: is(
                "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                "1",
            ),
            userns_off: match () {
                () if is("/proc/sys/user/max_user_namespaces", "0") => {
                    Some("user.max_user_namespaces=15000")
                }
                () if is("/proc/sys/kernel/unprivileged_userns_clone", "0") => {
                    Some("kernel.unprivileged_userns_clone=1")
                }
                () => None,
            },
            container: exists("/.dockerenv") || exists("/run/.containerenv"),
            modules: read("/sys/kernel/security/lsm"),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn here() -> Machine {
        Machine {
            kernel: std::env::consts::OS.to_owned(),
            ..Machine::default()
        }
    }

    /// What brings a missing layer back.
    pub(super) fn mend(&self, layer: Layer) -> Option<String> {
        if !cfg!(target_os = "linux") {
            return Some(
                "run it on Linux, in a virtual machine or a container, to have commands confined"
                    .to_owned(),
            );
        }
        match layer {
            Layer::Mounts | Layer::Network => Some(self.namespaces()),
            Layer::Landlock => Some(self.landlock()),
            Layer::Seccomp => Some("needs a kernel with CONFIG_SECCOMP_FILTER".to_owned()),
            Layer::Processes | Layer::Limits | Layer::Memory | Layer::Seatbelt => None,
        }
    }

    fn namespaces(&self) -> String {
        if let Some(setting) = self.userns_off {
            return format!("user namespaces are switched off: `sudo sysctl -w {setting}`");
        }
        if self.apparmor {
            return format!(
                "AppArmor keeps user namespaces from programs without a profile: install bubblewrap, which has one (`sudo apt install bubblewrap`), give animus one with `userns,`, or `sudo sysctl -w {APPARMOR}=0`"
            );
        }
        if self.container {
            return "the container's seccomp profile forbids namespaces: start it with `--security-opt seccomp=unconfined` (Docker, Podman), or give it a profile that allows unshare and mount".to_owned();
        }
        "needs user, mount, pid and network namespaces for this user, or bubblewrap 0.8 or later at /usr/bin/bwrap; `unshare --user --map-root-user true` shows what is refused".to_owned()
    }

    fn landlock(&self) -> String {
        match &self.modules {
            Some(modules) if !modules.split(',').any(|module| module == "landlock") => format!(
                "boot with `lsm=landlock,{modules}` on the kernel's command line (Linux 5.13 or later)"
            ),
            _ if self.container => {
                "the host's kernel has none, or the container's seccomp profile forbids landlock_create_ruleset"
                    .to_owned()
            }
            _ => "needs Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK and `landlock` in its `lsm=` list".to_owned(),
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn each_common_cause_has_its_own_remedy() {
        let said = |machine: &Machine, layer| machine.mend(layer).unwrap_or_default();
        let plain = Machine::default();
        assert!(said(&plain, Layer::Mounts).contains("unshare --user"));
        let ubuntu = Machine {
            apparmor: true,
            ..plain.clone()
        };
        assert!(said(&ubuntu, Layer::Network).contains(APPARMOR));
        let off = Machine {
            userns_off: Some("user.max_user_namespaces=15000"),
            ..ubuntu
        };
        assert!(said(&off, Layer::Mounts).contains("sysctl -w user.max_user_namespaces=15000"));
        let docker = Machine {
            container: true,
            ..plain.clone()
        };
        assert!(said(&docker, Layer::Mounts).contains("seccomp=unconfined"));
        let boot = Machine {
            modules: Some("capability,apparmor,bpf".to_owned()),
            ..plain.clone()
        };
        assert!(said(&boot, Layer::Landlock).contains("lsm=landlock,capability,apparmor,bpf"));
        let there = Machine {
            modules: Some("landlock,bpf".to_owned()),
            ..plain.clone()
        };
        assert!(said(&there, Layer::Landlock).contains("5.13"));
        assert_eq!(plain.mend(Layer::Limits), None);
    }
}
