//! Review: hunk decisions in any order, while somebody types, against an oracle that knows every line by name.

use crate::bench::rel;
use proptest::prelude::*;
use workspace::{ChangeSet, Content, FileEdit, Review, Spot, Verdict};

/// A line's name; its text is made of it, so that no two lines are alike.
type Line = u32;
/// Lines to replace, and what shall stand there.
type Swap = (Vec<Line>, Vec<Line>);

fn text(lines: &[Line]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}

fn review(base: &[Line], after: &[Line]) -> Review {
    let file = FileEdit {
        path: rel("a"),
        base: Some(Content::new(text(base), None)),
        after: Some(text(after).into()),
        mode: None,
    };
    Review::of(&ChangeSet { files: vec![file] }, Verdict::Pending)
}

/// The oracle: a document of named lines.
struct Oracle {
    base: Vec<Line>,
    after: Vec<Line>,
    /// Lines of base and of after that each hunk is about.
    hunks: Vec<(std::ops::Range<usize>, std::ops::Range<usize>)>,
    accepted: Vec<bool>,
    live: Vec<Line>,
}

impl Oracle {
    fn decided(&self, accepted: &[bool]) -> Vec<Line> {
        let (mut lines, mut at) = (Vec::new(), 0);
        for ((old, new), accepted) in self.hunks.iter().zip(accepted) {
            lines.extend(&self.base[at..old.start]);
            match accepted {
                true => lines.extend(&self.after[new.clone()]),
                false => lines.extend(&self.base[old.clone()]),
            }
            at = old.end;
        }
        lines.extend(&self.base[at..]);
        lines
    }

    /// Decides; `None`, and nothing changed: the person's edits are in the way.
    fn decide(&mut self, hunks: &[usize], accept: bool) -> Option<()> {
        let mut accepted = self.accepted.clone();
        let mut live = self.live.clone();
        for hunk in hunks {
            if accepted[*hunk] == accept {
                continue;
            }
            let now = self.decided(&accepted);
            accepted[*hunk] = accept;
            let then = self.decided(&accepted);
            for (at, (from, to)) in swaps(&now, &then) {
                swap(&mut live, &now, at, &from, &to)?;
            }
        }
        (self.accepted, self.live) = (accepted, live);
        Some(())
    }
}

/// What turns one list of names into another: places in the first, and the lines there. Names that both have stand still.
fn swaps(now: &[Line], then: &[Line]) -> Vec<(usize, Swap)> {
    let (mut swaps, mut i, mut j) = (Vec::new(), 0, 0);
    while i < now.len() || j < then.len() {
        if i < now.len() && j < then.len() && now[i] == then[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let (at, mut from, mut to) = (i, Vec::new(), Vec::new());
        while i < now.len() && !then.contains(&now[i]) {
            from.push(now[i]);
            i += 1;
        }
        while j < then.len() && !now.contains(&then[j]) {
            to.push(then[j]);
            j += 1;
        }
        swaps.push((at, (from, to)));
    }
    swaps
}

/// One swap in the live document.
fn swap(live: &mut Vec<Line>, now: &[Line], at: usize, from: &[Line], to: &[Line]) -> Option<()> {
    let find = |live: &[Line], line: Line| live.iter().position(|other| *other == line);
    if let Some(first) = from.first() {
        // The person removed these lines, and nothing else there: that is what was wanted.
        let below = now
            .get(at + from.len())
            .map_or(Some(live.len()), |line| find(live, *line));
        let above = match at.checked_sub(1) {
            None => Some(0),
            Some(above) => find(live, now[above]).map(|index| index + 1),
        };
        if to.is_empty() && above.is_some() && above == below {
            return Some(());
        }
        // The lines must be there, one after the other.
        let start = find(live, *first)?;
        (live.get(start..start + from.len())? == from).then_some(())?;
        live.splice(start..start + from.len(), to.iter().copied());
        return Some(());
    }
    // An insertion: right above the line below, else right below the line above.
    let place = match now.get(at) {
        None => Some(live.len()),
        Some(below) => find(live, *below),
    };
    let above = match at.checked_sub(1) {
        None => Some(0),
        Some(above) => find(live, now[above]).map(|index| index + 1),
    };
    let place = place.or(above)?;
    live.splice(place..place, to.iter().copied());
    Some(())
}

#[derive(Debug, Clone)]
enum Act {
    Insert(usize),
    Delete(usize),
    Replace(usize),
    Accept(usize),
    TakeBack(usize),
    AcceptAll,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => any::<usize>().prop_map(Act::Insert),
        1 => any::<usize>().prop_map(Act::Delete),
        1 => any::<usize>().prop_map(Act::Replace),
        4 => any::<usize>().prop_map(Act::Accept),
        3 => any::<usize>().prop_map(Act::TakeBack),
        1 => Just(Act::AcceptAll),
    ];
    proptest::collection::vec(act, 1..16)
}

