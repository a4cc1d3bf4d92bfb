//! Line: one event with the checksum of its bytes, still one JSON value that any reader of events takes.
//!
//! The last field is `"sum"`: the first 16 hex digits of the BLAKE3 hash of the line up to the comma before it. Lines that were
//! written before there were sums have none.

use protocol::{Event, PROTOCOL_VERSION};
use serde::Deserialize;

const FIELD: &[u8] = br#","sum":""#;
const DIGITS: usize = 16;
/// The field, its digits, and `"}`.
const TAIL: usize = FIELD.len() + DIGITS + 2;

/// What a line turned out to be.
#[derive(Debug)]
pub(super) enum Line {
    /// An event, as it was written.
    Event(Box<Event>),
    /// Whole, and of a version that this one does not know.
    Newer,
    /// Not as it was written.
    Damaged,
}

/// Whether lines without a sum are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// No line had a sum so far.
    Unsummed,
    /// One had: who wrote it wrote the others behind it too.
    SummedOnly,
}

/// An event as its line, `\n` included.
pub(super) fn write(event: &Event) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.pop();
    let sum = sum(&line);
    line.extend_from_slice(FIELD);
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"\"}\n");
    Ok(line)
}

/// Reads a line without its `\n`.
pub(super) fn read(line: &[u8], trust: &mut Trust) -> Line {
    let Some(body) = summed(line) else {
        return match trust {
            Trust::Unsummed => unsummed(line),
            Trust::SummedOnly => Line::Damaged,
        };
    };
    *trust = Trust::SummedOnly;
    let digits = &line[body + FIELD.len()..line.len() - 2];
    if sum(&line[..body]).as_bytes() != digits {
        return Line::Damaged;
    }
    serde_json::from_slice(line).map_or(Line::Newer, |event| Line::Event(Box::new(event)))
}

fn unsummed(line: &[u8]) -> Line {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if let Ok(event) = serde_json::from_slice(line) {
        return Line::Event(Box::new(event));
    }
    match serde_json::from_slice(line) {
        Ok(Version { v }) if v > PROTOCOL_VERSION => Line::Newer,
        _ => Line::Damaged,
    }
}

/// Where the checked part of a line ends; none where it has no sum.
fn summed(line: &[u8]) -> Option<usize> {
    let body = line.len().checked_sub(TAIL)?;
    let is_field = line[body..].starts_with(FIELD) && line.ends_with(b"\"}");
    is_field.then_some(body)
}

fn sum(bytes: &[u8]) -> String {
    let mut hex = blake3::hash(bytes).to_hex().to_string();
    hex.truncate(DIGITS);
    hex
}
