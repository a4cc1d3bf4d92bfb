//! Page: a patch as a document that people review: a short head and a unified diff with the state of each hunk behind its `@@`. It
//! knows what stands in each of its lines; a decision changes words in lines, never their number.

use protocol::{FileChange, HunkState, PatchState, PatchView};

/// The document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Its text; lines end in `\n` or, where the file's do, `\r\n`.
    pub text: String,
    /// What each line is.
    pub lines: Vec<PageLine>,
}

/// A line of it. Files and hunks are counted from 0, as the patch's view has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageLine {
    /// About the whole patch.
    Head,
    /// The name of a file.
    File {
        /// The file.
        file: usize,
    },
    /// The `@@` of a hunk.
    Hunk {
        /// The file.
        file: usize,
        /// The hunk.
        hunk: usize,
    },
    /// A line of a hunk.
    Body {
        /// The file.
        file: usize,
        /// The hunk.
        hunk: usize,
        /// The line of the text before the change that it is, or stands before; from 0.
        old: u32,
        /// The same in the text after the change.
        new: u32,
    },
}

impl PageLine {
    /// The file that the line belongs to.
    pub fn file(self) -> Option<usize> {
        match self {
            PageLine::Head => None,
            PageLine::File { file } | PageLine::Hunk { file, .. } | PageLine::Body { file, .. } => {
                Some(file)
            }
        }
    }

    /// The hunk that the line belongs to: file and number.
    pub fn hunk(self) -> Option<(usize, usize)> {
        match self {
            PageLine::Head | PageLine::File { .. } => None,
            PageLine::Hunk { file, hunk } | PageLine::Body { file, hunk, .. } => Some((file, hunk)),
        }
    }
}

impl Page {
    /// The document of a patch.
    pub fn of(patch: &PatchView) -> Page {
        let mut page = Page::default();
        let title = patch.title.lines().next().unwrap_or_default();
        page.push(&format!("# Patch {}: {title}", patch.id), PageLine::Head);
        page.push(&format!("# {}", standing(patch)), PageLine::Head);
        page.push(
            "# Decide here or at the changed lines of the files: code actions (and lenses) accept, refuse and take back.",
            PageLine::Head,
        );
        page.push("", PageLine::Head);
        for (number, file) in patch.files.iter().enumerate() {
            page.file(number, file);
        }
        page
    }

    fn file(&mut self, file: usize, change: &FileChange) {
        let (mut count, mut old, mut new) = (0, 0, 0);
        for line in change.diff.split_inclusive('\n') {
            let text = line.strip_suffix('\n').unwrap_or(line);
            let Some(hunk) = change.hunks.get(count).filter(|_| text.starts_with("@@ ")) else {
                let at = match count.checked_sub(1) {
                    None => PageLine::File { file },
                    Some(hunk) => PageLine::Body {
                        file,
                        hunk,
                        old,
                        new,
                    },
                };
                if count > 0 {
                    old += u32::from(text.is_empty() || text.starts_with([' ', '-']));
                    new += u32::from(text.is_empty() || text.starts_with([' ', '+']));
                }
                self.push(text, at);
                continue;
            };
            (old, new) = (
                first(hunk.old_start, hunk.old_lines),
                first(hunk.new_start, hunk.new_lines),
            );
            let marked = format!("{text} {}", word(hunk.state));
            self.push(&marked, PageLine::Hunk { file, hunk: count });
            count += 1;
        }
    }

    fn push(&mut self, text: &str, line: PageLine) {
        // A lone carriage return would be a line of its own to an editor.
        let (body, end) = match text.strip_suffix('\r') {
            Some(body) => (body, "\r\n"),
            None => (text, "\n"),
        };
        self.text.push_str(&body.replace('\r', "\u{240d}"));
        self.text.push_str(end);
        self.lines.push(line);
    }
}

/// A side without lines is numbered by the line before it.
fn first(start: u32, lines: u32) -> u32 {
    match lines {
        0 => start,
        _ => start.saturating_sub(1),
    }
}

/// Where the patch stands, in one line.
fn standing(patch: &PatchView) -> String {
    let state = match patch.state {
        PatchState::Proposed => "proposed",
        PatchState::Landed => "landed",
        PatchState::Refused => "refused",
        PatchState::Undone => "undone",
    };
    let hunks = || patch.files.iter().flat_map(|file| &file.hunks);
    let counts: Vec<String> = [
        HunkState::Pending,
        HunkState::Accepted,
        HunkState::Refused,
        HunkState::Undone,
    ]
    .into_iter()
    .map(|state| (state, hunks().filter(|hunk| hunk.state == state).count()))
    .filter(|(_, count)| *count > 0)
    .map(|(state, count)| format!("{count} {}", word(state)))
    .collect();
    let tests = match patch.verified {
        true => "verified by a test run",
        false => "not verified",
    };
    format!("{state}; hunks: {}; {tests}", counts.join(", "))
}

