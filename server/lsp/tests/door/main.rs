//! The real server over in-memory pipes, a scripted client at the other end, a real agent with a scripted model behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod bad_input;
mod checked;
mod clients;
mod completion;
mod doors;
mod index;
mod insight;
mod landing;
mod lifetime;
mod navigate;
mod preview;
mod renames;
mod review;
mod review_document;
mod stage;
mod stale;
mod stock;
mod streams;
mod sync;
mod tasks;
