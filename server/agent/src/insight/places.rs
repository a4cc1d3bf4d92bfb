//! Places: from a name in a draft to the place in the user's text that the editor is asked about, and from its answer back. A line
//! that the draft changed has no place in the user's text, so the editor is not asked about it and its word on it does not count.

use super::Spot;
use crate::desk::Desk;
use crate::navigate;
use protocol::Failure;
use std::collections::HashMap;
use workspace::{Draft, Host, LineMap, RelPath, Tie};

/// A place of an answer, in the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drafted {
    /// Where.
    pub spot: Spot,
    /// The line there, without indentation.
    pub text: String,
}

/// A text of the user and the draft's, with their lines.
struct Pair {
    live: String,
    draft: String,
    map: LineMap,
}

fn pair(host: &dyn Host, draft: &Draft, path: &RelPath) -> Option<Pair> {
    let text = |content: Option<workspace::Content>| {
        let content = content?;
        let (text, _) = content.decoded_of(path).ok()?;
        Some(text.into_owned())
    };
    let live = text(host.read(path).ok()?)?;
    let draft = text(draft.read(path).ok()?)?;
    let map = LineMap::of(&live, &draft);
    Some(Pair { live, draft, map })
}

fn line_of(text: &str, line: usize) -> Option<&str> {
    text.split('\n').nth(line)
}

fn number(line: usize) -> u32 {
    u32::try_from(line + 1).unwrap_or(u32::MAX)
}

/// The place of a name in the user's text: its definition's, or where no file here defines it the first use. With a path and a
/// line, the place there. The error says why there is none.
///
/// # Errors
/// `denied` where code search is off and only it could tell.
pub(crate) async fn spot_of(
    desk: &Desk<'_>,
    name: &str,
    at: Option<(RelPath, u32)>,
) -> Result<Result<Spot, String>, Failure> {
    let bare = name.rsplit([':', '.']).next().unwrap_or(name).to_owned();
    let lines = match at {
        Some((path, line)) => Some((path, (line, line))),
        None => {
            let (wanted, word) = (name.to_owned(), bare.clone());
            let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                let definition = code.definitions(&wanted, None).into_iter().next();
                let place = definition.map(|it| (it.path, (it.start, it.end)));
                Ok(place.or_else(|| {
                    let uses = code.references(&word, 1).uses;
                    let first = uses.into_iter().next();
                    first.map(|it| (it.path, (it.line, it.line)))
                }))
            });
            let found = found.await?;
            found.and_then(|(path, lines)| Some((RelPath::new(&path).ok()?, lines)))
        }
    };
    let Some((path, lines)) = lines else {
        return Ok(Err(format!("no code here names `{bare}`")));
    };
    let host = desk.shared.host.clone();
    desk.apart(move |draft| {
        let Some(pair) = pair(host.as_ref(), draft, &path) else {
            return Ok(Err(format!("{path} is only in the draft")));
        };
        let Some((line, column)) = index::named(path.as_str(), &pair.draft, &bare, lines) else {
            return Ok(Err(format!(
                "`{bare}` does not stand at {path}:{}",
                lines.0
            )));
        };
        Ok(match pair.map.to_old(line as usize - 1) {
            Some(live) => Ok(Spot {
                path,
                line: number(live),
                column,
            }),
            None => Err(format!(
                "{path}:{line} is changed by the draft, which the editor does not know"
            )),
        })
    })
    .await
}

/// The places of an answer as the draft has them, in order, each once, and how many stand in lines that the draft changed.
pub(crate) async fn drafted(
    desk: &Desk<'_>,
    mut spots: Vec<Spot>,
) -> Result<(Vec<Drafted>, usize), Failure> {
    let host = desk.shared.host.clone();
    desk.apart(move |draft| {
        spots.sort();
        spots.dedup();
        let mut pairs: HashMap<RelPath, Option<Pair>> = HashMap::new();
        let (mut found, mut lost) = (Vec::new(), 0);
        for spot in spots {
            let known = pairs
                .entry(spot.path.clone())
                .or_insert_with(|| pair(host.as_ref(), draft, &spot.path));
            let place = known.as_ref().and_then(|pair| {
                let line = pair.map.to_new((spot.line as usize).checked_sub(1)?)?;
                Some((line, line_of(&pair.draft, line)?.trim().to_owned()))
            });
            match place {
                Some((line, text)) => found.push(Drafted {
                    spot: Spot {
                        line: number(line),
                        ..spot
                    },
                    text,
                }),
                None => lost += 1,
            }
        }
        Ok((found, lost))
    })
    .await
}

/// An edit of the user's text brought into the draft's: whole, or not at all where both touch the same lines.
pub(crate) fn merged(before: &str, after: &str, draft: &str) -> Option<String> {
    if before == draft {
        return Some(after.to_owned());
    }
    let bytes = workspace::merge(
        before.as_bytes(),
        after.as_bytes(),
        draft.as_bytes(),
        Tie::Conflict,
    );
    String::from_utf8(bytes.ok()?).ok()
}

impl Desk<'_> {
    /// Which of these places of the draft are in lines that the user's text does not have.
    pub(crate) async fn only_drafted(&self, spots: Vec<Spot>) -> Result<Vec<Spot>, Failure> {
        let host = self.shared.host.clone();
        self.apart(move |draft| {
            let mut pairs: HashMap<RelPath, Option<Pair>> = HashMap::new();
            let mut kept = Vec::new();
            for spot in spots {
                let known = pairs
                    .entry(spot.path.clone())
                    .or_insert_with(|| pair(host.as_ref(), draft, &spot.path));
                let is_old = known.as_ref().is_some_and(|pair| {
                    let line = (spot.line as usize).saturating_sub(1);
                    pair.live == pair.draft || pair.map.to_old(line).is_some()
                });
                if !is_old {
                    kept.push(spot);
                }
            }
            Ok(kept)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_comes_into_the_draft_or_is_refused() {
        let before = "a old\nb\nc old\n";
        let after = "a new\nb\nc new\n";
        assert_eq!(merged(before, after, before).as_deref(), Some(after));
        assert_eq!(
            merged(before, after, "a old\nB\nc old\nd\n").as_deref(),
            Some("a new\nB\nc new\nd\n")
        );
        assert_eq!(merged(before, after, "a old, changed\nb\nc old\n"), None);
    }
}
