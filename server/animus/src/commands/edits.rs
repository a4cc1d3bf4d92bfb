//! `edits`: a model's reply as edits, without touching a file.

use crate::compose::Compose;
use crate::print;
use clap::Subcommand;
use protocol::{Code, Failure};
use std::io::Read;
use workspace::ReplyStream;

/// Read a model's reply as edits
#[derive(Debug, Subcommand)]
pub enum Edits {
    /// Reply on stdin -> JSON array of {"path","search","replace"}, {"shell"} and {"error"}
    Parse {
        /// One JSON value a line, each as soon as its part of the reply is complete
        #[arg(long)]
        stream: bool,
    },
}

/// Prints what the reply says. The answer is JSON with or without `--json`.
pub fn run(args: &Edits, _: &Compose) -> Result<u8, Failure> {
    match args {
        Edits::Parse { stream: false } => {
            print::json(&workspace::edits_parse(&super::stdin()?));
        }
        Edits::Parse { stream: true } => stream()?,
    }
    Ok(0)
}

fn stream() -> Result<(), Failure> {
    let failed = |what: String| {
        Failure::new(Code::InvalidInput, what).hint("send the reply as UTF-8 text on stdin")
    };
    let mut stdin = std::io::stdin().lock();
    let mut reply = ReplyStream::new();
    let mut left: Vec<u8> = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let count = stdin
            .read(&mut buffer)
            .map_err(|error| failed(format!("stdin: {error}")))?;
        if count == 0 {
            break;
        }
        left.extend_from_slice(&buffer[..count]);
        // A character may be cut by the end of the buffer.
        let whole = match std::str::from_utf8(&left) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(failed("the reply is not UTF-8".to_owned())),
        };
        let rest = left.split_off(whole);
        let text = String::from_utf8(std::mem::replace(&mut left, rest))
            .map_err(|error| failed(error.to_string()))?;
        reply.push(&text).iter().for_each(print::json);
    }
    if !left.is_empty() {
        return Err(failed("the reply ends within a character".to_owned()));
    }
    reply.finish().iter().for_each(print::json);
    Ok(())
}
