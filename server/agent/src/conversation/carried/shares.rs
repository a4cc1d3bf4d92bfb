//! Shares: how much of each text is told where not all of them fit: the short ones whole, the long ones alike, the oldest none where
//! nothing would be left of any.

/// Bytes below which a part of a text says nothing.
const LEAST: usize = 200;

/// Who gets how much.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shares {
    /// Texts at the beginning that get nothing.
    pub(super) dropped: usize,
    /// Bytes of each text behind those.
    pub(super) bytes: Vec<usize>,
}

/// Shares of `most` bytes for texts, oldest first.
pub(super) fn of(texts: &[&str], most: usize) -> Shares {
    let poor = |dropped: usize| {
        let texts = &texts[dropped..];
        let shares = level(texts, most);
        let is_poor = |(text, share): (&&str, usize)| share < text.len().min(LEAST);
        texts.iter().zip(shares).any(is_poor)
    };
    // The more are dropped, the more the others get.
    let (mut dropped, mut enough) = (0, texts.len());
    while dropped < enough {
        let middle = dropped + (enough - dropped) / 2;
        match poor(middle) {
            true => dropped = middle + 1,
            false => enough = middle,
        }
    }
    let bytes = level(&texts[dropped..], most);
    Shares { dropped, bytes }
}

fn level(texts: &[&str], most: usize) -> Vec<usize> {
    let mut by_size: Vec<usize> = (0..texts.len()).collect();
    by_size.sort_by_key(|at| texts[*at].len());
    let (mut left, mut bytes) = (most, vec![0; texts.len()]);
    for (taken, at) in by_size.iter().enumerate() {
        bytes[*at] = texts[*at].len().min(left / (texts.len() - taken));
        left -= bytes[*at];
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_stay_whole_and_long_ones_share() {
        let (short, long) = ("s".repeat(50), "l".repeat(5_000));
        let shares = of(&[&long, &short, &long], 1_050);
        assert_eq!(shares.dropped, 0);
        assert_eq!(shares.bytes, [500, 50, 500]);
        let all = of(&[&long, &short], 10_000);
        assert_eq!(all.bytes, [5_000, 50]);
    }

    #[test]
    fn the_oldest_go_where_nothing_would_be_left_of_any() {
        let long = "l".repeat(5_000);
        let shares = of(&[long.as_str(); 10], 1_000);
        assert_eq!((shares.dropped, shares.bytes), (5, vec![200; 5]));
        assert_eq!(
            of(&[&long], 0),
            Shares {
                dropped: 1,
                bytes: Vec::new()
            }
        );
        assert_eq!(of(&[], 0).dropped, 0);
    }
}
