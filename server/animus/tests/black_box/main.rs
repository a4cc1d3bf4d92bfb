//! The built binary from outside: real processes, real HTTP, real files; only the model's words are scripted.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests start the program, write fixtures and may panic"
)]

mod contract;
mod crash;
mod demo;
mod edits;
mod full;
mod hunks;
mod interrupt;
mod lsp;
mod navigate;
mod patches;
mod run;
mod search;
mod serve;
mod stage;
mod trouble;
