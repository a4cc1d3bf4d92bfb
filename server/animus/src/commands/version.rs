//! `version`: the program's version.

use crate::cli::Output;
use crate::compose::Compose;
use crate::print;
use clap::Args;
use protocol::Failure;
use serde_json::json;

/// Print the version
#[derive(Debug, Args)]
pub struct Version {}

/// Prints it.
pub fn run(_: &Version, compose: &Compose) -> Result<u8, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    match compose.output() {
        Output::Json => {
            print::json(&json!({ "version": version, "protocol": protocol::PROTOCOL_VERSION }))
        }
        Output::Text => print::text(&format!("animus {version}\n")),
    }
    Ok(0)
}
