//! The agent from the outside: whole tasks over real files, a real sandbox and real test commands; only the model is scripted.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on must say so"
)]

mod ancestry;
mod context;
mod docs;
mod ends;
mod knowledge;
mod landing;
mod meaning;
mod navigate;
mod review;
mod rewrite;
mod rules;
mod sessions;
mod stage;
