//! Content: the bytes of one file at one moment, with the hash that proves them.

use crate::error::Error;
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// BLAKE3 of a file's bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, std::hash::Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }

    /// The raw hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = String;
    fn try_from(hex: String) -> Result<Hash, String> {
        blake3::Hash::from_hex(&hex)
            .map(|hash| Hash(*hash.as_bytes()))
            .map_err(|error| format!("`{hex}` is not a hash: {error}"))
    }
}

/// The bytes of a file at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Content {
    /// All bytes, with BOM and line endings as they are.
    pub bytes: Arc<[u8]>,
    /// The editor's version of the document; `None` on disk.
    pub version: Option<i32>,
    /// Hash of `bytes`.
    pub hash: Hash,
}

impl Content {
    /// These bytes, hashed.
    pub fn new(bytes: impl Into<Arc<[u8]>>, version: Option<i32>) -> Content {
        let bytes = bytes.into();
        let hash = Hash::of(&bytes);
        Content {
            bytes,
            version,
            hash,
        }
    }

    /// The text, BOM included.
    ///
    /// # Errors
    /// [`Error::Unreadable`] names the encoding that the bytes look like, or says that they are binary.
    pub fn text(&self) -> Result<&str, Error> {
        text(&self.bytes).map_err(|why| Error::Unreadable {
            path: "the file".to_owned(),
            why,
        })
    }

    /// As [`Content::text`], with the path in the error.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn text_of(&self, path: &RelPath) -> Result<&str, Error> {
        text(&self.bytes).map_err(|why| Error::Unreadable {
            path: path.to_string(),
            why,
        })
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.to_string();
        write!(
            out,
            "Content({} bytes, version {:?}, {})",
            self.bytes.len(),
            self.version,
            &hash[..8]
        )
    }
}

/// The bytes as text, or what they look like instead.
fn text(bytes: &[u8]) -> Result<&str, String> {
    let looks = match bytes {
        [0xff, 0xfe, ..] => Some("it is UTF-16 (little endian), not UTF-8"),
        [0xfe, 0xff, ..] => Some("it is UTF-16 (big endian), not UTF-8"),
        _ if bytes.iter().take(8192).any(|byte| *byte == 0) => Some("it is binary"),
        _ => None,
    };
    if let Some(looks) = looks {
        return Err(looks.to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        format!(
            "it is not UTF-8 (byte {} looks like Latin-1 or another 8-bit encoding)",
            error.valid_up_to()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_or_the_name_of_what_it_is() {
        for (bytes, want) in [
            (&b"plain"[..], "plain"),
            ("\u{feff}bom\r\n".as_bytes(), "\u{feff}bom\r\n"),
            (b"\xff\xfea\0", "UTF-16"),
            (b"a\0b", "binary"),
            (b"caf\xe9", "Latin-1"),
        ] {
            let content = Content::new(bytes, None);
            let got = match content.text() {
                Ok(text) => text.to_owned(),
                Err(error) => error.to_string(),
            };
            assert!(got.contains(want), "{got}");
        }
    }

    #[test]
    fn hashes_read_back() {
        let hash = Hash::of(b"x");
        assert_eq!(Hash::try_from(hash.to_string()), Ok(hash));
        assert!(Hash::try_from("zz".to_owned()).is_err());
    }
}
