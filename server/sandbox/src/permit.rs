//! `Permit`: leave to run one command, with all that will hold it.
//!
//! Invariant (S2): only [`Sandbox::permit`] makes one: after the policy's verdict, the person's word where one is needed, and a
//! look at what the kernel can enforce.

mod bounds;
mod hide;
mod view;

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use crate::Error;
use crate::config::{Config, Degrade};
#[cfg(target_os = "linux")]
use crate::confine::{Cell, Place, Plan};
use crate::environment::Environment;
use crate::exec::Limits;
use crate::policy::{Decision, Line, Policy, Verdict};
use crate::probe::{Layer, Report};
#[cfg(target_os = "linux")]
use crate::probe::{MEMORY_GROUP, MEMORY_WATCH};
use crate::tmp::Tmp;
use crate::view::View;
use hide::Hidden;

pub use bounds::Bounds;

/// What a phase may do to the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Nothing on disk can change; a private `/tmp` is thrown away after the run.
    ReadOnly,
    /// The same, for phases that act through drafts.
    Draft,
    /// The tree at this path, and nothing else, can change.
    Scratch(Utf8PathBuf),
    /// The same, for the test command: the only access for which `sandbox.allow_network` opens the network.
    Tests(Utf8PathBuf),
}

/// A person's word on a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// Nobody was asked.
    None,
    /// A person said yes to this command.
    Given,
    /// A person granted commands like this one before; what a grant is not about is asked all the same.
    Remembered,
    /// It is the test command of a trusted configuration.
    Configured,
}

/// Why there is no permit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// The policy's verdict.
    pub decision: Decision,
    /// One sentence each.
    pub reasons: Vec<String>,
    /// What would help.
    pub kind: RefusalKind,
}

/// What would help against a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// A person's word.
    Ask,
    /// Nothing.
    Deny,
    /// Another kernel, or `sandbox.degrade: allow`.
    Unavailable,
}

/// The limits of one workspace: policy, environment, kernel. Cheap to make; the kernel is probed at first use, once a process.
#[derive(Debug)]
pub struct Sandbox {
    config: Config,
    root: Utf8PathBuf,
    policy: Policy,
    environment: Environment,
}

/// See the module.
#[derive(Debug)]
pub struct Permit {
    pub(crate) program: Option<Utf8PathBuf>,
    pub(crate) argv: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) search_path: String,
    pub(crate) limits: Limits,
    pub(crate) enforced_by: Vec<String>,
    pub(crate) view: View,
    /// Whether `sandbox-exec` starts it.
    #[cfg(target_os = "macos")]
    pub(crate) seatbelt: bool,
    #[cfg(target_os = "linux")]
    pub(crate) layers: crate::confine::Layers,
    /// Where its control group goes.
    #[cfg(target_os = "linux")]
    pub(crate) place: Option<&'static Place>,
    /// Removed with the permit.
    _tmp: Option<Tmp>,
}

/// Less starts no program.
const LEAST_MEMORY_MB: u64 = 16;

impl Sandbox {
    /// For the workspace at `root`. Errors name the key of the configuration that makes no sense.
    pub fn new(config: &Config, root: &Utf8Path) -> Result<Sandbox, Error> {
        let root = root.canonicalize_utf8()?;
        let policy = Policy::new(config)?;
        if config.memory_mb < LEAST_MEMORY_MB {
            return Err(Error::Config {
                key: "memory_mb",
                problem: format!(
                    "{} MiB is too little for any program; {LEAST_MEMORY_MB} or more",
                    config.memory_mb
                ),
            });
        }
        Ok(Sandbox {
            environment: Environment::inherited(&root),
            policy,
            config: config.clone(),
            root,
        })
    }

    /// What is judged by words alone.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What this kernel enforces, found out by trying.
    pub fn report(&self) -> Report {
        Report::probed()
    }

