//! Content: the bytes of one file at one moment, with the hash that proves them.

use crate::encoding::{self, Encoding};
use crate::error::Error;
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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

    /// The text of UTF-8 bytes, BOM included; see [`Content::decoded`] for other encodings.
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

    /// The text, BOM included, in whatever encoding gives back the very bytes, and that encoding.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for bytes that are binary or in no encoding without loss.
    pub fn decoded(&self) -> Result<(Cow<'_, str>, Encoding), Error> {
        encoding::decode(&self.bytes).map_err(|why| Error::Unreadable {
            path: "the file".to_owned(),
            why,
        })
    }

    /// As [`Content::decoded`], with the path in the error.
    ///
    /// # Errors
    /// [`Error::Unreadable`].
    pub fn decoded_of(&self, path: &RelPath) -> Result<(Cow<'_, str>, Encoding), Error> {
        encoding::decode(&self.bytes).map_err(|why| Error::Unreadable {
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

/// UTF-8 bytes as text, or what they are instead.
fn text(bytes: &[u8]) -> Result<&str, String> {
    match encoding::decode(bytes)? {
        (Cow::Borrowed(text), _) => Ok(text),
        (Cow::Owned(_), encoding) => Err(format!("it is {}, not UTF-8", encoding.name())),
    }
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
            (b"caf\xe9 cr\xe8me", "windows-1252"),
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
