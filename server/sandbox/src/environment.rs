//! `Environment`: the variables and the search path that children get, and the folders their toolchains live in.
//!
//! Invariant: no variable that may hold a secret or steer a loader, shell or git comes through; no folder of the search path is
//! relative, in the workspace, or writable by everyone.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

/// Read once per sandbox.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    kept: BTreeMap<String, String>,
    path: Vec<Utf8PathBuf>,
    home: Option<Utf8PathBuf>,
}

const KEPT: [&str; 24] = [
    "HOME",
    "LANG",
    "LANGUAGE",
    "TERM",
    "USER",
    "LOGNAME",
    "TZ",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOPATH",
    "GOROOT",
    "GOMODCACHE",
    "GOTOOLCHAIN",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
    "PYENV_VERSION",
    "VIRTUAL_ENV",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "COLORTERM",
    "NO_COLOR",
];
const SECRET: [&str; 6] = ["KEY", "SECRET", "TOKEN", "PASS", "AUTH", "CRED"];
/// Loader, shell and git variables make other programs run.
const STEERING: [&str; 8] = [
    "LD_",
    "DYLD_",
    "GIT_",
    "BASH_",
    "PYTHONSTARTUP",
    "PERL5OPT",
    "NODE_OPTIONS",
    "RUBYOPT",
];
const FIXED: [&str; 3] = ["/usr/local/bin", "/usr/bin", "/bin"];
/// Toolchains in the home folder, without the places where they keep credentials.
const TOOLCHAINS: [&str; 27] = [
    ".cargo/bin",
    ".cargo/registry",
    ".cargo/git",
    ".cargo/config.toml",
    ".cargo/config",
    ".cargo/env",
    ".rustup",
    ".pyenv",
    ".nvm",
    ".npm",
    ".volta",
    ".asdf",
    ".bun",
    ".deno",
    ".local/bin",
    ".local/lib",
    ".local/pipx",
    ".local/share/uv",
    ".local/share/pnpm",
    ".local/share/mise",
    ".local/share/pipx",
    "go",
    "sdk",
    ".sdkman/candidates",
    ".m2/repository",
    ".rbenv",
    ".gem",
];
/// Places in a home where programs keep credentials.
const CREDENTIALS: [&str; 30] = [
    ".gem/credentials",
    ".local/share/uv/credentials",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".gradle/gradle.properties",
    ".kube",
    ".docker",
    ".azure",
    ".oci",
    ".config/gcloud",
    ".config/gh",
    ".config/glab-cli",
    ".config/hub",
    ".config/git/credentials",
    ".config/op",
    ".config/rclone",
    ".config/sops",
    ".config/google-chrome",
    ".config/chromium",
    ".mozilla",
    ".password-store",
    ".local/share/keyrings",
    ".terraform.d",
    ".vault-token",
    ".pgpass",
    ".my.cnf",
    ".bash_history",
    ".zsh_history",
];
const TOOLCHAIN_VARIABLES: [&str; 8] = [
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GOROOT",
    "GOMODCACHE",
    "JAVA_HOME",
    "NVM_DIR",
    "PYENV_ROOT",
];

impl Environment {
    /// From this process's own environment.
    pub(crate) fn inherited(root: &Utf8Path) -> Environment {
        let all: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Environment::from(&all, root)
    }

    fn from(all: &BTreeMap<String, String>, root: &Utf8Path) -> Environment {
        let kept = all
            .iter()
            .filter(|(name, _)| {
                (KEPT.contains(&name.as_str()) || name.starts_with("LC_")) && harmless(name)
            })
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let home = all
            .get("HOME")
            .and_then(|home| Utf8Path::new(home).canonicalize_utf8().ok());
        let named = all.get("PATH").map(String::as_str).unwrap_or_default();
        let mut path: Vec<Utf8PathBuf> = Vec::new();
        for folder in named.split(':').chain(FIXED).map(Utf8PathBuf::from) {
            if trusted(&folder, root) && !path.contains(&folder) {
                path.push(folder);
            }
        }
        Environment { kept, path, home }
    }

