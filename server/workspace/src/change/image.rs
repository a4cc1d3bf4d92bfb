//! Image: a file edit as it is stored: text where it is UTF-8, base64 where it is not; hashes are made again on reading.

use super::FileEdit;
use crate::content::Content;
use crate::path::RelPath;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A file edit as it is stored.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    path: RelPath,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<Image>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<Image>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Image {
    Text(String),
    Base64(String),
}

impl Image {
    fn of(bytes: &[u8]) -> Image {
        match std::str::from_utf8(bytes) {
            Ok(text) => Image::Text(text.to_owned()),
            Err(_) => Image::Base64(STANDARD.encode(bytes)),
        }
    }

    fn bytes(self) -> Result<Arc<[u8]>, String> {
        match self {
            Image::Text(text) => Ok(text.into_bytes().into()),
            Image::Base64(text) => STANDARD
                .decode(text)
                .map(Arc::from)
                .map_err(|error| error.to_string()),
        }
    }
}

impl From<FileEdit> for Stored {
    fn from(file: FileEdit) -> Stored {
        Stored {
            path: file.path,
            version: file.base.as_ref().and_then(|base| base.version),
            before: file.base.map(|base| Image::of(&base.bytes)),
            after: file.after.map(|bytes| Image::of(&bytes)),
            mode: file.mode,
        }
    }
}

impl TryFrom<Stored> for FileEdit {
    type Error = String;
    fn try_from(stored: Stored) -> Result<FileEdit, String> {
        let base = stored.before.map(Image::bytes).transpose()?;
        Ok(FileEdit {
            path: stored.path,
            base: base.map(|bytes| Content::new(bytes, stored.version)),
            after: stored.after.map(Image::bytes).transpose()?,
            mode: stored.mode,
        })
    }
}
