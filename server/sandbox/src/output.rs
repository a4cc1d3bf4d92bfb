//! `Capture`: what one stream of a child said, head and tail within a byte limit.
//!
//! Invariant: memory stays below the limit plus one chunk, however much is written; the text is valid UTF-8.

use std::collections::VecDeque;

/// Which stream a piece of output came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    half: usize,
    seen: u64,
    /// Bytes of a character whose rest has not come yet.
    pending: Vec<u8>,
}

impl Capture {
    /// Keeps at most `limit` bytes: the first half and the last.
    pub(crate) fn new(limit: usize) -> Capture {
        Capture {
            head: Vec::new(),
            tail: VecDeque::new(),
            half: limit / 2,
            seen: 0,
            pending: Vec::new(),
        }
    }

    /// Takes a chunk; gives back what of it can be shown live (nothing, once the limit is passed).
    pub(crate) fn take(&mut self, chunk: &[u8]) -> Option<String> {
        let live = self.seen < 2 * self.half as u64;
        self.seen += chunk.len() as u64;
        let (first, rest) = chunk.split_at(chunk.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(first);
        self.tail.extend(rest);
        let over = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..over);
        live.then(|| self.decode(chunk))
            .filter(|text| !text.is_empty())
    }

    /// Bytes that came.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }

    /// Bytes that were left out.
    pub(crate) fn dropped(&self) -> u64 {
        self.seen - (self.head.len() + self.tail.len()) as u64
    }

    /// Head, a line that says how much is missing, tail.
    pub(crate) fn finish(self) -> String {
        let dropped = self.dropped();
        let Capture { mut head, tail, .. } = self;
        if dropped == 0 {
            head.extend(tail);
            return String::from_utf8_lossy(&head).into_owned();
        }
        let tail: Vec<u8> = tail.into();
        let (head, tail) = (
            String::from_utf8_lossy(&head),
            String::from_utf8_lossy(&tail),
        );
        format!("{head}\n[... {dropped} bytes left out ...]\n{tail}")
    }

    fn decode(&mut self, chunk: &[u8]) -> String {
        self.pending.extend_from_slice(chunk);
        let whole = match std::str::from_utf8(&self.pending) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.pending.len(),
        };
        // A cut character can only be at the end; anything else that is invalid is replaced.
        let cut = self.pending.len() - self.pending.len().saturating_sub(whole).min(3);
        let rest = self.pending.split_off(cut);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_are_kept() {
        let mut capture = Capture::new(8);
        for chunk in ["ab", "cdef", "ghijkl", "mnop"] {
            capture.take(chunk.as_bytes());
        }
        assert_eq!(capture.dropped(), 8);
        assert_eq!(capture.finish(), "abcd\n[... 8 bytes left out ...]\nmnop");
    }

    #[test]
    fn a_character_cut_between_chunks_is_shown_whole() {
        let mut capture = Capture::new(1000);
        let bytes = "a\u{20ac}b".as_bytes();
        let live: String = bytes
            .iter()
            .filter_map(|byte| capture.take(&[*byte]))
            .collect();
        assert_eq!(live, "a\u{20ac}b");
        assert_eq!(capture.finish(), "a\u{20ac}b");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_in_any_chunks_stay_within_the_limit(chunks: Vec<Vec<u8>>, limit in 0usize..64) {
            let mut capture = Capture::new(limit);
            for chunk in &chunks {
                capture.take(chunk);
            }
            assert!(capture.head.len() + capture.tail.len() <= limit);
            let all: Vec<u8> = chunks.concat();
            assert_eq!(capture.dropped() as usize, all.len() - capture.head.len() - capture.tail.len());
            if capture.dropped() == 0 {
                assert_eq!(capture.finish(), String::from_utf8_lossy(&all));
            }
        }
    }
}