    /// The variables of a child; `extra` wins over what is inherited, and is held to the same rules.
    pub(crate) fn variables(
        &self,
        tmp: &Utf8Path,
        extra: &[(String, String)],
    ) -> BTreeMap<String, String> {
        let mut variables = self.kept.clone();
        for (name, value) in [("LANG", "C.UTF-8"), ("TERM", "dumb"), ("HOME", "/")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        {
            variables.entry(name).or_insert(value);
        }
        for (name, value) in extra {
            match harmless(name) {
                true => drop(variables.insert(name.clone(), value.clone())),
                false => tracing::debug!(name, "variable kept from a child"),
            }
        }
        let own = [
            ("PATH", self.search_path()),
            ("TMPDIR", tmp.to_string()),
            ("PAGER", "cat".to_owned()),
            ("GIT_PAGER", "cat".to_owned()),
            ("GIT_EDITOR", "true".to_owned()),
            ("GIT_TERMINAL_PROMPT", "0".to_owned()),
            ("GIT_OPTIONAL_LOCKS", "0".to_owned()),
        ];
        variables.extend(own.map(|(name, value)| (name.to_owned(), value)));
        // The leak check needs ptrace, which no command gets; without it every such program would end with an error.
        let asan = variables.entry("ASAN_OPTIONS".to_owned());
        asan.or_insert("detect_leaks=0".to_owned());
        variables
    }

    pub(crate) fn search_path(&self) -> String {
        self.path
            .iter()
            .map(|folder| folder.as_str())
            .collect::<Vec<_>>()
            .join(":")
    }

    /// The absolute path of a program, by the search path alone.
    pub(crate) fn find(&self, program: &str) -> Option<Utf8PathBuf> {
        self.path
            .iter()
            .map(|folder| folder.join(program))
            .find(|path| executable(path))
    }

    pub(crate) fn home(&self) -> Option<&Utf8Path> {
        self.home.as_deref()
    }

    /// Folders and files that toolchains need to read, canonical, existing.
    pub(crate) fn toolchains(&self) -> Vec<Utf8PathBuf> {
        let mut found: Vec<Utf8PathBuf> = Vec::new();
        if let Some(home) = &self.home {
            found.extend(TOOLCHAINS.iter().map(|place| home.join(place)));
        }
        for name in TOOLCHAIN_VARIABLES {
            let Some(place) = self.kept.get(name).map(Utf8PathBuf::from) else {
                continue;
            };
            match name {
                "CARGO_HOME" => found.extend(
                    ["bin", "registry", "git", "config.toml", "config"]
                        .map(|part| place.join(part)),
                ),
                _ => found.push(place),
            }
        }
        for folder in &self.path {
            found.push(folder.clone());
            found.extend(self.installation(folder));
        }
        let mut found: Vec<_> = found
            .into_iter()
            .filter_map(|place| place.canonicalize_utf8().ok())
            .filter(|place| place.components().count() > 1 && self.home.as_ref() != Some(place))
            .collect();
        found.sort();
        found.dedup();
        found
    }

    /// Files and folders that hold credentials in otherwise readable places, `root` (the workspace, which may be a home) among them.
    pub(crate) fn secrets(&self, root: &Utf8Path) -> Vec<Utf8PathBuf> {
        let fixed = [
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/gshadow",
            "/etc/gshadow-",
            "/etc/ssh",
            "/etc/sudoers",
            "/etc/sudoers.d",
        ];
        let mut found: Vec<Utf8PathBuf> = fixed.iter().map(Utf8PathBuf::from).collect();
        if let Some(home) = self.kept.get("CARGO_HOME") {
            found.extend(
                ["credentials", "credentials.toml"].map(|name| Utf8Path::new(home).join(name)),
            );
        }
        if let Some(home) = &self.home {
            let shown = self.toolchains();
            let is_shown = |path: &Utf8PathBuf| {
                path.starts_with(root) || shown.iter().any(|place| path.starts_with(place))
            };
            let places = CREDENTIALS.iter().map(|place| home.join(place));
            found.extend(places.filter(is_shown));
        }
        found.retain(|path| path.exists());
        found
    }

    /// The folder around a `bin` that lies deep in the home: its programs need the libraries beside it.
    fn installation(&self, folder: &Utf8Path) -> Option<Utf8PathBuf> {
        let around = folder.parent()?;
        let inside = around.strip_prefix(self.home.as_deref()?).ok()?;
        (folder.file_name() == Some("bin") && inside.components().count() >= 2)
            .then(|| around.to_owned())
    }
}

/// Whether a variable may reach a child.
pub(crate) fn harmless(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !SECRET.iter().any(|word| upper.contains(word))
        && !STEERING.iter().any(|start| upper.starts_with(start))
        && !matches!(
            upper.as_str(),
            "ENV" | "IFS" | "SHELLOPTS" | "PROMPT_COMMAND" | "PATH"
        )
        && !name.is_empty()
        && !name.contains(['=', '\0'])
}

fn trusted(folder: &Utf8Path, root: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let Ok(real) = folder.canonicalize_utf8() else {
        return false;
    };
    let open_to_all = real
        .metadata()
        .map_or(true, |meta| meta.permissions().mode() & 0o002 != 0);
    folder.is_absolute() && !real.starts_with(root) && !open_to_all
}

fn executable(path: &Utf8Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)], root: &str) -> Environment {
        let all = pairs
            .iter()
            .map(|(k, v)| (k.to_string(), v.to_string()))
            .collect();
        Environment::from(&all, Utf8Path::new(root))
    }

    #[test]
    fn secrets_and_steering_variables_stay_behind() {
        let environment = environment(
            &[
                ("OPENAI_API_KEY", "x"),
                ("LD_PRELOAD", "x"),
                ("GIT_SSH_COMMAND", "x"),
                ("LANG", "de_DE.UTF-8"),
                ("FOO", "x"),
            ],
            "/nowhere",
        );
        let extra = ["CI", "MY_TOKEN", "BASH_ENV", "PATH", "CARGO_TARGET_DIR"]
            .map(|name| (name.to_owned(), "1".to_owned()));
        let variables = environment.variables(Utf8Path::new("/tmp"), &extra);
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        expect_test::expect![[r#"["ASAN_OPTIONS", "CARGO_TARGET_DIR", "CI", "GIT_EDITOR", "GIT_OPTIONAL_LOCKS", "GIT_PAGER", "GIT_TERMINAL_PROMPT", "HOME", "LANG", "PAGER", "PATH", "TERM", "TMPDIR"]"#]]
            .assert_eq(&format!("{names:?}"));
        assert_eq!(variables["LANG"], "de_DE.UTF-8");
        assert!(!variables["PATH"].split(':').any(|folder| folder == "1"));
    }

    #[test]
    fn credentials_in_shown_places_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let home = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        for place in [".gem/credentials", ".kube/config", ".cargo/bin/x"] {
            let place = home.join(place);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, "x").unwrap();
        }
        let environment = environment(&[("HOME", home.as_str())], "/nowhere");
        let named = |root: &Utf8Path| -> Vec<String> {
            let all = environment.secrets(root);
            let inside = all.iter().filter_map(|path| path.strip_prefix(&home).ok());
            inside.map(ToString::to_string).collect()
        };
        assert_eq!(named(Utf8Path::new("/nowhere")), [".gem/credentials"]);
        assert_eq!(named(&home), [".gem/credentials", ".kube"]);
    }

    #[test]
    fn the_search_path_never_holds_the_workspace_or_a_relative_folder() {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(dir.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        std::fs::create_dir(root.join("bin")).unwrap();
        let named = format!("{root}/bin:.:bin::/tmp:/usr/bin");
        let environment = environment(&[("PATH", &named)], root.as_str());
        let path = environment.search_path();
        assert!(path.starts_with("/usr/bin"), "{path}");
        assert!(
            path.split(':').all(|folder| FIXED.contains(&folder)),
            "{path}"
        );
        assert!(environment.find("sh").is_some());
    }
}
