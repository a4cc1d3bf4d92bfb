//! `rename`: another name for a definition and all that uses it, into the draft, in all files or in none. By the editor's language
//! server where there is one; by the index only where a name can mean one thing.

mod meant;

use super::{Output, Tool, field, input_of};
use crate::desk::Desk;
use crate::failure::of_workspace;
use crate::insight::{self, Question, Renamed, Verb};
use crate::navigate;
use crate::validate::slim;
use futures::future::BoxFuture;
use index::{Definition, ReferenceKind, Use};
use protocol::{Code as Reason, Failure, ToolKind};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use workspace::RelPath;

/// Uses that are renamed by the index at most.
const MOST: usize = 500;
/// Places that still have the old name and are told of.
const TOLD: usize = 10;

/// Signs that names have in some languages: `valid?` in Ruby, `set-up` in Lisp and CSS, `r#type` in Rust, `f'` in Haskell. Only
/// who knows the language can tell where.
const MORE_SIGNS: &str = "?!-#@'";

/// The tool.
pub struct Rename;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    name: String,
    new_name: String,
    path: Option<String>,
    line: Option<u32>,
}

impl Tool for Rename {
    fn name(&self) -> &'static str {
        "rename"
    }

    fn about(&self) -> &'static str {
        "Rename a definition and its uses in all files of the draft."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Edit
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        format!(
            "rename {} to {}",
            field(input, "name"),
            field(input, "new_name")
        )
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let at = match (&input.path, input.line) {
                (Some(path), Some(line)) => Some((desk.readable(path)?, line)),
                _ => None,
            };
            let new = input.new_name.trim().to_owned();
            let may_be = |sign| is_part(sign) || MORE_SIGNS.contains(sign);
            if new.is_empty() || !new.chars().all(may_be) || new.starts_with(char::is_numeric) {
                return Err(refused(format!("`{new}` is no name")));
            }
            let from = input.path.clone();
            let name = input.name.clone();
            let known = navigate::ask_draft(desk.shared, desk.draft, move |code| {
                Ok(code.definitions(&name, from.as_deref()))
            });
            let known = known.await?;
            if let (None, [_, _, ..]) = (&at, known.as_slice()) {
                return Err(ambiguous(&input.name, &known));
            }
            let mut said = String::new();
            if let Some(editor) = desk.shared.insight(Verb::Rename) {
                let who = editor.editor().to_owned();
                let spot = insight::spot_of(desk, &input.name, at.clone()).await?;
                let answer = match spot {
                    Ok(spot) => {
                        let asked = new.clone();
                        let question = |reply| Question::Rename(spot, asked, reply);
                        editor.ask(insight::PATIENCE, question).await
                    }
                    Err(why) => Err(why),
                };
                match answer {
                    Ok(renamed) if !renamed.files.is_empty() => {
                        return by_editor(desk, &who, renamed, (&input.name, &new)).await;
                    }
                    Ok(renamed) if renamed.elsewhere > 0 => {
                        return Err(refused(format!(
                            "nothing was renamed: {who} would change only files that are outside the workspace or may hold secrets ({})",
                            renamed.elsewhere
                        )));
                    }
                    Ok(_) => said = format!("{who} renames nothing there"),
                    Err(why) => said = why,
                }
            }
            by_index(desk, &input.name, &new, &known, said).await
        })
    }
}

fn is_part(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_' || sign == '$'
}

