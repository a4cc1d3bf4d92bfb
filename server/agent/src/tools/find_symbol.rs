//! `find_symbol`: where a name is defined.

use super::{Output, Tool, bounded, field, input_of};
use crate::desk::Desk;
use crate::insight::{self, Places, Question, Verb};
use crate::navigate::{self, About};
use crate::validate::slim;
use futures::future::BoxFuture;
use index::Signed;
use protocol::{Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// Definitions that are listed at most.
const MOST: usize = 30;
const LIMIT: usize = 8 * 1024;

/// The tool.
pub struct FindSymbol;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `name` or `Container::name`.
    name: String,
}

impl Tool for FindSymbol {
    fn name(&self) -> &'static str {
        "find_symbol"
    }

    fn about(&self) -> &'static str {
        "Find where a name is defined; without an exact match, names like it. Output: path:start-end signature."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Search
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!("find symbol {}", field(input, "name"))
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
                k: Some(MOST + 1),
                ..About::default()
            };
            let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                navigate::symbols(code, &about)
            })
            .await?;
            let (told, known) = seen(desk, &name, &found).await?;
            if found.is_empty() && told.is_empty() {
                return Ok(Output::from(format!(
                    "nothing here defines `{name}` or a name like it; search finds code by words, find_text by pattern"
                )));
            }
            let bare = name.rsplit([':', '.']).next().unwrap_or(&name);
            let mut text = told;
            let exact = found.iter().any(|it| it.definition.name == bare);
            let rest: Vec<_> = found.iter().filter(|it| !known.contains(it)).collect();
            match rest.is_empty() {
                true => {}
                false if !known.is_empty() => text.push_str("others of that name, by the index:\n"),
                false if !exact => text.push_str(&format!("no `{name}`; names like it:\n")),
                false => {}
            }
            for it in rest.into_iter().take(MOST) {
                text.push_str(&super::line_of(it));
            }
            if found.len() > MOST {
                text.push_str("[there are more: give Container::name]\n");
            }
            Ok(Output::from(bounded(text, LIMIT, "give Container::name")))
        })
    }
}

/// What the editor's language server says of the name, as text, and which of the index's definitions are among it. Where it cannot
/// be asked the text is empty, where it did not help it says why.
async fn seen<'f>(
    desk: &Desk<'_>,
    name: &str,
    found: &'f [Signed],
) -> Result<(String, Vec<&'f Signed>), Failure> {
    let symbols = desk.shared.insight(Verb::Symbols);
    let Some(editor) = symbols.or_else(|| desk.shared.insight(Verb::Definition)) else {
        return Ok(Default::default());
    };
    let places = match (definition(desk, name).await?, symbols) {
        (Some(Ok(places)), _) if !places.here.is_empty() || places.elsewhere > 0 => Ok(places),
        (_, Some(_)) => by_name(desk, name).await,
        (Some(answer), None) => answer,
        (None, None) => return Ok(Default::default()),
    };
    let places = match places {
        Ok(places) => places,
        Err(why) => return Ok((format!("[by the index: {why}]\n"), Vec::new())),
    };
    let (here, _) = insight::drafted(desk, places.here).await?;
    if here.is_empty() && places.elsewhere == 0 {
        let text = format!("[by the index: {} knows no `{name}`]\n", editor.editor());
        return Ok((text, Vec::new()));
    }
    let mut text = format!("by the language server of {}:\n", editor.editor());
    let mut known: Vec<&Signed> = Vec::new();
    for it in here.iter().take(MOST) {
        let covers = |signed: &&Signed| {
            let place = &signed.definition;
            place.path == it.spot.path.as_str() && (place.start..=place.end).contains(&it.spot.line)
        };
        // The innermost that the index knows there has the head and the lines.
        let length = |signed: &&Signed| signed.definition.end - signed.definition.start;
        match found.iter().filter(covers).min_by_key(length) {
            Some(signed) if known.contains(&signed) => {}
            Some(signed) => {
                text.push_str(&super::line_of(signed));
                known.push(signed);
            }
            None => text.push_str(&format!("{}:{} {}\n", it.spot.path, it.spot.line, it.text)),
        }
    }
    if places.elsewhere > 0 {
        text.push_str(&format!(
            "[{} outside the workspace or in files that may hold secrets]\n",
            places.elsewhere
        ));
    }
    Ok((text, known))
}

/// Where the editor says that a use of the name leads; `None` where it is not asked.
async fn definition(
    desk: &Desk<'_>,
    name: &str,
) -> Result<Option<Result<Places, String>>, Failure> {
    let Some(editor) = desk.shared.insight(Verb::Definition) else {
        return Ok(None);
    };
    let spot = match insight::spot_of(desk, name, None).await? {
        Ok(spot) => spot,
        Err(why) => return Ok(Some(Err(why))),
    };
    let answer = editor.ask(insight::PATIENCE, |reply| Question::Definition(spot, reply));
    Ok(Some(answer.await))
}

/// The editor's symbols of exactly that name.
async fn by_name(desk: &Desk<'_>, name: &str) -> Result<Places, String> {
    let Some(editor) = desk.shared.insight(Verb::Symbols) else {
        return Ok(Places::default());
    };
    let bare = name.rsplit([':', '.']).next().unwrap_or(name);
    let outer = name[..name.len() - bare.len()].trim_end_matches([':', '.']);
    let asked = bare.to_owned();
    let answer = editor.ask(insight::PATIENCE, |reply| Question::Symbols(asked, reply));
    let is_it = |name: &str| name.trim_end_matches("()") == bare;
    let fits = |it: &insight::Named| {
        let container = it.container.as_deref().unwrap_or_default();
        is_it(&it.name) && (outer.is_empty() || container == outer)
    };
    let found = answer.await?;
    let here = found.here.into_iter().filter(fits);
    Ok(Places {
        here: here.map(|it| it.spot).collect(),
        elsewhere: found.elsewhere.iter().filter(|name| is_it(name)).count(),
    })
}
