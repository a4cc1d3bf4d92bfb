//! `Meter` and `parse`: the memory that an answer may take, once it is read.
//!
//! Invariant: a value that `parse` returns takes at most about 20 MiB beside its strings, whatever its text looked like.

use serde_json::Value;

/// Bytes of one event.
pub(super) const LARGEST_EVENT: usize = 4 << 20;

/// In places of 32 bytes, which is what a number takes.
const MOST_PLACES: usize = 600_000;

/// Counts the bytes of the event that is under way, comments left out once they are over.
#[derive(Debug, Default)]
pub(super) struct Meter {
    event: usize,
    line: usize,
    comment: bool,
    carriage_return: bool,
}

impl Meter {
    /// Whether the event still fits behind these bytes.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            let newline = matches!(byte, b'\n' | b'\r');
            if !newline {
                self.comment = (self.line == 0 && *byte == b':') || (self.line > 0 && self.comment);
                self.line += 1;
                if self.event + self.line > LARGEST_EVENT {
                    return false;
                }
            } else if !(*byte == b'\n' && self.carriage_return) {
                self.event = match (self.line, self.comment) {
                    (0, _) => 0,
                    (_, true) => self.event,
                    (line, false) => self.event + line,
                };
                self.line = 0;
            }
            self.carriage_return = *byte == b'\r';
        }
        true
    }
}

/// Reads JSON; the error says what is wrong without quoting it.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    if places(text) > MOST_PLACES {
        return Err("holds too many values".to_owned());
    }
    serde_json::from_str(text).map_err(|error| format!("is not valid JSON ({error})"))
}

/// An object takes the room of about 20 numbers, a list that of 4, each before its first value.
fn places(text: &str) -> usize {
    let (mut sum, mut quoted, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' => sum += 20,
            b'[' => sum += 4,
            b',' | b':' => sum += 1,
            _ => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_text_cannot_become_a_large_value() {
        for piece in ["1,", "{},", "[[]],", "{\"a\":1},"] {
            let text = format!("[{}1]", piece.repeat((4 << 20) / piece.len()));
            assert_eq!(
                parse(&text).unwrap_err(),
                "holds too many values",
                "{piece}"
            );
        }
        let long = format!("{{\"text\":\"{}\"}}", "[{,:\\\"".repeat(500_000));
        assert!(parse(&long).is_ok(), "a string takes its length");
        assert!(parse(&"[".repeat(100_000)).is_err());
    }
}