/// The name without what it is in.
fn bare(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

fn refused(message: String) -> Failure {
    Failure::new(Reason::NoMatch, message).hint("edit the places with apply_patch")
}

fn ambiguous(name: &str, known: &[Definition]) -> Failure {
    let places: Vec<String> = known
        .iter()
        .take(TOLD)
        .map(|it| format!("{}:{}", it.path, it.start))
        .collect();
    let message = format!("several have the name `{name}`: {}", places.join(", "));
    Failure::new(Reason::NoMatch, message).hint("give path and line of the one that is meant")
}

/// Brings what the editor's language server edits into the draft, merged with what the draft changed.
async fn by_editor(
    desk: &mut Desk<'_>,
    editor: &str,
    renamed: Renamed,
    (old, new): (&str, &str),
) -> Result<Output, Failure> {
    let mut texts = Vec::new();
    let mut places = 0;
    for file in &renamed.files {
        // An edit for another text, or of another kind, is worse than none.
        match insight::renamings(&file.before, &file.after, bare(old), new) {
            Some(0) => continue,
            Some(count) => places += count,
            None => {
                return Err(refused(format!(
                    "nothing was renamed: what {editor} would do to {} is more than to write `{new}` for `{}`",
                    file.path,
                    bare(old)
                )));
            }
        }
        let path = desk.writable(file.path.as_str())?;
        desk.readable_or_ask(path.as_str()).await?;
        let draft = desk.text(&path)?;
        let Some(text) = insight::merged(&file.before, &file.after, &draft) else {
            return Err(refused(format!(
                "nothing was renamed: in {path} your draft changed lines that the rename of {editor} changes too"
            )));
        };
        texts.push((path, text));
    }
    if texts.is_empty() {
        return Err(refused(format!("{editor} changes nothing for it")));
    }
    let count = texts.len();
    let paths = written(desk, texts).await?;
    let mut text = format!(
        "renamed in the draft by the language server of {editor}: {places} places in {count} files: {paths}\n"
    );
    if renamed.elsewhere > 0 {
        text.push_str(&format!(
            "[{} more files are outside the workspace or may hold secrets and were left alone]\n",
            renamed.elsewhere
        ));
    }
    text.push_str(&left(desk, old).await?);
    Ok(Output::from(text))
}

async fn written(desk: &mut Desk<'_>, texts: Vec<(RelPath, String)>) -> Result<String, Failure> {
    desk.edit(|draft| {
        for (path, text) in &texts {
            draft.write(path, text).map_err(of_workspace)?;
        }
        Ok(())
    })
    .await
}

/// What code of the draft still has the old name: other things of that name, and lines that only the draft has.
async fn left(desk: &Desk<'_>, old: &str) -> Result<String, Failure> {
    let bare = bare(old).to_owned();
    let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
        Ok(code.references(&bare, TOLD))
    });
    let uses = found.await?.uses;
    if uses.is_empty() {
        return Ok(String::new());
    }
    let places: Vec<String> = uses
        .iter()
        .map(|it| format!("{}:{}", it.path, it.line))
        .collect();
    Ok(format!("still named so: {}\n", places.join(", ")))
}