    /// Judges and prepares `line` for running in `cwd` (absolute, inside the workspace or the scratch tree). `env` is added to the
    /// scrubbed environment; variables that could carry secrets or steer loaders, shells or git are left out.
    pub fn permit(
        &self,
        line: Line,
        access: Access,
        approval: Approval,
        limits: Limits,
        cwd: &Utf8Path,
        env: &[(String, String)],
    ) -> Result<Permit, Refusal> {
        let scratch = match &access {
            Access::Scratch(tree) | Access::Tests(tree) => Some(
                tree.canonicalize_utf8()
                    .map_err(|e| refused(format!("{tree}: {e}")))?,
            ),
            Access::ReadOnly | Access::Draft => None,
        };
        let root = scratch.as_deref().unwrap_or(&self.root);
        let left = left_on(root).unwrap_or(u64::MAX);
        let limits = Limits {
            memory_bytes: limits.memory_bytes.min(self.config.memory_mb << 20),
            disk_left: limits.disk_left.min(left / 2),
            ..limits
        };
        let verdict = self.policy.judge(&line, root);
        judged(&verdict, approval)?;
        let cwd = cwd
            .canonicalize_utf8()
            .map_err(|error| refused(format!("working folder {cwd}: {error}")))?;
        if !cwd.starts_with(&self.root) && !cwd.starts_with(root) {
            return Err(refused(format!(
                "working folder {cwd} is outside the workspace {}; name one inside",
                self.root
            )));
        }
        let report = if self.config.enabled {
            Report::probed()
        } else {
            Report::off()
        };
        self.enough(&report, &access)?;
        let hidden = match self.config.enabled {
            true => Hidden::below(&self.root, scratch.as_deref()),
            false => Hidden::default(),
        };
        self.unhidden(&report, &hidden, approval)?;
        let (program, argv) = self.program(line, &verdict, &cwd)?;
        let tmp = Tmp::needed(&report)
            .map_err(|error| refused(format!("no private folder for temporary files: {error}")))?;
        let place = tmp.as_ref().map_or(Utf8Path::new("/tmp"), Tmp::path);
        let variables = self.environment.variables(place, env);
        let mut view = self.view(
            &access,
            scratch,
            &cwd,
            limits,
            tmp.as_ref(),
            program.as_deref(),
        );
        view.hidden
            .extend(hidden.paths.iter().chain(&hidden.doors).cloned());
        let mut enforced_by = report.enforced_by_with(self.networked(&access));
        if report.hides() {
            enforced_by.extend(hidden.told());
        }
        Ok(Permit {
            program,
            argv,
            variables,
            search_path: self.environment.search_path(),
            limits,
            enforced_by,
            view,
            #[cfg(target_os = "macos")]
            seatbelt: report.has(Layer::Seatbelt),
            #[cfg(target_os = "linux")]
            layers: report.layers(),
            #[cfg(target_os = "linux")]
            place: Place::here().ok(),
            _tmp: tmp,
        })
    }

    /// Network is for test commands, where the configuration says so.
    fn networked(&self, access: &Access) -> bool {
        match access {
            Access::Tests(_) => self.config.allow_network,
            Access::ReadOnly | Access::Draft | Access::Scratch(_) => false,
        }
    }

    fn enough(&self, report: &Report, access: &Access) -> Result<(), Refusal> {
        let missing: Vec<String> = [
            (report.confines_files(), "files"),
            (
                self.networked(access) || report.confines_network(),
                "the network",
            ),
        ]
        .into_iter()
        .filter(|(enough, _)| !enough)
        .map(|(_, what)| {
            format!(
                "this kernel lets nothing keep a command from {what} ({})",
                report.missing()
            )
        })
        .collect();
        if missing.is_empty() || !self.config.enabled || self.config.degrade == Degrade::Allow {
            return Ok(());
        }
        let hint = "`animus doctor` shows why; `sandbox.degrade: allow` runs commands without it";
        let reasons = missing.into_iter().chain([hint.to_owned()]).collect();
        Err(Refusal {
            decision: Decision::Deny,
            reasons,
            kind: RefusalKind::Unavailable,
        })
    }

    /// Not every mechanism can hide a file in a folder that is shown. Without one that can a person decides, unless the configuration has decided
    /// that commands run with what is there.
    fn unhidden(
        &self,
        report: &Report,
        hidden: &Hidden,
        approval: Approval,
    ) -> Result<(), Refusal> {
        let Some(first) = hidden.paths.first() else {
            return Ok(());
        };
        let is_decided = matches!(approval, Approval::Given | Approval::Configured);
        if report.hides() || is_decided || self.config.degrade == Degrade::Allow {
            return Ok(());
        }
        let name = first.strip_prefix(&self.root).unwrap_or(first);
        let reason = format!(
            "this kernel cannot hide {name} and files like it ({} in all) from a command",
            hidden.paths.len()
        );
        let hint = "allow it once, or move them out of the workspace; `animus doctor` shows why";
        Err(Refusal {
            decision: Decision::Ask,
            reasons: vec![reason, hint.to_owned()],
            kind: RefusalKind::Ask,
        })
    }

