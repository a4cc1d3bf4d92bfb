//! `references`: the lines that use a name.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::insight::{self, Question, Spot, Verb};
use crate::navigate::{self, About};
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Uses that are listed at most.
const MOST: usize = 100;
const LIMIT: usize = 16 * 1024;

/// The tool.
pub struct References;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `name` or `Container::name`.
    name: String,
}

impl Tool for References {
    fn name(&self) -> &'static str {
        "references"
    }

    fn about(&self) -> &'static str {
        "List the uses of a name in code (no comments, strings or definitions), nearest first. Output: path:line: text, in the definition around it."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("references to {}", field(input, "name"))
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let Input { name } = input_of(input)?;
            let about = About {
                name: Some(name.clone()),
                k: Some(MOST),
                ..About::default()
            };
            let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                navigate::references(code, &about)
            })
            .await?;
            let mut by_index = String::new();
            match seen(desk, &name, &found).await? {
                Some(Ok(text)) => {
                    return Ok(bounded(text, LIMIT, "use find_text with a glob").into());
                }
                Some(Err(why)) => by_index = format!("[by the index: {why}]\n"),
                None => {}
            }
            if found.uses.is_empty() {
                return Ok(Output::from(format!("no code uses `{name}`")));
            }
            let mut text = by_index;
            for it in &found.uses {
                let within = it.within.as_ref().map(|name| format!("  (in {name})"));
                text.push_str(&format!(
                    "{}:{}: {}{}\n",
                    it.path,
                    it.line,
                    it.text,
                    within.unwrap_or_default()
                ));
            }
            if found.more {
                text.push_str("[there may be more: find_text with a glob shows the rest]\n");
            }
            Ok(Output::from(bounded(
                text,
                LIMIT,
                "use find_text with a glob",
            )))
        })
    }
}

/// The uses that the editor's language server knows of, and those of the index in lines that only the draft has. `None` where no
/// editor can be asked; the error says why it did not help.
async fn seen(
    desk: &Desk<'_>,
    name: &str,
    found: &index::Uses,
) -> Result<Option<Result<String, String>>, Failure> {
    let Some(editor) = desk.shared.insight(Verb::References) else {
        return Ok(None);
    };
    let spot = match insight::spot_of(desk, name, None).await? {
        Ok(spot) => spot,
        Err(why) => return Ok(Some(Err(why))),
    };
    let asked = spot.clone();
    let answer = editor.ask(insight::PATIENCE, |reply| {
        Question::References(asked, reply)
    });
    let mut places = match answer.await {
        Ok(places) => places,
        Err(why) => return Ok(Some(Err(why))),
    };
    let is_definition = found.uses.iter().all(|it| {
        (it.path.as_str(), it.line, it.column) != (spot.path.as_str(), spot.line, spot.column)
    });
    // Some count the definition itself among the uses.
    places.here.retain(|place| !is_definition || *place != spot);
    if places.here.is_empty() && places.elsewhere == 0 && !found.uses.is_empty() {
        return Ok(Some(Err(format!("{} knows no use", editor.editor()))));
    }
    let uses = found.uses.iter().filter_map(|it| {
        let path = workspace::RelPath::new(&it.path).ok()?;
        let (line, column) = (it.line, it.column);
        Some(Spot { path, line, column })
    });
    let fresh = desk.only_drafted(uses.collect()).await?;
    let (known, lost) = insight::drafted(desk, places.here).await?;
    let mut text = format!("by the language server of {}:\n", editor.editor());
    for it in &known {
        text.push_str(&format!("{}:{}: {}\n", it.spot.path, it.spot.line, it.text));
    }
    if known.is_empty() {
        text.push_str("no use in the workspace\n");
    }
    if places.elsewhere > 0 {
        text.push_str(&format!(
            "[{} more outside the workspace or in files that may hold secrets]\n",
            places.elsewhere
        ));
    }
    if lost > 0 {
        text.push_str(&format!("[{lost} more in lines that your draft changed]\n"));
    }
    if !fresh.is_empty() {
        text.push_str("in lines of your draft, by the index:\n");
    }
    for it in &found.uses {
        let is_fresh = fresh.iter().any(|spot| {
            (spot.path.as_str(), spot.line, spot.column) == (it.path.as_str(), it.line, it.column)
        });
        if is_fresh {
            text.push_str(&format!("{}:{}: {}\n", it.path, it.line, it.text));
        }
    }
    Ok(Some(Ok(text)))
}