/// A state in one word.
fn word(state: HunkState) -> &'static str {
    match state {
        HunkState::Pending => "pending",
        HunkState::Accepted => "accepted",
        HunkState::Refused => "refused",
        HunkState::Undone => "undone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use protocol::{FileOp, Hunk};

    fn hunk(index: u32, old: (u32, u32), new: (u32, u32), state: HunkState) -> Hunk {
        Hunk {
            index,
            old_start: old.0,
            old_lines: old.1,
            new_start: new.0,
            new_lines: new.1,
            state,
            first: 0,
            removed: 0,
            text: String::new(),
            edited: false,
            live: None,
        }
    }

    fn check(diff: &str, hunks: Vec<Hunk>, expected: Expect) {
        let file = FileChange {
            path: "a".to_owned(),
            op: FileOp::Modify,
            added: 0,
            removed: 0,
            diff: diff.to_owned(),
            hunks,
        };
        let patch = PatchView {
            id: "p".into(),
            task: "t".into(),
            title: "Say goodbye\nmore".to_owned(),
            state: PatchState::Proposed,
            verified: true,
            created: String::new(),
            kind: protocol::PatchKind::Change,
            parent: None,
            of: Vec::new(),
            step: None,
            model: None,
            files: vec![file],
        };
        let page = Page::of(&patch);
        assert_eq!(page.text.lines().count(), page.lines.len());
        let shown = page.text.lines().zip(&page.lines).map(|(text, line)| {
            let place = match line {
                PageLine::Head => "head".to_owned(),
                PageLine::File { file } => format!("file {file}"),
                PageLine::Hunk { file, hunk } => format!("hunk {file}.{hunk}"),
                PageLine::Body { hunk, old, new, .. } => format!("{hunk}: {old}>{new}"),
            };
            format!("{place:8} |{text}\n")
        });
        expected.assert_eq(&shown.collect::<String>());
    }

    #[test]
    fn each_line_knows_what_it_is() {
        check(
            "--- a/a\n+++ b/a\n@@ -1,3 +1,4 @@\n one\n-two\n+TWO\n+and\n three\n@@ -9,1 +10,0 @@\n-nine\n\\ No newline at end of file\n",
            vec![
                hunk(0, (1, 3), (1, 4), HunkState::Accepted),
                hunk(1, (9, 1), (10, 0), HunkState::Pending),
            ],
            expect![[r#"
                head     |# Patch p: Say goodbye
                head     |# proposed; hunks: 1 pending, 1 accepted; verified by a test run
                head     |# Decide here or at the changed lines of the files: code actions (and lenses) accept, refuse and take back.
                head     |
                file 0   |--- a/a
                file 0   |+++ b/a
                hunk 0.0 |@@ -1,3 +1,4 @@ accepted
                0: 0>0   | one
                0: 1>1   |-two
                0: 2>1   |+TWO
                0: 2>2   |+and
                0: 2>3   | three
                hunk 0.1 |@@ -9,1 +10,0 @@ pending
                1: 8>10  |-nine
                1: 9>10  |\ No newline at end of file
            "#]],
        );
    }

    #[test]
    fn a_file_without_hunks_to_show_is_a_name() {
        check(
            "Binary files a/a and b/a differ\n",
            vec![hunk(0, (0, 0), (0, 0), HunkState::Pending)],
            expect![[r#"
                head     |# Patch p: Say goodbye
                head     |# proposed; hunks: 1 pending; verified by a test run
                head     |# Decide here or at the changed lines of the files: code actions (and lenses) accept, refuse and take back.
                head     |
                file 0   |Binary files a/a and b/a differ
            "#]],
        );
    }

    #[test]
    fn only_line_feeds_end_lines() {
        check(
            "--- a/a\n+++ b/a\n@@ -1,1 +1,1 @@\n-one\rtwo\r\n+x\r\n",
            vec![hunk(0, (1, 1), (1, 1), HunkState::Refused)],
            expect![[r#"
                head     |# Patch p: Say goodbye
                head     |# proposed; hunks: 1 refused; verified by a test run
                head     |# Decide here or at the changed lines of the files: code actions (and lenses) accept, refuse and take back.
                head     |
                file 0   |--- a/a
                file 0   |+++ b/a
                hunk 0.0 |@@ -1,1 +1,1 @@ refused
                0: 0>0   |-one␍two
                0: 1>0   |+x
            "#]],
        );
    }
}
