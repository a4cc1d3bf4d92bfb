//! Glance: what the first prompt says of the editor at this moment: where the person is, and what is wrong there. It is worth a
//! moment's wait and no more.

use super::Task;
use crate::insight::{Question, Selected, Verb, Weight};
use crate::tools::diagnostics;
use std::time::Duration;
use workspace::RelPath;

/// How long either is waited for.
const MOMENT: Duration = Duration::from_millis(300);
/// Errors and warnings that are told.
const MOST: usize = 10;

impl Task {
    /// Empty where there is no editor to ask, or nothing to say.
    pub(super) async fn seen_in_editor(&self) -> String {
        let mut text = String::new();
        let place = match &self.request.target {
            // Who chose a place has said what is looked at, and often what is wrong.
            Some(target) if !target.diagnostics.is_empty() => None,
            Some(target) => RelPath::new(&target.path).ok().map(|path| Selected {
                path,
                lines: (target.start_line, target.end_line),
            }),
            None => {
                let selected = self.selected().await;
                if let Some(selected) = &selected {
                    text.push_str(&words(selected));
                }
                selected
            }
        };
        let wrong = match place {
            Some(place) => self.wrong_in(&place).await,
            None => String::new(),
        };
        if !wrong.is_empty() {
            text.push_str("The editor's language servers say there:\n");
            text.push_str(&wrong);
        }
        text
    }

    async fn selected(&self) -> Option<Selected> {
        let editor = self.shared.insight(Verb::Selection)?;
        editor.ask(MOMENT, Question::Selection).await.ok()?
    }

    /// The errors and warnings of a file, those in the lines first.
    async fn wrong_in(&self, place: &Selected) -> String {
        let Some(editor) = self.shared.insight(Verb::Diagnostics) else {
            return String::new();
        };
        let paths = vec![place.path.clone()];
        let asked = editor.ask(MOMENT, |reply| Question::Diagnostics(paths, reply));
        let mut told = asked.await.unwrap_or_default();
        told.retain(|one| one.path == place.path && one.weight != Weight::Note);
        let is_near = |line: u32| (place.lines.0..=place.lines.1).contains(&line);
        told.sort_by_key(|one| (!is_near(one.line), one.weight, one.line));
        told.iter().take(MOST).map(diagnostics::line_of).collect()
    }
}

fn words(selected: &Selected) -> String {
    let path = &selected.path;
    match selected.lines {
        (first, last) if first == last => format!("The person looks at {path}, line {first}.\n"),
        (first, last) => format!("The person looks at {path}, lines {first}-{last}.\n"),
    }
}
