//! Lead: a comment or attribute on lines of its own right above a definition, and what it makes of it.

use std::collections::HashMap;

use tree_sitter::Node;

use super::found::lines_of;
use crate::Language;

/// Comments and attributes that open a line, by the line they end on: what may lead a definition.
#[derive(Default)]
pub(super) struct Leads {
    by_end: HashMap<u32, (u32, Lead)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    Prose,
    /// Makes a function a test.
    Test,
    /// Leaves a module out of all but test builds.
    TestBuild,
}

impl Leads {
    pub(super) fn note(&mut self, language: Language, node: Node, text: &str) {
        let Some(body) = text.get(node.byte_range()) else {
            return;
        };
        let before = text.get(..node.start_byte()).unwrap_or_default();
        let blank = |c: char| c == ' ' || c == '\t';
        let mut before = before.trim_end_matches(blank);
        if language == Language::Cpp {
            let unheaded = before.strip_suffix("template").unwrap_or(before);
            before = unheaded.trim_end_matches(blank);
        }
        // What goes on with code leads that code, not the next line.
        let after = text.get(node.end_byte()..).unwrap_or_default();
        let after = after.trim_start_matches(blank);
        let ends_line = after.is_empty()
            || body.ends_with('\n')
            || ["\n", "\r", "#[", "//", "/*"]
                .iter()
                .any(|it| after.starts_with(it));
        let opens_line = matches!(before.chars().next_back(), None | Some('\n' | '\r'));
        // Inner comments speak of the file around them, not of what follows.
        let is_inner =
            language == Language::Rust && (body.starts_with("//!") || body.starts_with("/*!"));
        if !opens_line || !ends_line || is_inner {
            return;
        }
        let (start, end) = lines_of(node);
        let lead = match language {
            Language::Rust => lead_of(body),
            _ => Lead::Prose,
        };
        self.by_end.insert(end, (start, lead));
    }

    /// First line of what leads the definition at `start`, and what it makes of it.
    pub(super) fn above(&self, start: u32) -> (u32, Lead) {
        let mut first = start;
        let mut lead = Lead::Prose;
        while let Some(&(above, kind)) = first.checked_sub(1).and_then(|end| self.by_end.get(&end))
        {
            // A later node may start above a line that an earlier one ends on; never go down again.
            if above >= first {
                break;
            }
            first = above;
            if kind != Lead::Prose {
                lead = kind;
            }
        }
        (first, lead)
    }
}

/// What a comment or attribute makes of the definition below it: a test by `#[test]`, `#[tokio::test(…)]`, `#[bench]`,
/// `#[rstest]`; for test builds by `#[cfg(test)]`, `#[cfg(all(test, …))]`.
fn lead_of(text: &str) -> Lead {
    let Some(inside) = text.strip_prefix("#[") else {
        return Lead::Prose;
    };
    let path = inside.split(['(', ']', '=']).next().unwrap_or_default();
    let last = path.rsplit("::").next().unwrap_or(path).trim();
    match last {
        "test" | "bench" | "rstest" | "test_case" => Lead::Test,
        "cfg" => {
            let condition: String = inside.split_whitespace().collect();
            let holds = ["cfg(test)", "cfg(all(test,", "cfg(all(test)"];
            match holds.iter().any(|it| condition.starts_with(it)) {
                true => Lead::TestBuild,
                false => Lead::Prose,
            }
        }
        _ => Lead::Prose,
    }
}
