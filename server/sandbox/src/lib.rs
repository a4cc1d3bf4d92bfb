//! `sandbox`: the only crate that starts processes and writes files.
//!
//! Invariants: S1 the strictest word wins over every command that a line would start; S2 `exec` takes a `Permit`, which only
//! `Sandbox::permit` makes; S3 nothing outside this crate spawns or writes; S4 an `Outcome` means the whole process tree is gone.
// The effects that `.clippy.toml` bans everywhere live here.
#![allow(clippy::disallowed_methods)]

mod config;
#[cfg(target_os = "linux")]
mod confine;
mod environment;
mod error;
mod exec;
mod guard;
mod memory;
mod output;
mod permit;
mod policy;
mod priority;
mod probe;
#[cfg(any(target_os = "macos", test))]
mod seatbelt;
mod secret;
mod tmp;
mod tree;
mod unseen;
mod view;

pub use config::{CommandRule, Config, Degrade, RuleDecision, RuleWord};
pub use error::Error;
pub use exec::{End, Limits, Outcome, exec};
pub use guard::{Guard, guard, is_git};
pub use memory::give_back;
pub use output::Stream;
pub use permit::{Access, Approval, Bounds, Permit, Refusal, RefusalKind, Sandbox};
pub use policy::{Decision, Grant, Line, Policy, Verdict};
pub use priority::step_back;
pub use probe::{Attempt, Layer, Mechanism, Report};
pub use secret::is_secret_path;
pub use tree::{Appender, Kind, Lock, Staged, Stat, Tree};
pub use unseen::is_unseen;
