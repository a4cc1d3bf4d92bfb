//! `diagnostics`: what the editor's language servers say is wrong: in the user's files, and what the draft adds to it.

use super::{Output, Tool, bounded, input_of};
use crate::desk::Desk;
use crate::insight::{self, Checked, Delta, Question, Spot, Told, Verb, Weight};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use workspace::RelPath;

/// Diagnostics that are listed at most.
const MOST: usize = 60;
const LIMIT: usize = 12 * 1024;

/// The tool.
pub struct Diagnostics;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    path: Option<String>,
}

impl Tool for Diagnostics {
    fn name(&self) -> &'static str {
        "diagnostics"
    }

    fn about(&self) -> &'static str {
        "List errors and warnings of the editor's language servers, and the errors that your draft adds."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Read
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        match input.get("path").and_then(Value::as_str) {
            Some(path) => format!("diagnostics of {path}"),
            None => "diagnostics".to_owned(),
        }
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let path = input.path.map(|path| desk.readable(&path)).transpose()?;
            let Some(editor) = desk.shared.insight(Verb::Diagnostics) else {
                return by_parser(desk, path).await;
            };
            let mut text = String::new();
            if !desk.draft.is_empty() {
                match insight::delta(desk.shared, desk.draft).await {
                    Delta::Unasked => {
                        text.push_str("[nothing of your draft can be checked apart]\n");
                    }
                    Delta::Unanswered(why) => {
                        text.push_str(&format!("[your draft could not be checked: {why}]\n"));
                    }
                    Delta::Checked(checked) => text.push_str(&words_of(&checked)),
                }
            }
            let paths: Vec<RelPath> = path.iter().cloned().collect();
            let answer = editor.ask(insight::PATIENCE, |reply| {
                Question::Diagnostics(paths, reply)
            });
            let told = match answer.await {
                Ok(told) => told,
                Err(why) => {
                    text.push_str(&format!("[{why}]\n"));
                    let parsed = by_parser(desk, path).await?;
                    return Ok(Output::from(format!("{text}{}", parsed.text)));
                }
            };
            text.push_str(&format!(
                "by the language servers of {}, without your draft:\n",
                editor.editor()
            ));
            text.push_str(&listed(desk, told).await?);
            Ok(Output::from(bounded(text, LIMIT, "give a path")))
        })
    }
}

/// What a draft adds: no more is said to be right than was looked at.
fn words_of(checked: &Checked) -> String {
    let mut text = String::new();
    match (checked.errors.is_empty(), checked.unseen.is_empty()) {
        (true, true) => text.push_str("your draft adds no error\n"),
        (true, false) => text.push_str(&format!(
            "your draft adds no error in the {} files that were looked at\n",
            checked.looked_at
        )),
        (false, _) => {
            text.push_str("new in your draft:\n");
            text.extend(checked.errors.iter().map(line_of));
        }
    }
    if !checked.unseen.is_empty() {
        text.push_str(&format!("[not looked at: {}]\n", checked.unseen));
    }
    text
}

/// What is wrong in the user's text, at the draft's lines; the worst first.
async fn listed(desk: &Desk<'_>, mut told: Vec<Told>) -> Result<String, Failure> {
    told.sort_by(|one, other| {
        (one.weight, &one.path, one.line).cmp(&(other.weight, &other.path, other.line))
    });
    let more = told.len().saturating_sub(MOST);
    told.truncate(MOST);
    let mut text = String::new();
    for mut one in told {
        let spot = Spot {
            path: one.path.clone(),
            line: one.line,
            column: 0,
        };
        let (here, _) = insight::drafted(desk, vec![spot]).await?;
        match here.first() {
            Some(place) => {
                one.line = place.spot.line;
                text.push_str(&line_of(&one));
            }
            None => text.push_str(&format!(
                "{} [your draft changes that line]\n",
                line_of(&one).trim_end()
            )),
        }
    }
    if text.is_empty() {
        text.push_str("nothing\n");
    }
    if more > 0 {
        text.push_str(&format!("[{more} more: give a path]\n"));
    }
    Ok(text)
}

/// A diagnostic as a line for the model.
pub(crate) fn line_of(told: &Told) -> String {
    let weight = match told.weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note => "note",
    };
    let source = match told.source.as_str() {
        "" => String::new(),
        source => format!(" ({source})"),
    };
    let message = told.message.split_whitespace().collect::<Vec<_>>();
    format!(
        "{}:{}: {weight}: {}{source}\n",
        told.path,
        told.line,
        message.join(" ")
    )
}

/// What can be said without an editor: how many places the parser stumbles over.
async fn by_parser(desk: &Desk<'_>, path: Option<RelPath>) -> Result<Output, Failure> {
    let found = desk.apart(move |draft| {
        let changed = draft.change_set().files.into_iter();
        let paths = match path {
            Some(path) => vec![path],
            None => changed.map(|file| file.path).collect(),
        };
        let mut text = String::new();
        for path in paths {
            let content = draft.read(&path).ok().flatten();
            let Some(content) = content else { continue };
            let Ok((source, _)) = content.decoded_of(&path) else {
                continue;
            };
            if let Some(count) = index::error_count(path.as_str(), &source).filter(|it| *it > 0) {
                text.push_str(&format!("{path}: {count} syntax errors\n"));
            }
        }
        Ok(text)
    });
    let found = found.await?;
    let words = "no editor with language servers can be asked; by the parser alone";
    Ok(Output::from(match found.is_empty() {
        true => format!("{words}: no syntax error in what was looked at\n"),
        false => format!("{words}:\n{found}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_that_was_looked_at_in_part_is_not_called_right() {
        let words = |unseen: &str| {
            words_of(&Checked {
                errors: Vec::new(),
                looked_at: 20,
                unseen: unseen.to_owned(),
            })
        };
        assert_eq!(words(""), "your draft adds no error\n");
        assert_eq!(
            words("10 more changed files"),
            "your draft adds no error in the 20 files that were looked at\n[not looked at: 10 more changed files]\n"
        );
    }
}
