//! Merge: two changes of one text brought together, line by line. Edits of different lines stay apart, also where they touch; where
//! both change the same lines, the same change is taken once and anything else is a conflict, never a guess.

use similar::{Algorithm, DiffTag, capture_diff_slices_deadline};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long two texts are compared for the smallest difference. After that a larger one is taken, which is right all the same.
const PATIENCE: Duration = Duration::from_secs(1);

/// What becomes of two insertions at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// A conflict: nobody looks at the result.
    Conflict,
    /// Theirs, then ours: a person decides and sees it.
    TheirsFirst,
}

/// Lines of one text and what another has in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// In the old text.
    pub old: Range<usize>,
    /// In the new text.
    pub new: Range<usize>,
}

/// Lines as LSP counts them (`\n`, `\r\n` and a lone `\r` end one), endings included.
pub(crate) fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    let mut start = 0;
    for (index, byte) in text.iter().enumerate() {
        if *byte == b'\n' || (*byte == b'\r' && text.get(index + 1) != Some(&b'\n')) {
            lines.push(&text[start..=index]);
            start = index + 1;
        }
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// The runs that differ, in order and apart. Lines that stand once in each text hold the rest together.
pub(crate) fn runs(old: &[&[u8]], new: &[&[u8]]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let deadline = Some(Instant::now() + PATIENCE);
    for op in capture_diff_slices_deadline(Algorithm::Patience, old, new, deadline) {
        if op.tag() == DiffTag::Equal {
            continue;
        }
        let (old, new) = (op.old_range(), op.new_range());
        match runs.last_mut() {
            Some(last) if last.old.end == old.start && last.new.end == new.start => {
                last.old.end = old.end;
                last.new.end = new.end;
            }
            _ => runs.push(Run { old, new }),
        }
    }
    runs
}

/// Both changes of `base`.
///
/// # Errors
/// The merged text with conflict markers as git writes them (`<<<<<<<` ours, `|||||||` before, `>>>>>>>` theirs).
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8], tie: Tie) -> Result<Vec<u8>, Vec<u8>> {
    if let Some((base, ours)) = fitted(base, ours, theirs) {
        return merge(&base, &ours, theirs, tie);
    }
    let (base, ours, theirs) = (lines(base), lines(ours), lines(theirs));
    let our_runs = reaching(runs(&base, &ours), &base, &ours);
    let their_runs = reaching(runs(&base, &theirs), &base, &theirs);
    let mut out = Vec::with_capacity(theirs.iter().map(|line| line.len()).sum());
    let mut conflict = false;
    let (mut at, mut our, mut their) = (0, our_runs.as_slice(), their_runs.as_slice());
    loop {
        let part = next(&mut our, &mut their);
        let Some(mut part) = part else { break };
        part.base.end = part.base.end.min(base.len());
        copy(&mut out, &base[at..part.base.start]);
        let of = |side: &Side<'_>, lines: &[&[u8]]| {
            let mut text = Vec::new();
            side.write(&part.base, &base, lines, &mut text);
            text
        };
        match (part.ours.runs.is_empty(), part.theirs.runs.is_empty()) {
            (false, true) => out.extend(of(&part.ours, &ours)),
            (true, _) => out.extend(of(&part.theirs, &theirs)),
            (false, false) => {
                let (mine, other) = (of(&part.ours, &ours), of(&part.theirs, &theirs));
                if mine == other {
                    out.extend(mine);
                } else if part.base.is_empty() && tie == Tie::TheirsFirst {
                    // Also where theirs has such lines among others: which of them were meant to be these is not known, and an
                    // undo must not take the person's.
                    out.extend(other);
                    close(&mut out, &mine);
                    out.extend(mine);
                } else {
                    conflict = true;
                    marked(&mut out, &mine, &base[part.base.clone()].concat(), &other);
                }
            }
        }
        at = part.base.end;
    }
    copy(&mut out, &base[at..]);
    match conflict {
        true => Err(out),
        false => Ok(out),
    }
}

/// What one side does to a part of the old text.
struct Side<'a> {
    runs: &'a [Run],
}

/// A part of the old text that a side changes, or both do.
struct Part<'a> {
    base: Range<usize>,
    ours: Side<'a>,
    theirs: Side<'a>,
}

