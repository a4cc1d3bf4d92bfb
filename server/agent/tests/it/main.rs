//! The agent from the outside: whole tasks over real files, a real sandbox and real test commands; only the model is scripted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on must say so"
)]

mod ancestry;
mod budget;
mod context;
mod context_life;
mod docs;
mod edit_forms;
mod ends;
mod knowledge;
mod landing;
mod malformed;
mod meaning;
mod memory;
mod navigate;
mod permission;
mod resume;
mod review;
mod rewrite;
mod room;
mod rules;
mod sessions;
mod stage;
mod testing;
