//! Suggest: the word somebody most likely meant; silent when nothing is near.

/// The candidate nearest to `word`, if one is near enough to be worth a question.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&word, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()).div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?`, or the possible words where there are few, or nothing.
pub fn question<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(word, candidates.clone()) {
        return format!("; did you mean `{near}`?");
    }
    let all: Vec<_> = candidates
        .into_iter()
        .map(|candidate| format!("`{candidate}`"))
        .collect();
    match all.len() {
        0 => String::new(),
        1..=16 => format!("; possible here: {}", all.join(", ")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn names_the_near_and_not_the_far() {
        let keys = ["sandbox", "server", "strategy", "tools"];
        assert_eq!(nearest("sandbx", keys), Some("sandbox"));
        assert_eq!(nearest("Tool", keys), Some("tools"));
        assert_eq!(nearest("mcp_servers", keys), None);
        assert_eq!(nearest("", keys), None);
    }
}
