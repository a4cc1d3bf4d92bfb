//! Print: the two ways out. JSON goes to stdout one value a line and flushed; a closed pipe ends the program quietly.

use crate::cli::Output;
use crate::render::style::{BAD, DIM, Painted, clean};
use protocol::Failure;
use serde::Serialize;
use std::io::{self, BufWriter, ErrorKind, Write};

/// Exit code of a program whose reader went away, as a shell reports SIGPIPE.
const PIPE_CLOSED: i32 = 141;

/// One JSON value as a line on stdout.
pub fn json(value: &impl Serialize) {
    match serde_json::to_string(value) {
        Ok(line) => text(&format!("{line}\n")),
        Err(error) => warning(&format!("an answer could not be written as JSON: {error}")),
    }
}

/// Text on stdout; escape codes are dropped where they are not wanted.
pub fn text(text: &str) {
    let out = io::stdout().lock();
    // Stripped in memory: on the way out each escape code would end a write.
    let plain = match anstream::AutoStream::choice(&out) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    };
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    if let Err(error) = out.write_all(plain.as_bytes()).and_then(|()| out.flush()) {
        end_if_closed(&error);
    }
}

/// A line on stderr.
pub fn warning(text: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// Why a command could not do its work: on stderr, and as `{"error": …}` where a program asked.
pub fn failure(failure: &Failure, output: Output) {
    match output {
        Output::Json => {
            let line = serde_json::json!({ "error": failure }).to_string();
            let _ = writeln!(io::stderr().lock(), "{line}");
        }
        Output::Text => {
            let message = clean(&failure.message);
            let mut lines = message.lines();
            warning(&format!(
                "{} {}",
                Painted(BAD.bold(), "error:"),
                lines.next().unwrap_or_default()
            ));
            lines.for_each(|line| warning(&format!("  {line}")));
            if let Some(hint) = &failure.hint {
                warning(&format!("  {}", Painted(DIM, clean(hint))));
            }
        }
    }
}

/// Ends the program when nobody reads stdout any more.
pub fn end_if_closed(error: &io::Error) {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(PIPE_CLOSED);
    }
}
