//! Record: one line of the memory file. Each line is JSON with a checksum over its record, so that a line that was torn or damaged
//! is seen as such and costs itself only.

use protocol::Memory;
use serde::{Deserialize, Serialize};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    /// This is known; it takes the place of what had the same id.
    Added(Memory),
    /// This is known no more.
    Forgotten(String),
    /// Each of these was shown to one task more.
    Used(Vec<String>),
}

/// The beginning of a line, up to the checksum.
const HEAD: &str = "{\"sum\":\"";
/// What stands between the checksum and the record.
const BETWEEN: &str = "\",\"record\":";
/// Hexadecimal digits of the checksum: the first of BLAKE3.
const DIGITS: usize = 16;

impl Record {
    /// The line, with its end.
    ///
    /// # Errors
    /// What JSON says.
    pub(super) fn line(&self) -> serde_json::Result<String> {
        let record = serde_json::to_string(self)?;
        Ok(format!("{HEAD}{}{BETWEEN}{record}}}\n", sum(&record)))
    }

    /// What a line says, without its end; `None` where it is not whole.
    pub(super) fn read(line: &[u8]) -> Option<Record> {
        let line = std::str::from_utf8(line).ok()?;
        let rest = line.strip_prefix(HEAD)?;
        let (digits, rest) = rest.split_at_checked(DIGITS)?;
        let record = rest.strip_prefix(BETWEEN)?.strip_suffix('}')?;
        (sum(record) == digits)
            .then(|| serde_json::from_str(record).ok())
            .flatten()
    }
}

fn sum(record: &str) -> String {
    let mut hex = blake3::hash(record.as_bytes()).to_hex().to_string();
    hex.truncate(DIGITS);
    hex
}
