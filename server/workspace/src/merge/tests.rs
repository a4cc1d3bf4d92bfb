//! Merges of two changes of one text, by example and at random.

use super::*;
use proptest::prelude::*;

fn merged(base: &str, ours: &str, theirs: &str, tie: Tie) -> Result<String, String> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes(), tie)
        .map(text)
        .map_err(text)
}

#[test]
fn edits_of_different_lines_stay_apart() {
    for (base, ours, theirs, want) in [
        ("a\nb\nc\n", "A\nb\nc\n", "a\nb\nC\n", "A\nb\nC\n"),
        // They touch: above, below, and an insertion at either end of a replacement.
        ("a\nb\n", "a\nB\n", "A\nb\n", "A\nB\n"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\nnew\nb\nc\n", "a\nnew\nB\nc\n"),
        ("a\nb\nc\n", "a\nB\nc\n", "a\nb\nnew\nc\n", "a\nB\nnew\nc\n"),
        ("a\nb\nc\n", "a\nc\n", "a\nnew\nb\nc\n", "a\nnew\nc\n"),
        // Both did the same.
        ("a\nb\n", "a\nB\n", "a\nB\n", "a\nB\n"),
        ("a\n", "a\nx\n", "a\nx\n", "a\nx\n"),
        ("", "x\n", "", "x\n"),
        // A line of theirs that looks like ours is theirs.
        ("a\n", "a\nx\n", "a\nx\nmore\n", "a\nx\nmore\nx\n"),
        ("a\nb", "a\nB", "A\nb", "A\nB"),
        // An editor gave the file other line ends.
        ("a\nb\n", "a\nB\n", "a\r\nb\r\nc\r\n", "a\r\nB\r\nc\r\n"),
    ] {
        let got = merged(base, ours, theirs, Tie::TheirsFirst);
        assert_eq!(got, Ok(want.to_owned()), "{base:?}");
    }
}

#[test]
fn two_insertions_at_one_place_are_for_a_person() {
    let (base, ours, theirs) = ("a\nb\n", "a\nours\nb\n", "a\ntheirs\nb\n");
    assert_eq!(
        merged(base, ours, theirs, Tie::TheirsFirst),
        Ok("a\ntheirs\nours\nb\n".to_owned())
    );
    let conflict = merged(base, ours, theirs, Tie::Conflict).unwrap_err();
    assert!(conflict.contains("<<<<<<< patch\nours\n||||||| before\n=======\ntheirs\n>>>>>>>"));
}

#[test]
fn lines_do_not_run_into_one_another_at_the_end_of_a_text_without_a_final_newline() {
    // Two insertions at the end: the person's last line is closed as the other lines are.
    for (base, ours, theirs, want) in [
        ("a\n", "a\nours\n", "a\ntheirs", "a\ntheirs\nours\n"),
        (
            "a\r\n",
            "a\r\nours\r\n",
            "a\r\ntheirs",
            "a\r\ntheirs\r\nours\r\n",
        ),
        ("", "ours\n", "theirs", "theirs\nours\n"),
        ("", "ours", "theirs", "theirs\nours"),
    ] {
        let got = merged(base, ours, theirs, Tie::TheirsFirst);
        assert_eq!(got, Ok(want.to_owned()), "{base:?}");
        merged(base, ours, theirs, Tie::Conflict).unwrap_err();
    }
    // The last line itself lost its end, or more, and the other side adds below it.
    for (base, one, other) in [
        ("a\nb\n", "a\nb\nc\n", "a\nb"),
        ("a\nb\n", "a\nb\nc\n", "a\nB"),
        ("a\nb\n", "a\nb\nc\n", "a"),
    ] {
        for tie in [Tie::Conflict, Tie::TheirsFirst] {
            merged(base, one, other, tie).unwrap_err();
            merged(base, other, one, tie).unwrap_err();
        }
    }
    // Both took it away, and nothing else at the end.
    assert_eq!(
        merged("a\nb\nc\n", "A\nb\nc", "a\nb\nc", Tie::Conflict),
        Ok("A\nb\nc".to_owned())
    );
}

fn texts() -> impl Strategy<Value = String> {
    let line = prop_oneof![Just("a"), Just("b"), Just("}"), Just("")];
    let lines = proptest::collection::vec(
        (
            line,
            prop_oneof![Just("\n"), Just("\n"), Just("\n"), Just("\r\n")],
        ),
        0..9,
    );
    (lines, any::<bool>()).prop_map(|(lines, closed)| {
        let text: String = lines
            .iter()
            .map(|(line, end)| format!("{line}{end}"))
            .collect();
        let open = text.trim_end_matches(['\r', '\n']).len();
        if closed {
            text
        } else {
            text[..open].to_owned()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20_000) })]

    #[test]
    fn lines_that_a_person_typed_stay_whole_and_in_order(
        base in texts(), ours in texts(), at in proptest::collection::vec(0..10usize, 1..4), open in any::<bool>()
    ) {
        let mut theirs: Vec<String> = lines(base.as_bytes()).iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        let mut typed = Vec::new();
        for (number, at) in at.iter().enumerate() {
            let line = format!("typed {number}");
            theirs.insert((*at).min(theirs.len().saturating_sub(1)), format!("{line}\n"));
            typed.push(line);
        }
        if open {
            theirs.push("typed at the end".to_owned());
            if theirs.iter().rev().nth(1).is_some_and(|line| line.ends_with(['\n', '\r'])) {
                typed.push("typed at the end".to_owned());
            }
        }
        let theirs = theirs.concat();
        for tie in [Tie::Conflict, Tie::TheirsFirst] {
            let Ok(got) = merged(&base, &ours, &theirs, tie) else { continue };
            let known: Vec<&str> = theirs.split_terminator(['\n', '\r']).filter(|line| typed.iter().any(|typed| typed == line)).collect();
            let kept: Vec<&str> = got.split_terminator(['\n', '\r']).filter(|line| typed.iter().any(|typed| typed == line)).collect();
            prop_assert_eq!(&kept, &known, "{:?}", got);
        }
    }
}

#[test]
fn the_same_lines_conflict_and_nothing_is_lost() {
    for (base, ours, theirs) in [
        ("a\nb\nc\n", "a\nB\nc\n", "a\nbb\nc\n"),
        ("a\nb\nc\n", "a\nc\n", "a\nbb\nc\n"),
        ("a\nb\nc\nd\n", "a\nX\nd\n", "a\nb\nnew\nc\nd\n"),
        ("a\nb", "a\nb\nc", "a\nb\nd"),
    ] {
        for tie in [Tie::Conflict, Tie::TheirsFirst] {
            let text = merged(base, ours, theirs, tie).unwrap_err();
            for line in ours.lines().chain(theirs.lines()) {
                assert!(text.contains(line), "{text}");
            }
        }
    }
}