/// Base lines with what a change does to them: keep, remove, replace, insert above.
fn change() -> impl Strategy<Value = (Vec<Line>, Vec<Line>)> {
    proptest::collection::vec(0u8..10, 1..24).prop_map(|marks| {
        let (mut base, mut after, mut new) = (Vec::new(), Vec::new(), 1000);
        for (line, mark) in (0..).zip(marks) {
            base.push(line);
            let mut fresh = || {
                new += 1;
                new
            };
            match mark {
                0 => {}
                1 => after.push(fresh()),
                2 => after.extend([fresh(), line]),
                _ => after.push(line),
            }
        }
        if base == after {
            after.push(2000);
        }
        (base, after)
    })
}

/// Walks through the acts with both; the texts must be the same after each.
fn walk(base: Vec<Line>, after: Vec<Line>, acts: &[Act]) -> Result<(), TestCaseError> {
    let mut review = review(&base, &after);
    let range = |lines: &std::ops::Range<u32>| lines.start as usize..lines.end as usize;
    let hunks: Vec<_> = review.files[0]
        .hunks
        .iter()
        .map(|hunk| (range(&hunk.old), range(&hunk.new)))
        .collect();
    let count = hunks.len();
    let mut oracle = Oracle {
        live: base.clone(),
        accepted: vec![false; count],
        base,
        after,
        hunks,
    };
    let mut user = 5000;
    for act in acts {
        let lines = oracle.live.len();
        user += 1;
        let decision = match act {
            Act::Insert(at) => {
                oracle.live.insert(at % (lines + 1), user);
                continue;
            }
            Act::Delete(_) | Act::Replace(_) if lines == 0 => continue,
            Act::Delete(at) => {
                oracle.live.remove(at % lines);
                continue;
            }
            Act::Replace(at) => {
                oracle.live[at % lines] = user;
                continue;
            }
            Act::Accept(hunk) => (vec![hunk % count], Verdict::Accepted),
            Act::TakeBack(hunk) => (vec![hunk % count], Verdict::Undone),
            Act::AcceptAll => ((0..count).collect(), Verdict::Accepted),
        };
        let spots: Vec<Spot> = decision
            .0
            .iter()
            .map(|hunk| Spot {
                file: 0,
                hunk: *hunk,
            })
            .collect();
        let live = text(&oracle.live);
        let next = review.decided(&spots, decision.1);
        let got = review.preview(&next, &rel("a"), &live).unwrap();
        match oracle.decide(&decision.0, decision.1 == Verdict::Accepted) {
            Some(()) => {
                let got = got.map(|got| String::from_utf8(got).unwrap());
                let want = String::from_utf8(text(&oracle.live)).unwrap();
                prop_assert_eq!(
                    got.map_err(|text| String::from_utf8_lossy(&text).into_owned()),
                    Ok(want)
                );
                review = next;
            }
            None => prop_assert!(got.is_err(), "a conflict was not seen"),
        }
        for (place, hunk) in review.files[0].places(&text(&oracle.live)).iter().zip(0..) {
            let Some(place) = place else { continue };
            let (old, new) = &oracle.hunks[hunk];
            let want = match oracle.accepted[hunk] {
                true => &oracle.after[new.clone()],
                false => &oracle.base[old.clone()],
            };
            prop_assert_eq!(&oracle.live[place.start as usize..place.end as usize], want);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(10_000)
    })]

    #[test]
    fn hunks_are_decided_in_any_order_while_somebody_types((base, after) in change(), acts in acts()) {
        walk(base, after, &acts)?;
    }
}

