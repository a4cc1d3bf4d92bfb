//! Place: where a question comes from, and the name that stands there.

/// A place in a file of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'p> {
    /// The file.
    pub path: &'p str,
    /// Line from 1.
    pub line: u32,
    /// Column in bytes of UTF-8, from 0; inside a character means before it, past the end of the line means its end.
    pub column: u32,
}

/// The name at a place of `text`: line from 1, column in bytes from 0. A place right behind a name means that name.
pub(super) fn name_at(text: &str, line: u32, column: u32) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)? as usize)?;
    let at = line.floor_char_boundary(column as usize);
    let (before, behind) = line.split_at(at);
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let from = before.trim_end_matches(part).len();
    let to = line.len() - behind.trim_start_matches(part).len();
    line.get(from..to).filter(|name| !name.is_empty())
}

/// The name that is written before the one at a place, joined by `::` or `.`: what qualifies it.
pub(super) fn qualifier_at(text: &str, line: u32, column: u32) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)? as usize)?;
    let (before, _) = line.split_at(line.floor_char_boundary(column as usize));
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = before.trim_end_matches(part);
    let outer = before
        .strip_suffix("::")
        .or_else(|| before.strip_suffix('.'))?;
    let from = outer.trim_end_matches(part).len();
    outer.get(from..).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_name() {
        for (column, name) in [
            (0, Some("let")),
            (4, Some("größe")),
            (11, Some("größe")),
            (12, None),
        ] {
            assert_eq!(name_at("x\nlet größe  = 1", 2, column), name, "{column}");
        }
        assert_eq!(name_at("x", 9, 0), None);
        assert_eq!(name_at("x", 0, 0), None);
    }
}
