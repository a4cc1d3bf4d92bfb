//! Postings: where one term is used, packed: a record per file, in order of file, each behind its distance to the last.
//!
//! A record is a number that counts the chunks of its text list and says whether a list of names and a path count follow;
//! then the lists. A list holds per chunk the distance to the last one and the count, in one number while the count is
//! small. Numbers are LEB128.

use integer_encoding::VarInt;
use serde::{Deserialize, Serialize};

/// Where a term is used: in `chunk` of `file`, `count` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) file: u32,
    pub(crate) chunk: u32,
    pub(crate) count: u32,
}

/// The postings of one term, unpacked: ordered by file, then chunk. In `paths` the chunk is always 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    pub(crate) body: Vec<Posting>,
    pub(crate) names: Vec<Posting>,
    pub(crate) paths: Vec<Posting>,
}

/// How often one file uses one term.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uses {
    /// `(chunk, count)` in its text, by chunk.
    pub(crate) body: Vec<(u32, u32)>,
    /// `(chunk, count)` in the names that it defines, by chunk.
    pub(crate) names: Vec<(u32, u32)>,
    /// Count in its path.
    pub(crate) path: u32,
}

const HAS_NAMES: u32 = 1;
const HAS_PATH: u32 = 2;
const COUNT_SHIFT: u32 = 2;
/// Counts below this share a number with the distance.
const SMALL: u32 = 7;
const SMALL_SHIFT: u32 = 3;

/// The packed record of one file.
pub(crate) fn pack(uses: &Uses, to: &mut Vec<u8>) {
    let count = u32::try_from(uses.body.len()).unwrap_or(u32::MAX >> COUNT_SHIFT);
    let names = if uses.names.is_empty() { 0 } else { HAS_NAMES };
    let path = if uses.path == 0 { 0 } else { HAS_PATH };
    put(to, count << COUNT_SHIFT | names | path);
    pack_list(&uses.body, to);
    if names != 0 {
        put(to, u32::try_from(uses.names.len()).unwrap_or(u32::MAX));
        pack_list(&uses.names, to);
    }
    if path != 0 {
        put(to, uses.path);
    }
}

fn pack_list(list: &[(u32, u32)], to: &mut Vec<u8>) {
    let mut last = 0;
    for &(chunk, count) in list {
        let distance = chunk - last;
        last = chunk;
        put(to, distance << SMALL_SHIFT | count.min(SMALL));
        if count >= SMALL {
            put(to, count - SMALL);
        }
    }
}

fn put(to: &mut Vec<u8>, number: u32) {
    let mut bytes = [0; 5];
    let used = number.encode_var(&mut bytes);
    to.extend_from_slice(bytes.get(..used).unwrap_or_default());
}

/// The packed records of one term.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Packed {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
    /// The greatest file number.
    last: u32,
}

impl Packed {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds the record of `file`, of which nothing is here.
    pub(crate) fn add(&mut self, file: u32, record: &[u8]) {
        if self.bytes.is_empty() || file > self.last {
            let from = if self.bytes.is_empty() { 0 } else { self.last };
            put(&mut self.bytes, file - from);
            self.bytes.extend_from_slice(record);
            self.last = file;
            return;
        }
        // The record that comes behind the new one, and the file before it.
        let mut reader = Reader::new(&self.bytes);
        let (mut at, mut before, mut next) = (0, 0, 0);
        while let Some(found) = reader.skip_file() {
            if found > file {
                next = found;
                break;
            }
            (before, at) = (found, reader.at);
        }
        let mut behind = Reader { at, ..reader };
        behind.number();
        let mut new = Vec::with_capacity(record.len() + 10);
        put(&mut new, file - before);
        new.extend_from_slice(record);
        put(&mut new, next - file);
        let old = at..behind.at;
        self.bytes.splice(old, new);
    }

    /// Takes away the record of `file`.
    pub(crate) fn remove(&mut self, file: u32) {
        let mut reader = Reader::new(&self.bytes);
        let (mut at, mut before) = (0, 0);
        while let Some(found) = reader.skip_file() {
            if found == file {
                let mut end = reader.at;
                let mut new = Vec::new();
                match Reader::new(&self.bytes).moved(end).number() {
                    Some(distance) => {
                        let mut behind = Reader::new(&self.bytes).moved(end);
                        behind.number();
                        end = behind.at;
                        put(&mut new, found - before + distance);
                    }
                    None => self.last = before,
                }
                self.bytes.splice(at..end, new);
                return;
            }
            (before, at) = (found, reader.at);
        }
    }

    /// Unpacks all of it.
    pub(crate) fn read(&self) -> Postings {
        let mut postings = Postings::default();
        let mut reader = Reader::new(&self.bytes);
        while reader.file().is_some() {
            reader.record(&mut postings);
        }
        postings
    }

    /// The files that use the term, in order.
    pub(crate) fn files(&self) -> impl Iterator<Item = u32> {
        let mut reader = Reader::new(&self.bytes);
        std::iter::from_fn(move || reader.skip_file())
    }

    /// Gives back memory that growing took in advance.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }
}

/// Reads packed records; at their end, and where they are damaged, it has nothing more to say.
struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    file: u32,
}

impl<'b> Reader<'b> {
    fn new(bytes: &'b [u8]) -> Reader<'b> {
        Reader {
            bytes,
            at: 0,
            file: 0,
        }
    }

    fn moved(self, at: usize) -> Reader<'b> {
        Reader { at, ..self }
    }