#[test]
fn the_found_hunk_is_the_one_that_the_editor_put_in() {
    let base: Vec<Line> = (0..20).collect();
    let mut after = base.clone();
    after[3] = 100;
    after[12] = 101;
    after.insert(16, 102);
    let review = review(&base, &after);
    assert_eq!(review.files[0].hunks.len(), 2 + 1);
    let path = rel("a");
    let spots = |hunks: &[usize]| -> Vec<Spot> {
        hunks
            .iter()
            .map(|hunk| Spot {
                file: 0,
                hunk: *hunk,
            })
            .collect()
    };
    for hunks in [vec![], vec![0], vec![1], vec![0, 1]] {
        let next = review.decided(&spots(&hunks), Verdict::Accepted);
        let mut live = next.files[0].text().unwrap().to_vec();
        live.splice(0..0, b"typed above\n".iter().copied());
        assert_eq!(review.found(&path, &live), spots(&hunks), "{hunks:?}");
    }
    // A line that merely went away, or became another, is no decision.
    let gone: Vec<Line> = base.iter().copied().filter(|line| *line != 3).collect();
    assert_eq!(review.found(&path, &text(&gone)), []);
}

#[test]
fn an_edited_hunk_stands_for_the_proposed_one() {
    let base: Vec<Line> = (0..12).collect();
    let mut after = base.clone();
    after[3] = 100;
    after[9] = 101;
    let review = review(&base, &after);
    let edited = review
        .edited(Spot { file: 0, hunk: 0 }, "mine\nand mine")
        .unwrap();
    let live = text(&base);
    let got = review.preview(&edited, &rel("a"), &live).unwrap().unwrap();
    let got = String::from_utf8(got).unwrap();
    assert!(got.contains("line 2\nmine\nand mine\nline 4\n"), "{got}");
    let look = &edited.look()[0];
    assert!(
        look.file.diff.contains("-line 3\n+mine\n+and mine\n"),
        "{}",
        look.file.diff
    );
    assert_eq!(
        (look.hunks.len(), look.file.diff.matches("@@ -").count()),
        (2, 2)
    );
    // Taken back, the old line is there again.
    let back = edited.decided(&[Spot { file: 0, hunk: 0 }], Verdict::Undone);
    let again = edited.preview(&back, &rel("a"), got.as_bytes()).unwrap();
    assert_eq!(again.unwrap(), live);
}

#[test]
fn w3_an_edited_hunk_ends_its_lines_as_the_file_does() {
    for (base, after, typed, want) in [
        (
            "a\r\nb\r\nc\r\n",
            "a\r\nB\r\nc\r\n",
            "x\ny",
            "a\r\nx\r\ny\r\nc\r\n",
        ),
        ("a\rb\rc\r", "a\rB\rc\r", "x\ny\n", "a\rx\ry\rc\r"),
        ("a\rb\r", "a\rB\r", "x", "a\rx\r"),
        ("a\nb\n", "a\nB\n", "x\r\n", "a\nx\r\n"),
        ("a\nb", "a\nB", "x", "a\nx"),
    ] {
        let file = FileEdit {
            path: rel("a"),
            base: Some(Content::new(base.as_bytes(), None)),
            after: Some(after.as_bytes().into()),
            mode: None,
        };
        let review = Review::of(&ChangeSet { files: vec![file] }, Verdict::Pending);
        let edited = review.edited(Spot { file: 0, hunk: 0 }, typed).unwrap();
        let got = edited.files[0].text().unwrap();
        assert_eq!(String::from_utf8_lossy(&got), want);
    }
}

#[test]
fn files_that_come_go_or_are_not_text_are_decided_whole() {
    let edit = |path: &str, base: Option<&[u8]>, after: Option<&[u8]>| FileEdit {
        path: rel(path),
        base: base.map(|bytes| Content::new(bytes, None)),
        after: after.map(Into::into),
        mode: None,
    };
    let change = ChangeSet {
        files: vec![
            edit("bin", Some(b"a\0b"), Some(b"a\0c")),
            edit("empty", None, Some(b"")),
            edit("gone", Some(b"x\n"), None),
            edit("new", None, Some(b"1\n2\n")),
        ],
    };
    let review = Review::of(&change, Verdict::Pending);
    assert!(
        review
            .files
            .iter()
            .all(|file| file.is_whole() && file.hunks.len() == 1)
    );
    let all = review.spots(None, None).unwrap();
    let next = review.decided(&all, Verdict::Accepted);
    assert_eq!(review.step(&next), change);
    assert_eq!(next.step(&review), change.invert());
    assert_eq!(review.spots(Some("new"), Some(1)), None);
    assert_eq!(review.spots(Some("none"), None), None);
}
