//! Real children under the real kernel.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)]

mod confined;
mod ended;
mod gone;
mod hidden;
mod world;
