//! `Bare`: the text of a conversation without what models put around code: a fence, and the mark of the gap.
//!
//! Invariant: what is shown is a beginning of the whole, however the pieces were cut.

use crate::gap::MARK;

const FENCE: &str = "```";

/// One answer on its way.
#[derive(Debug, Default)]
pub(super) struct Bare {
    /// What was shown.
    pub(super) text: String,
    /// What came and is not shown yet.
    rest: String,
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It may be a fence that comes.
    #[default]
    Start,
    Plain,
    /// Inside a fence.
    Fenced,
    /// Behind it.
    Done,
}

impl Bare {
    /// What can be shown of a piece and of what was held back.
    pub(super) fn feed(&mut self, piece: &str) -> String {
        if self.state == State::Done {
            return String::new();
        }
        self.rest.push_str(piece);
        if self.state == State::Start {
            let start = self.rest.trim_start_matches(['\n', '\r']);
            if FENCE.starts_with(start) {
                return String::new();
            }
            if start.starts_with(FENCE) {
                let Some((_, inside)) = start.split_once('\n') else {
                    return String::new();
                };
                self.rest = inside.to_owned();
                self.state = State::Fenced;
            } else {
                self.state = State::Plain;
            }
        }
        self.rest = self.rest.replace(MARK, "");
        if self.state == State::Fenced
            && let Some(end) = self.closing()
        {
            self.rest.truncate(end);
            self.state = State::Done;
            return self.show(end);
        }
        let held = self.held();
        self.show(self.rest.len() - held)
    }

    /// The rest, once nothing follows.
    pub(super) fn end(&mut self) -> String {
        if self.state == State::Start && self.rest.trim_start().starts_with(FENCE) {
            return String::new();
        }
        self.show(self.rest.len())
    }

    /// Where the fence ends, the end of line before it left out.
    fn closing(&self) -> Option<usize> {
        if self.text.is_empty() && self.rest.starts_with(FENCE) {
            return Some(0);
        }
        let crlf = self.rest.find("\r\n```");
        crlf.or_else(|| self.rest.find("\n```"))
    }

    /// Bytes at the end that may be the beginning of a mark, or of the end of a fence.
    fn held(&self) -> usize {
        let mut ends = vec![MARK];
        if self.state == State::Fenced {
            ends.extend(["\r\n```", "\n```"]);
            if self.text.is_empty() {
                ends.push(FENCE);
            }
        }
        let most = |whole: &&str| {
            (1..whole.len())
                .rev()
                .find(|count| self.rest.ends_with(&whole[..*count]))
                .unwrap_or(0)
        };
        ends.iter().map(most).max().unwrap_or(0)
    }

    fn show(&mut self, count: usize) -> String {
        let shown: String = self.rest.drain(..count).collect();
        self.text.push_str(&shown);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fences_and_marks_are_left_out_wherever_the_pieces_are_cut() {
        for (whole, text) in [
            ("a + b", "a + b"),
            ("", ""),
            ("```rust\na + b\n```", "a + b"),
            ("```\na\n\n  b\r\n```\nI added b.", "a\n\n  b"),
            ("\n\nx\n", "\n\nx\n"),
            ("\n```py\n    x\n", "    x\n"),
            ("a<|gap|>b", "ab"),
            ("a <| b", "a <| b"),
            ("`a`", "`a`"),
            ("```", ""),
            ("```x\n```", ""),
            ("żółw 🐢\n``", "żółw 🐢\n``"),
        ] {
            for at in (0..=whole.len()).filter(|at| whole.is_char_boundary(*at)) {
                let mut bare = Bare::default();
                let mut shown = bare.feed(&whole[..at]);
                shown.push_str(&bare.feed(&whole[at..]));
                shown.push_str(&bare.end());
                assert_eq!(shown, text, "{whole:?} cut at {at}");
                assert_eq!(bare.text, text, "{whole:?} cut at {at}");
            }
        }
    }
}
