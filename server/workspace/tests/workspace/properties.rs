//! Properties: for any text, not only for the tables.

use crate::bench::{Bench, rel, wait};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use workspace::{Format, Mode, edits_parse, parse_patch};

/// Texts with all line endings, blanks, BOM and repeated lines.
fn text() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "[ab ]{0,3}",
        "\t?[a-c]{1,2} ?",
        Just("\u{201c}q\u{201d}".to_owned())
    ];
    let end = prop_oneof![4 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r")];
    let lines = prop::collection::vec((line, end), 0..12);
    (any::<bool>(), lines, any::<bool>()).prop_map(|(mark, lines, open)| {
        let mut text: String = if mark {
            "\u{feff}".to_owned()
        } else {
            String::new()
        };
        let last = lines.len();
        for (index, (line, end)) in lines.into_iter().enumerate() {
            text.push_str(&line);
            if !(open && index + 1 == last) {
                text.push_str(end);
            }
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn w3_invert_of_apply_is_the_same_bytes(old in prop::option::of(text()), new in prop::option::of(text())) {
        let bench = Bench::new(&[]);
        let path = rel("d/f");
        if let Some(old) = &old {
            bench.put("d/f", old.as_bytes());
        }
        let mut draft = bench.draft();
        match (&old, &new) {
            (_, Some(new)) => draft.write(&path, new).unwrap(),
            (Some(_), None) => draft.delete(&path).unwrap(),
            (None, None) => {}
        }
        let change = draft.change_set();
        let mut files: BTreeMap<_, Arc<[u8]>> = old.iter().map(|old| (path.clone(), old.as_bytes().into())).collect();
        let before = files.clone();
        change.apply(&mut files).unwrap();
        change.invert().apply(&mut files).unwrap();
        prop_assert_eq!(&files, &before);

        let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
        wait(landed.change.invert().land(&bench.disk(), "undo")).unwrap();
        prop_assert_eq!(bench.get("d/f"), old);
    }

    #[test]
    fn line_edits_make_the_new_text(old in text(), new in text()) {
        let bench = Bench::new(&[]);
        bench.put("f", old.as_bytes());
        let mut draft = bench.draft();
        draft.write(&rel("f"), &new).unwrap();
        let change = draft.change_set();
        if let Some(file) = change.files.first() {
            let mut lines: Vec<String> = Vec::new();
            let mut rest = old.as_str();
            while let Some(at) = rest.find(['\n', '\r']) {
                let end = if rest[at..].starts_with("\r\n") { at + 2 } else { at + 1 };
                lines.push(rest[..end].to_owned());
                rest = &rest[end..];
            }
            lines.push(rest.to_owned());
            for edit in change.edits(file).into_iter().rev() {
                let end = (edit.end_line as usize).min(lines.len());
                lines.splice(edit.start_line as usize..end, [edit.text]);
            }
            let after = String::from_utf8(file.after.as_ref().unwrap().to_vec()).unwrap();
            prop_assert_eq!(lines.concat(), after);
        }
    }

    #[test]
    fn w4_a_hunk_changes_one_place_and_no_other_byte(
        lines in prop::collection::vec("[a-d]{1,2}", 1..14),
        start in 0usize..14, count in 1usize..4, crlf in any::<bool>(),
        with in prop::collection::vec("[x-z]{1,2}", 0..4),
    ) {
        let start = start.min(lines.len() - 1);
        let end = (start + count).min(lines.len());
        let eol = if crlf { "\r\n" } else { "\n" };
        let join = |lines: &[String], eol: &str| lines.iter().map(|line| format!("{line}{eol}")).collect::<String>();
        let old = join(&lines, eol);
        let search = &lines[start..end];
        let places = (0..=lines.len() - search.len()).filter(|at| lines[*at..].starts_with(search)).count();
        let block = format!("f\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n", join(search, "\n"), join(&with, "\n"));
        let bench = Bench::new(&[("f", &old)]);
        let mut draft = bench.draft();
        let patch = parse_patch(&block, Format::Blocks, None).unwrap();
        let done = draft.apply(&patch, Mode::Atomic);
        if places == 1 {
            let mut want = lines.clone();
            want.splice(start..end, with);
            done.unwrap();
            let got = draft.read(&rel("f")).unwrap().unwrap();
            prop_assert_eq!(got.text().unwrap(), join(&want, eol));
        } else {
            prop_assert!(done.is_err());
            prop_assert!(draft.is_empty());
        }
    }

    #[test]
    fn w3_edits_apart_from_each_other_merge_to_both(
        lines in prop::collection::vec("[a-c]{1,2}", 5..16), cut in 2usize..12,
        agent in prop::collection::vec("[A-C]{1,2}", 0..4), user in prop::collection::vec("[X-Z]{1,2}", 0..4),
        upside_down in any::<bool>(),
    ) {
        let cut = cut.min(lines.len() - 3);
        let join = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        // One side rewrites all above the cut, the other all below; three lines of their own keep them apart.
        let keep: Vec<String> = ["= 1", "= 2", "= 3"].map(str::to_owned).to_vec();
        let (head, tail) = lines.split_at(cut);
        let all = |head: &[String], tail: &[String]| join(&[head, &keep, tail].concat());
        let old = all(head, tail);
        let (ours, theirs, both) = match upside_down {
            false => (all(&agent, tail), all(head, &user), all(&agent, &user)),
            true => (all(head, &agent), all(&user, tail), all(&user, &agent)),
        };
        let bench = Bench::new(&[("f", &old)]);
        let mut draft = bench.draft();
        draft.write(&rel("f"), &ours).unwrap();
        bench.put("f", theirs.as_bytes());
        wait(draft.land(&bench.disk(), "test")).unwrap();
        prop_assert_eq!(bench.get("f").unwrap(), both);
    }

    #[test]
    fn w3_w4_every_format_changes_its_lines_only_and_is_undone(
        lines in prop::collection::vec("[a-c]{0,2} ?", 1..12), ends in prop::collection::vec(0usize..3, 12),
        open in any::<bool>(), mark in any::<bool>(), start in 0usize..12, count in 1usize..4,
        with in prop::collection::vec("[x-z]{1,2}", 0..4), form in 0usize..4,
    ) {
        let start = start.min(lines.len() - 1);
        let end = (start + count).min(lines.len());
        // Each line is another one, so that there is one place.
        let lines: Vec<String> = lines.iter().enumerate().map(|(index, line)| format!("{index}{line}")).collect();
        let last = lines.len() - 1;
        let whole = |index: usize| {
            let end = if open && index == last { "" } else { ["\n", "\r\n", "\n"][ends[index]] };
            format!("{}{end}", lines[index])
        };
        let join = |range: std::ops::Range<usize>| range.map(whole).collect::<String>();
        let old = format!("{}{}", if mark { "\u{feff}" } else { "" }, join(0..lines.len()));
        let patch = written(form, &lines[start..end], &with);
        let bench = Bench::new(&[("f", &old)]);
        let mut draft = bench.draft();
        let patch = parse_patch(&patch, Format::Auto, None).unwrap();
        draft.apply(&patch, Mode::Atomic).unwrap();
        let landed = wait(draft.land(&bench.disk(), "test")).unwrap();
        let new = bench.get("f").unwrap();
        let head = &old[..old.len() - join(start..lines.len()).len()];
        let tail = join(end..lines.len());
        prop_assert!(new.starts_with(head), "{new:?} does not start with {head:?}");
        prop_assert!(new.ends_with(&tail), "{new:?} does not end with {tail:?}");
        let middle = &new[head.len()..new.len() - tail.len()];
        let got: Vec<&str> = middle.lines().collect();
        prop_assert_eq!(got, with.iter().map(String::as_str).collect::<Vec<_>>());
        wait(landed.change.invert().land(&bench.disk(), "undo")).unwrap();
        prop_assert_eq!(bench.get("f").unwrap(), old);
    }

    #[test]
    fn parsers_take_any_text(text in "(?s).{0,200}") {
        for format in FORMATS {
            let _ = parse_patch(&text, format, Some(&rel("f")));
        }
        let _ = edits_parse(&text);
    }

    #[test]
    fn parsers_and_ladder_take_any_pieces_of_patches(pieces in prop::collection::vec(piece(), 0..24), file in text()) {
        let text = pieces.join("\n");
        let bench = Bench::new(&[("f", &file)]);
        for format in FORMATS {
            if let Ok(patch) = parse_patch(&text, format, Some(&rel("f"))) {
                let _ = bench.draft().apply(&patch, Mode::Partial);
            }
        }
        let _ = edits_parse(&text);
    }
}

/// A replacement of lines in one of the formats.
fn written(form: usize, before: &[String], after: &[String]) -> String {
    let each = |sign: &str, lines: &[String]| {
        lines
            .iter()
            .map(|line| format!("{sign}{line}\n"))
            .collect::<String>()
    };
    let (minus, plus) = (each("-", before), each("+", after));
    match form {
        0 => format!("*** Begin Patch\n*** Update File: f\n@@\n{minus}{plus}*** End Patch\n"),
        1 => format!(
            "f\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n",
            each("", before),
            each("", after)
        ),
        2 => format!("--- a/f\n+++ b/f\n@@ @@\n{minus}{plus}"),
        _ => serde_json::json!({"file": "f", "edits": [{"old": each("", before), "new": each("", after)}]}).to_string(),
    }
}

pub const FORMATS: [Format; 6] = [
    Format::Auto,
    Format::Envelope,
    Format::Blocks,
    Format::Udiff,
    Format::Json,
    Format::Whole,
];

/// Lines that mean something to a parser.
pub fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "*** Begin Patch",
            "*** End Patch",
            "*** Update File: f",
            "*** Add File: g",
            "*** Delete File: f",
            "*** Move to: h",
            "*** End of File",
            "@@",
            "@@ a",
            "@@ -1,2 +1,2 @@",
            "@@ -0,0 +1 @@",
            "--- a/f",
            "+++ b/f",
            "--- /dev/null",
            "+++ /dev/null",
            "diff --git a/f b/f",
            "\\ No newline at end of file",
            "<<<<<<< SEARCH",
            "=======",
            ">>>>>>> REPLACE",
            "```",
            "```rust f",
            "f",
            "",
            "...",
            " a",
            "-a",
            "+b",
            "-b",
            " \u{201c}q\u{201d}",
            "{\"file\":\"f\",",
            "\"edits\":[{\"old\":\"a\",\"new\":\"b\"}]}",
        ])
        .prop_map(str::to_owned),
        "[ +-]?[abc ]{0,3}",
    ]
}

