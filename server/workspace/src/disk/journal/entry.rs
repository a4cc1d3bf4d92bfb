//! Entry: a landing as bytes: one line of JSON that says what and where, the old and new bytes of each file one after the other, and
//! the BLAKE3 of all that. What does not end in its own hash is torn.

use crate::change::FileEdit;
use crate::content::{Content, Hash};
use crate::disk::step::Step;
use crate::path::RelPath;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Grows when older programs could no longer read an entry rightly.
const VERSION: u32 = 1;
/// Bytes of the hash at the end.
const HASH: usize = 32;

/// A landing that was written down.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::disk) struct Entry {
    /// The process that landed.
    pub process: u32,
    /// What the landing is called.
    pub label: String,
    /// Folders that were missing before, deepest first.
    pub folders: Vec<String>,
    /// The files.
    pub steps: Vec<Step>,
}

/// Why bytes are no entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Not all of it is there.
    Torn,
    /// Another version wrote it.
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    #[serde(default)]
    process: u32,
    #[serde(default)]
    label: String,
    #[serde(default)]
    folders: Vec<String>,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Serialize, Deserialize)]
struct File {
    path: RelPath,
    at: RelPath,
    before: Option<Image>,
    after: Option<Image>,
}

/// The bytes themselves follow the head.
#[derive(Serialize, Deserialize)]
struct Image {
    bytes: usize,
    mode: Option<u32>,
}

/// What an entry has beside the bytes of its files.
pub(super) struct Written {
    head: Vec<u8>,
    hash: [u8; HASH],
}

/// The entry of a landing by this process.
pub(super) fn encode(
    label: &str,
    folders: &[String],
    steps: &[Step],
) -> Result<Written, serde_json::Error> {
    let image = |bytes: Option<&Arc<[u8]>>, mode| {
        bytes.map(|bytes| Image {
            bytes: bytes.len(),
            mode,
        })
    };
    let files = steps.iter().map(|step| File {
        path: step.file.path.clone(),
        at: step.at.clone(),
        before: image(step.file.base.as_ref().map(|base| &base.bytes), step.mode),
        after: image(step.file.after.as_ref(), step.file.mode),
    });
    let head = Head {
        version: VERSION,
        process: std::process::id(),
        label: label.to_owned(),
        folders: folders.to_vec(),
        files: files.collect(),
    };
    let mut head = serde_json::to_vec(&head)?;
    head.push(b'\n');
    let mut hash = blake3::Hasher::new();
    hash.update(&head);
    for bytes in images(steps) {
        hash.update(bytes);
    }
    Ok(Written {
        head,
        hash: *hash.finalize().as_bytes(),
    })
}

/// The bytes that follow the head.
fn images(steps: &[Step]) -> impl Iterator<Item = &[u8]> {
    steps.iter().flat_map(|step| {
        let before = step.file.base.as_ref().map(|base| &base.bytes);
        [before, step.file.after.as_ref()]
            .into_iter()
            .flatten()
            .map(|bytes| &bytes[..])
    })
}

impl Written {
    /// The whole entry, in order.
    pub(super) fn parts<'a>(&'a self, steps: &'a [Step]) -> Vec<&'a [u8]> {
        std::iter::once(&self.head[..])
            .chain(images(steps))
            .chain([&self.hash[..]])
            .collect()
    }
}

/// The landing that these bytes say.
pub(super) fn decode(bytes: &[u8]) -> Result<Entry, Broken> {
    let end = bytes.len().checked_sub(HASH).ok_or(Broken::Torn)?;
    let (said, hash) = bytes.split_at(end);
    if Hash::of(said).as_bytes() != hash {
        return Err(Broken::Torn);
    }
    let line = said.iter().position(|byte| *byte == b'\n');
    let (head, images) = said.split_at(line.ok_or(Broken::Torn)?);
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_slice(head).map_err(|_| Broken::Torn)?;
    if version != VERSION {
        return Err(Broken::Version(version));
    }
    let head: Head = serde_json::from_slice(head).map_err(|_| Broken::Torn)?;
    let mut rest = images.get(1..).unwrap_or_default();
    let mut take = |image: &Image| -> Result<Arc<[u8]>, Broken> {
        let (bytes, after) = rest.split_at_checked(image.bytes).ok_or(Broken::Torn)?;
        rest = after;
        Ok(bytes.into())
    };
    let mut steps = Vec::new();
    for file in head.files {
        let before = file.before.as_ref().map(&mut take).transpose()?;
        let after = file.after.as_ref().map(&mut take).transpose()?;
        steps.push(Step {
            at: file.at,
            mode: file.before.and_then(|image| image.mode),
            file: FileEdit {
                path: file.path,
                base: before.map(|bytes| Content::new(bytes, None)),
                after,
                mode: file.after.and_then(|image| image.mode),
            },
        });
    }
    Ok(Entry {
        process: head.process,
        label: head.label,
        folders: head.folders,
        steps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Step {
        Step {
            at: RelPath::new("real").unwrap(),
            mode: before.map(|_| 0o640),
            file: FileEdit {
                path: RelPath::new(path).unwrap(),
                base: before.map(|bytes| Content::new(bytes, None)),
                after: after.map(Into::into),
                mode: after.map(|_| 0o600),
            },
        }
    }

    #[test]
    fn w3_an_entry_reads_back_whole_or_is_torn_at_every_length() {
        let steps = vec![
            step("a", Some(b"old\n\xff\0"), Some(b"")),
            step("b", None, Some(b"new\n")),
            step("c", Some(b"gone"), None),
        ];
        let folders = ["x/y".to_owned(), "x".to_owned()];
        let written = encode("a \"label\"\n", &folders, &steps).unwrap();
        let bytes = written.parts(&steps).concat();
        let entry = decode(&bytes).unwrap();
        assert_eq!(
            entry,
            Entry {
                process: std::process::id(),
                label: "a \"label\"\n".to_owned(),
                folders: folders.to_vec(),
                steps
            }
        );
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(Broken::Torn), "{end}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(decode(&bytes), Err(Broken::Torn), "{at}");
        }
    }

    #[test]
    fn another_version_is_known_as_such() {
        let mut bytes = b"{\"version\":2,\"shape\":[]}\nrest".to_vec();
        let hash = Hash::of(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        assert_eq!(decode(&bytes), Err(Broken::Version(2)));
    }
}
