//! `testkit`: fixtures for the tests of the other crates; never a normal dependency.

pub mod http;
pub mod lsp;