#[test]
fn one_hunk_in_a_large_file_and_many_edits_take_no_time() {
    let lines: String = (0..100_000)
        .map(|n| format!("    line number {n}\n"))
        .collect();
    let bench = Bench::new(&[("f", &lines)]);
    let mut draft = bench.draft();
    let found = "f\n<<<<<<< SEARCH\nline number 77777\n=======\nLINE\n>>>>>>> REPLACE\n";
    let missed =
        "f\n<<<<<<< SEARCH\nline numbers 77777\nno such line\n=======\nLINE\n>>>>>>> REPLACE\n";
    let start = std::time::Instant::now();
    draft
        .apply(
            &parse_patch(found, Format::Auto, None).unwrap(),
            Mode::Atomic,
        )
        .unwrap();
    draft
        .apply(
            &parse_patch(missed, Format::Auto, None).unwrap(),
            Mode::Atomic,
        )
        .unwrap_err();
    let documents = workspace::Documents::new();
    documents.open(rel("f"), 1, &lines, None);
    for version in 2..2002 {
        documents
            .change(&rel("f"), version, |rope| {
                rope.insert(rope.len_chars() / 2, "x")
            })
            .unwrap();
    }
    // Wide of the mark on purpose: it fails where something is quadratic, not where the machine is slow.
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}
