//! Print: the two ways out. JSON goes to stdout one value a line and flushed; a closed pipe ends the program quietly. What
//! could not be written is never a success.

use crate::cli::Output;
use crate::render::style::{BAD, DIM, Painted, clean};
use protocol::{Code, Failure};
use serde::Serialize;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::sync::OnceLock;

/// Exit code of a program whose reader went away, as a shell reports SIGPIPE.
const PIPE_CLOSED: i32 = 141;

/// Why stdout is not whole.
static LOST: OnceLock<String> = OnceLock::new();

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
        lost(&error);
    }
}

/// Text on stdout, escape codes of others made visible.
pub fn plain(text: &str) {
    self::text(&clean(text));
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

/// Something did not get to stdout. Ends the program when nobody reads it any more; else the work goes on, and [`whole`] tells.
pub fn lost(error: &io::Error) {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(PIPE_CLOSED);
    }
    let _ = LOST.set(error.to_string());
}

/// Whether all that was said got to stdout.
///
/// # Errors
/// `io`, with what the system said first.
pub fn whole() -> Result<(), Failure> {
    match LOST.get() {
        None => Ok(()),
        Some(why) => Err(
            Failure::new(Code::Io, format!("the output could not be written: {why}"))
                .hint("what was printed is not whole; the work itself is done"),
        ),
    }
}
