//! Streams: a patch read as it comes in is the patch read whole, however it is cut.

use crate::bench::rel;
use crate::properties::{FORMATS, piece};
use proptest::prelude::*;
use workspace::{Format, Op, PatchError, PatchStream, ReplyStream, edits_parse, parse_patch};

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_stream_is_the_whole(pieces in prop::collection::vec(piece(), 0..24), cuts in prop::collection::vec(0usize..400, 0..20), end in "\r?\n?") {
        let text = pieces.join("\n") + &end;
        let mut cuts = cuts;
        cuts.sort_unstable();
        cuts.retain(|cut| *cut < text.len());
        for format in FORMATS {
            prop_assert_eq!(streamed(&text, format, &cuts), whole(&text, format));
        }
    }
}

/// A text read in the pieces that end at `cuts`.
fn streamed(text: &str, format: Format, cuts: &[usize]) -> Result<Vec<Op>, PatchError> {
    let mut stream = PatchStream::new(format, Some(&rel("f")));
    let mut ops = Vec::new();
    let mut at = 0;
    for cut in cuts
        .iter()
        .copied()
        .filter(|cut| text.is_char_boundary(*cut))
    {
        if cut > at {
            ops.extend(stream.push(&text[at..cut])?);
            at = cut;
        }
    }
    ops.extend(stream.push(&text[at..])?);
    ops.extend(stream.finish()?);
    Ok(ops)
}

fn whole(text: &str, format: Format) -> Result<Vec<Op>, PatchError> {
    parse_patch(text, format, Some(&rel("f"))).map(|patch| patch.ops)
}

/// A patch in each format, with several hunks.
const SAMPLES: [&str; 9] = [
    "Say\n*** Begin Patch\n*** Add File: n\n+one\n*** Update File: f\n@@ class A\n a\n-b\n+ü\n@@\n-c\n*** End of File\n*** Delete File: d\n*** Update File: m\n*** Move to: k\n@@\n-x\n+y\n  *** End Patch\nthen\n",
    "*** Begin Patch\n*** Update File: f\n@@\n *** End Patch\n-a\n+b\n*** End Patch\n",
    "f.rs\n```rust\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n```sh\nls\n```\n------- SEARCH\n:start_line:3\n-------\nc\n=======\n\\=======\n+++++++ REPLACE\n",
    "```sh\nrun.sh\n<<<<< SEARCH\na\n=====\nb\n>>>>> REPLACE\n```\n",
    "diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n\\ No newline at end of file\n@@ -9 +9 @@ fn\n-x\n+y\n\n\n-- \n2.1\ndiff --git a/o b/p\nrename from o\nrename to p\n",
    "```diff\n--- a\n+++ b\n@@ ... @@\n x\n\n-y\n+z\n```\n",
    "--- /dev/null\r\n+++ b/n\r\n@@ -0,0 +1 @@\r\n+a\r\n",
    "Here:\n```json\n{\"file\":\"f\",\"edits\":[{\"old\":\"a\",\"new\":\"b\",\"all\":true}]}\n```\nend",
    "`a/b.md`:\n\n````md\n# t\n```rust\nx\n```\n````\n```py c.py\nprint()\n```\n",
];

#[test]
fn a_patch_cut_anywhere_is_the_same_patch() {
    for sample in SAMPLES {
        for format in FORMATS {
            let want = whole(sample, format);
            let every: Vec<usize> = (0..sample.len()).collect();
            assert_eq!(
                streamed(sample, format, &every),
                want,
                "{format:?} {sample}"
            );
            for cut in 0..sample.len() {
                assert_eq!(
                    streamed(sample, format, &[cut]),
                    want,
                    "{format:?} {cut} {sample}"
                );
            }
        }
        let mut reply = ReplyStream::new();
        let mut items: Vec<_> = sample
            .split_inclusive(|_| true)
            .flat_map(|chunk| reply.push(chunk))
            .collect();
        items.extend(reply.finish());
        assert_eq!(items, edits_parse(sample));
    }
}

#[test]
fn hunks_come_out_as_they_close() {
    for (text, want) in [
        (
            "*** Begin Patch\n*** Update File: f\n@@\n-a\n+b\n@@\n-c\n+d\n*** Delete File: g\n*** End Patch\n",
            [6, 9, 9],
        ),
        (
            "f\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nc\n=======\n>>>>>>> REPLACE\n<<<<<<< SEARCH\nd\n=======\n>>>>>>> REPLACE\n",
            [6, 10, 14],
        ),
        // A diff's lines may be a header that the next two decide.
        (
            "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n@@ -5 +5 @@\n-c\n+d\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-c\n+d\n",
            [8, 11, 14],
        ),
    ] {
        let mut stream = PatchStream::new(Format::Auto, None);
        let mut lines: Vec<usize> = Vec::new();
        for (index, line) in text.split_inclusive('\n').enumerate() {
            let count = stream.push(line).unwrap().len();
            lines.extend(std::iter::repeat_n(index + 1, count));
        }
        lines.extend(
            stream
                .finish()
                .unwrap()
                .iter()
                .map(|_| text.lines().count() + 1),
        );
        assert_eq!(lines, want, "{text}");
    }
}

#[test]
fn parsing_takes_time_in_proportion_to_the_text() {
    let long: [(Format, &str, &str); 9] = [
        (
            Format::Envelope,
            "*** Begin Patch\n*** Update File: f\n",
            "@@\n-a\n+b\n",
        ),
        (
            Format::Envelope,
            "*** Begin Patch\n*** Update File: f\n@@\n a\n",
            " *** End Patch\n",
        ),
        (
            Format::Blocks,
            "f\n",
            "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n",
        ),
        (Format::Blocks, "f\n<<<<<<< SEARCH\n", "=======\n"),
        (Format::Blocks, "f\n", "<<<<<<< SEARCH\n"),
        (Format::Udiff, "--- a/f\n+++ b/f\n@@ @@\n-a\n", "\n"),
        (Format::Udiff, "--- a/f\n+++ b/f\n", "@@ -1 +1 @@\n-a\n+b\n"),
        (Format::Auto, "", "- text\n"),
        (Format::Whole, "", "a.b\n```\nx\n"),
    ];
    let start = std::time::Instant::now();
    for (format, head, line) in long {
        let text = format!("{head}{}", line.repeat(1_000_000 / line.len()));
        let _ = whole(&text, format);
    }
    // Wide of the mark on purpose: it fails where something is quadratic, not where the machine is slow.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
