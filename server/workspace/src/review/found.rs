//! Found: decisions that were made in the files themselves. An editor may put a hunk into a buffer, or take it out, without telling
//! us; the text says so.

use super::{Review, Spot, Verdict};
use crate::merge::{Tie, merge};
use crate::path::RelPath;

impl Review {
    /// The pending hunks of a file that its live text has already: the lines that they replace are not there, and putting them
    /// in would change nothing.
    pub fn found(&self, path: &RelPath, live: &[u8]) -> Vec<Spot> {
        let Some((file, of)) = self
            .files
            .iter()
            .enumerate()
            .find(|(_, file)| file.edit.path == *path)
        else {
            return Vec::new();
        };
        if of.text().is_some_and(|text| *text == *live) {
            return Vec::new();
        }
        let places = of.places(live);
        let pending = of
            .hunks
            .iter()
            .enumerate()
            .filter(|(_, hunk)| hunk.verdict == Verdict::Pending);
        pending
            .map(|(hunk, _)| Spot { file, hunk })
            .filter(|spot| of.is_whole() || places.get(spot.hunk).is_some_and(|place| !fits(place)))
            .filter(|spot| self.is_in(*spot, live))
            .collect()
    }

    /// Whether accepting the hunk would leave the live text as it is.
    fn is_in(&self, spot: Spot, live: &[u8]) -> bool {
        let next = self.decided(&[spot], Verdict::Accepted);
        let text = |review: &Review| {
            review
                .files
                .get(spot.file)
                .and_then(super::FileReview::text)
        };
        match (text(self), text(&next)) {
            (Some(now), Some(then)) => {
                merge(&now, &then, live, Tie::TheirsFirst).is_ok_and(|merged| merged == live)
            }
            (None, Some(then)) => *then == *live,
            (_, None) => false,
        }
    }
}

/// An insertion's place is there whether or not the text has it.
fn fits(place: &Option<super::Place>) -> bool {
    place.as_ref().is_some_and(|lines| !lines.is_empty())
}