    /// What is started: the parsed words where those are all, a shell only where shell grammar is left.
    fn program(
        &self,
        line: Line,
        verdict: &Verdict,
        cwd: &Utf8Path,
    ) -> Result<(Option<Utf8PathBuf>, Vec<String>), Refusal> {
        let argv = match line {
            Line::Argv(argv) => argv,
            Line::Shell(text) => match &verdict.plain {
                Some(argv) if self.environment.find(&argv[0]).is_some() => argv.clone(),
                _ => {
                    let shell = ["/bin/bash", "/usr/bin/bash"]
                        .into_iter()
                        .find(|path| Utf8Path::new(path).exists());
                    let shell = shell.unwrap_or("/bin/sh").to_owned();
                    return Ok((
                        Some(Utf8PathBuf::from(&shell)),
                        vec![shell, "-c".to_owned(), text],
                    ));
                }
            },
        };
        let Some(first) = argv.first().filter(|first| !first.is_empty()) else {
            return Err(refused("the command is empty; give a program".to_owned()));
        };
        if argv.iter().any(|word| word.contains('\0')) {
            return Err(refused("a word of the command holds a NUL byte".to_owned()));
        }
        let program = match first.contains('/') {
            true => cwd
                .join(first)
                .canonicalize_utf8()
                .ok()
                .filter(|path| path.is_file())
                .map(|_| cwd.join(first)),
            false => self.environment.find(first),
        };
        Ok((program, argv))
    }
}

#[cfg(target_os = "linux")]
impl Permit {
    /// A control group for the run, where the kernel lets us make one.
    pub(crate) fn cell(&self) -> Option<Cell> {
        let (memory, processes) = (self.limits.memory_bytes, self.limits.processes);
        match Cell::new(self.place?, memory, processes) {
            Ok(cell) => Some(cell),
            Err(error) => {
                tracing::warn!(%error, "no control group for this command; its memory is watched");
                None
            }
        }
    }

    /// The mechanisms that hold a run in this control group, or in none.
    pub(crate) fn enforced_by_in(&self, cell: Option<&Cell>) -> Vec<String> {
        let named = |name: &String| match (name.as_str(), cell) {
            (MEMORY_GROUP, None) => MEMORY_WATCH.to_owned(),
            _ => name.clone(),
        };
        self.enforced_by.iter().map(named).collect()
    }

    pub(crate) fn plan(&self, cell: Option<&Cell>) -> std::io::Result<Plan> {
        let plan = Plan::new(&self.view, self.layers)?;
        match cell {
            Some(cell) => plan.within(cell),
            None => Ok(plan),
        }
    }
}

impl Permit {
    /// The mechanisms that will hold the command.
    pub fn enforced_by(&self) -> &[String] {
        &self.enforced_by
    }

    /// The words that will run, program first.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }
}

impl Refusal {
    fn text(&self) -> String {
        let what = match self.kind {
            RefusalKind::Ask => "needs approval",
            RefusalKind::Deny => "denied",
            RefusalKind::Unavailable => "sandbox unavailable",
        };
        format!("{what}: {}", self.reasons.join("; "))
    }
}

impl Report {
    /// Whether something keeps commands from the user's files.
    fn confines_files(&self) -> bool {
        self.hides() || self.has(Layer::Landlock)
    }

    /// Whether something keeps commands off the network.
    fn confines_network(&self) -> bool {
        self.has(Layer::Network) || self.has(Layer::Seccomp) || self.has(Layer::Seatbelt)
    }

    /// Whether something can take a file out of a folder that is shown.
    fn hides(&self) -> bool {
        self.has(Layer::Mounts) || self.has(Layer::Seatbelt)
    }
}

/// Bytes that this user may still write on the disk of a folder.
pub(crate) fn left_on(folder: &Utf8Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder.as_std_path()).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

fn judged(verdict: &Verdict, approval: Approval) -> Result<(), Refusal> {
    let kind = match (verdict.decision, approval) {
        (Decision::Allow, _)
        | (Decision::Ask, Approval::Given | Approval::Remembered | Approval::Configured) => {
            return Ok(());
        }
        (Decision::Ask, Approval::None) => RefusalKind::Ask,
        (Decision::Deny, _) => RefusalKind::Deny,
    };
    Err(Refusal {
        decision: verdict.decision,
        reasons: verdict.reasons.clone(),
        kind,
    })
}

fn refused(reason: String) -> Refusal {
    Refusal {
        decision: Decision::Deny,
        reasons: vec![reason],
        kind: RefusalKind::Deny,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