    fn number(&mut self) -> Option<u32> {
        // Most numbers are one byte.
        let first = *self.bytes.get(self.at)?;
        if first < 0x80 {
            self.at += 1;
            return Some(u32::from(first));
        }
        let (number, used) = u32::decode_var(self.bytes.get(self.at..)?)?;
        self.at += used;
        Some(number)
    }

    fn file(&mut self) -> Option<u32> {
        self.file = self.file.checked_add(self.number()?)?;
        Some(self.file)
    }

    /// The next file, its record passed over.
    fn skip_file(&mut self) -> Option<u32> {
        let file = self.file()?;
        self.lists(|_, _, _| {})?;
        Some(file)
    }

    fn record(&mut self, to: &mut Postings) -> Option<()> {
        let file = self.file;
        self.lists(|which, chunk, count| {
            let posting = Posting { file, chunk, count };
            match which {
                List::Body => to.body.push(posting),
                List::Names => to.names.push(posting),
                List::Path => to.paths.push(posting),
            }
        })
    }

    fn lists(&mut self, mut take: impl FnMut(List, u32, u32)) -> Option<()> {
        let head = self.number()?;
        self.list(head >> COUNT_SHIFT, |chunk, count| {
            take(List::Body, chunk, count)
        })?;
        if head & HAS_NAMES != 0 {
            let count = self.number()?;
            self.list(count, |chunk, count| take(List::Names, chunk, count))?;
        }
        if head & HAS_PATH != 0 {
            take(List::Path, 0, self.number()?);
        }
        Some(())
    }

    fn list(&mut self, length: u32, mut take: impl FnMut(u32, u32)) -> Option<()> {
        let mut chunk = 0u32;
        for _ in 0..length {
            let number = self.number()?;
            chunk = chunk.checked_add(number >> SMALL_SHIFT)?;
            let mut count = number & SMALL;
            if count == SMALL {
                count = count.saturating_add(self.number()?);
            }
            take(chunk, count);
        }
        Some(())
    }
}

enum List {
    Body,
    Names,
    Path,
}

/// Where the postings of `file` stand in a list.
pub(crate) fn range_of(list: &[Posting], file: u32) -> std::ops::Range<usize> {
    let from = list.partition_point(|posting| posting.file < file);
    let count = list[from..].partition_point(|posting| posting.file == file);
    from..from + count
}

/// Numbers in rising order, packed as distances.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Numbers(#[serde(with = "serde_bytes")] Box<[u8]>);

impl Numbers {
    /// Packs numbers in any order.
    pub(crate) fn of(mut numbers: Vec<u32>) -> Numbers {
        numbers.sort_unstable();
        let mut bytes = Vec::with_capacity(numbers.len() * 2);
        let mut last = 0;
        for number in numbers {
            put(&mut bytes, number - last);
            last = number;
        }
        Numbers(bytes.into())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        let mut reader = Reader::new(&self.0);
        std::iter::from_fn(move || reader.file())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    use super::*;

    fn uses() -> impl Strategy<Value = Uses> {
        let list = || {
            prop::collection::btree_map(0u32..3_000, 1u32..300, 0..9)
                .prop_map(|map| map.into_iter().collect::<Vec<_>>())
        };
        (list(), list(), 0u32..200).prop_map(|(body, names, path)| Uses { body, names, path })
    }

    fn shown(postings: &Postings) -> Vec<(u32, u32, u32, char)> {
        let list = |list: &[Posting], which| {
            list.iter()
                .map(|it| (it.file, it.chunk, it.count, which))
                .collect::<Vec<_>>()
        };
        let mut all = list(&postings.body, 'b');
        all.extend(list(&postings.names, 'n'));
        all.extend(list(&postings.paths, 'p'));
        all
    }

    proptest! {
        #[test]
        fn i1_what_is_packed_depends_on_the_records_alone(
            changes in prop::collection::vec((0u32..400, prop::option::weighted(0.7, uses())), 0..40),
        ) {
            let mut packed = Packed::default();
            let mut files: BTreeMap<u32, Uses> = BTreeMap::new();
            for (file, uses) in changes {
                packed.remove(file);
                files.remove(&file);
                if let Some(uses) = uses {
                    let mut record = Vec::new();
                    pack(&uses, &mut record);
                    packed.add(file, &record);
                    files.insert(file, uses);
                }
                prop_assert!(packed.files().eq(files.keys().copied()));
            }
            let mut expected = Postings::default();
            let mut forward = Packed::default();
            for (&file, uses) in &files {
                let all = |list: &[(u32, u32)]| list.iter().map(|&(chunk, count)| Posting { file, chunk, count }).collect::<Vec<_>>();
                expected.body.extend(all(&uses.body));
                expected.names.extend(all(&uses.names));
                if uses.path > 0 {
                    expected.paths.push(Posting { file, chunk: 0, count: uses.path });
                }
                let mut record = Vec::new();
                pack(uses, &mut record);
                forward.add(file, &record);
            }
            prop_assert_eq!(shown(&packed.read()), shown(&expected));
            prop_assert_eq!(&packed.bytes, &forward.bytes);
        }

        #[test]
        fn i2_damaged_bytes_end_the_list(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let packed = Packed { bytes, last: 0 };
            packed.read();
            packed.files().count();
        }

        #[test]
        fn numbers_come_back_sorted(mut numbers in prop::collection::vec(any::<u32>(), 0..50)) {
            let packed = Numbers::of(numbers.clone());
            numbers.sort_unstable();
            prop_assert!(packed.iter().eq(numbers));
        }
    }
}
