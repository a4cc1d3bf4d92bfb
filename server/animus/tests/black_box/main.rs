//! The built binary from outside: real processes, real HTTP, real files; only the model's words are scripted.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests start the program, write fixtures and may panic"
)]

mod budget;
mod contract;
mod crash;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod daemon;
mod demo;
mod doors;
mod doors_asked;
mod doors_closed;
mod edits;
mod full;
mod given;
mod half;
#[cfg(target_os = "linux")]
mod hostile;
mod hunks;
mod interrupt;
#[cfg(target_os = "linux")]
mod killed;
mod lsp;
mod memory;
mod navigate;
mod observe;
mod patches;
mod peers;
mod projects;
mod protocol;
mod roles;
mod run;
mod search;
mod serve;
mod sessions;
mod stage;
#[cfg(target_os = "linux")]
mod terminal;
mod trouble;
mod usage;