/// Renames by name, where nothing else can be meant: one definition, uses that are all calls, types or imports as its kind has
/// them, in files that import it from there, and a new name that no code has yet.
async fn by_index(
    desk: &mut Desk<'_>,
    name: &str,
    new: &str,
    known: &[Definition],
    said: String,
) -> Result<Output, Failure> {
    let why = match said.is_empty() {
        true => "no editor with a language server can be asked".to_owned(),
        false => said,
    };
    let [definition] = known else {
        let what = match known.is_empty() {
            true => format!("nothing here defines `{name}`"),
            false => ambiguous(name, known).message,
        };
        return Err(refused(format!("{what}; {why}")));
    };
    let (bare, wanted) = (definition.name.clone(), new.to_owned());
    // A sign that the old name has is one of the language.
    if let Some(sign) = new
        .chars()
        .find(|sign| !is_part(*sign) && !bare.contains(*sign))
    {
        return Err(refused(format!(
            "the index cannot tell whether a name may have a `{sign}`; {why}"
        )));
    }
    let asked = bare.clone();
    let found = navigate::ask_draft(desk.shared, desk.draft, move |code| {
        let taken = !code.definitions(&wanted, None).is_empty()
            || !code.references(&wanted, 1).uses.is_empty();
        let alone = code.definitions(&asked, None).len() == 1;
        Ok((taken, alone, code.references(&asked, MOST)))
    });
    let (taken, alone, found) = found.await?;
    let vague = found.uses.iter().find(|it| may_be_another(it, &bare));
    let unsafe_for = match (taken, alone, found.more, vague) {
        (true, ..) => Some(format!("code here has the name `{new}` already")),
        (_, false, ..) => Some(format!("several definitions have the name `{bare}`")),
        _ if definition.container.is_some() => {
            Some("it is a member, and whose members are used is not known".to_owned())
        }
        (_, _, true, _) => Some("it has more uses than are looked through".to_owned()),
        (_, _, _, Some(it)) => Some(format!(
            "{}:{} may mean another `{bare}`: {}",
            it.path, it.line, it.text
        )),
        _ => None,
    };
    if let Some(doubt) = unsafe_for {
        return Err(refused(format!(
            "the index cannot rename `{bare}` safely: {doubt}; {why}"
        )));
    }
    if let Some(path) = elsewhere(desk, definition, &found.uses)? {
        return Err(refused(format!(
            "the index cannot rename `{bare}` safely: {path} may mean another `{bare}`, for it does not import it from {}; {why}",
            definition.path
        )));
    }
    let mut places: BTreeMap<RelPath, Vec<(u32, u32)>> = BTreeMap::new();
    for Use {
        path, line, column, ..
    } in &found.uses
    {
        let path = RelPath::new(path).map_err(of_workspace)?;
        places.entry(path).or_default().push((*line, *column));
    }
    let home = desk.readable(&definition.path)?;
    let head = index::named(
        &definition.path,
        &desk.text(&home)?,
        &bare,
        (definition.start, definition.end),
    );
    let Some(head) = head else {
        return Err(refused(format!(
            "`{bare}` does not stand in its definition"
        )));
    };
    places.entry(home).or_default().push(head);
    let count: usize = places.values().map(Vec::len).sum();
    let mut texts = Vec::new();
    for (path, spots) in places {
        let path = desk.writable(path.as_str())?;
        let text = replaced(&desk.text(&path)?, spots, &bare, new)
            .ok_or_else(|| refused(format!("{path} is not as the index has it")))?;
        texts.push((path, text));
    }
    let files = texts.len();
    let paths = written(desk, texts).await?;
    Ok(Output::from(format!(
        "renamed in the draft by the index ({why}): {count} places in {files} files: {paths}\n\
         [comments and strings are as they were; look whether others mean the same name]\n"
    )))
}

/// The first file whose uses may be of something else than the definition.
fn elsewhere(
    desk: &Desk<'_>,
    definition: &Definition,
    uses: &[Use],
) -> Result<Option<String>, Failure> {
    let text = |path: &str| desk.text(&RelPath::new(path).map_err(of_workspace)?);
    let home = text(&definition.path)?;
    let mut files: BTreeMap<&str, Vec<&Use>> = BTreeMap::new();
    for it in uses {
        files.entry(&it.path).or_default().push(it);
    }
    for (path, uses) in files {
        let reader = meant::Reader {
            path,
            text: &text(path)?,
        };
        let home = meant::Reader {
            path: &definition.path,
            text: &home,
        };
        if !reader.means(&uses, home) {
            return Ok(Some(path.to_owned()));
        }
    }
    Ok(None)
}

/// A value may be a local one of that name, and a member anybody's.
fn may_be_another(it: &Use, name: &str) -> bool {
    let is_member = it.text.contains(&format!(".{name}"));
    !matches!(
        it.kind,
        ReferenceKind::Call | ReferenceKind::Type | ReferenceKind::Import
    ) || is_member
}

/// The text with other words at these places (line from 1, column in bytes); `None` where `old` does not stand there.
fn replaced(text: &str, mut spots: Vec<(u32, u32)>, old: &str, new: &str) -> Option<String> {
    spots.sort_unstable();
    spots.dedup();
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for (line, column) in spots.into_iter().rev() {
        let (line, at) = (lines.get_mut(line as usize - 1)?, column as usize);
        let end = at + old.len();
        if line.get(at..end)? != old {
            return None;
        }
        line.replace_range(at..end, new);
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_replaced_where_they_stand_or_nothing_is() {
        let text = "é sum(sum)\nsum\n";
        let spots = vec![(2, 0), (1, 3), (1, 7)];
        assert_eq!(
            replaced(text, spots, "sum", "total").as_deref(),
            Some("é total(total)\ntotal\n")
        );
        assert_eq!(replaced(text, vec![(1, 0)], "sum", "total"), None);
        assert_eq!(replaced(text, vec![(9, 0)], "sum", "total"), None);
    }
}
