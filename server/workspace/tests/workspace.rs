//! Workspace from outside: real folders, real files, real git.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

#[path = "workspace/bench.rs"]
mod bench;
#[path = "workspace/blocks.rs"]
mod blocks;
#[path = "workspace/envelope.rs"]
mod envelope;
#[path = "workspace/histories.rs"]
mod histories;
#[path = "workspace/json.rs"]
mod json;
#[path = "workspace/landing.rs"]
mod landing;
#[path = "workspace/lineages.rs"]
mod lineages;
#[path = "workspace/links.rs"]
mod links;
#[path = "workspace/properties.rs"]
mod properties;
#[path = "workspace/reading.rs"]
mod reading;
#[path = "workspace/replies.rs"]
mod replies;
#[path = "workspace/reviews.rs"]
mod reviews;
#[path = "workspace/scratches.rs"]
mod scratches;
#[path = "workspace/streams.rs"]
mod streams;
#[path = "workspace/udiff.rs"]
mod udiff;