/// Takes the next part off both lists: one run alone, or all that hang together.
fn next<'a>(ours: &mut &'a [Run], theirs: &mut &'a [Run]) -> Option<Part<'a>> {
    let key = |run: Option<&Run>| run.map(|run| (run.old.start, run.old.end));
    let ours_first = match (key(ours.first()), key(theirs.first())) {
        (None, None) => return None,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (Some(our), Some(their)) => our < their,
    };
    let first = if ours_first {
        ours.first()
    } else {
        theirs.first()
    }?;
    let mut base = first.old.clone();
    let (mut mine, mut other) = (usize::from(ours_first), usize::from(!ours_first));
    loop {
        let before = (mine, other);
        while let Some(run) = ours
            .get(mine)
            .filter(|run| other > 0 && meets(&base, &run.old))
        {
            base.end = base.end.max(run.old.end);
            mine += 1;
        }
        while let Some(run) = theirs
            .get(other)
            .filter(|run| mine > 0 && meets(&base, &run.old))
        {
            base.end = base.end.max(run.old.end);
            other += 1;
        }
        if before == (mine, other) {
            break;
        }
    }
    let (our_part, our_rest) = ours.split_at(mine);
    let (their_part, their_rest) = theirs.split_at(other);
    (*ours, *theirs) = (our_rest, their_rest);
    Some(Part {
        base,
        ours: Side { runs: our_part },
        theirs: Side { runs: their_part },
    })
}

/// Whether two changes are of the same lines. One that only begins where the other ends is not.
fn meets(one: &Range<usize>, other: &Range<usize>) -> bool {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => one.start == other.start,
        (true, false) => other.start < one.start && one.start < other.end,
        (false, true) => one.start < other.start && other.start < one.end,
        (false, false) => one.start < other.end && other.start < one.end,
    }
}

impl Side<'_> {
    /// The part as this side has it.
    fn write(&self, part: &Range<usize>, base: &[&[u8]], lines: &[&[u8]], out: &mut Vec<u8>) {
        let mut at = part.start;
        for run in self.runs {
            copy(out, &base[at..run.old.start]);
            copy(out, &lines[run.new.clone()]);
            at = run.old.end.min(part.end);
        }
        copy(out, &base[at..part.end]);
    }
}

/// The runs, the last one up to past the end of the old text where it leaves the new one without a final line end: what the other
/// side puts at the end is then a change of the same line, and the two would run into one another.
fn reaching(mut runs: Vec<Run>, old: &[&[u8]], new: &[&[u8]]) -> Vec<Run> {
    let closed = |lines: &[&[u8]]| {
        lines
            .last()
            .is_none_or(|line| line.ends_with(b"\n") || line.ends_with(b"\r"))
    };
    if let Some(last) = runs.last_mut()
        && last.old.start < last.old.end
        && last.old.end == old.len()
        && closed(old)
        && !closed(new)
    {
        last.old.end += 1;
    }
    runs
}

/// Ends the last line before others follow it, as the first of these ends.
fn close(out: &mut Vec<u8>, following: &[u8]) {
    if out.is_empty() || out.ends_with(b"\n") || out.ends_with(b"\r") {
        return;
    }
    let end = lines(following).first().and_then(|line| ending(line));
    out.extend_from_slice(end.unwrap_or(b"\n"));
}

fn copy(out: &mut Vec<u8>, lines: &[&[u8]]) {
    for line in lines {
        out.extend_from_slice(line);
    }
}

fn marked(out: &mut Vec<u8>, ours: &[u8], base: &[u8], theirs: &[u8]) {
    for (mark, text) in [
        ("<<<<<<< patch\n", ours),
        ("||||||| before\n", base),
        ("=======\n", theirs),
    ] {
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(text);
        if !text.is_empty() && !text.ends_with(b"\n") {
            out.push(b'\n');
        }
    }
    out.extend_from_slice(b">>>>>>> your text\n");
}

/// Base and ours with the line endings of theirs, where an editor gave all lines other ones: that is no edit of any line.
fn fitted(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (from, to) = (ending(base)?, ending(theirs)?);
    if from == to || ending(ours).is_some_and(|end| end != from) {
        return None;
    }
    let fit = |text: &[u8]| {
        let mut out = Vec::with_capacity(text.len() + text.len() / 16);
        for line in lines(text) {
            match line.strip_suffix(from) {
                Some(body) => {
                    out.extend_from_slice(body);
                    out.extend_from_slice(to);
                }
                None => out.extend_from_slice(line),
            }
        }
        out
    };
    Some((fit(base), fit(ours)))
}

/// The one line ending of a text; `None` where there are several, or none.
pub(crate) fn ending(text: &[u8]) -> Option<&'static [u8]> {
    let mut found: Option<&'static [u8]> = None;
    for line in lines(text) {
        let end: &[u8] = match line {
            [.., b'\r', b'\n'] => b"\r\n",
            [.., b'\n'] => b"\n",
            [.., b'\r'] => b"\r",
            _ => continue,
        };
        match found {
            None => found = Some(end),
            Some(known) if known == end => {}
            Some(_) => return None,
        }
    }
    found
}

#[cfg(test)]
mod tests;
