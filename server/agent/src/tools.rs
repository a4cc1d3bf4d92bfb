//! Tool: one thing the model can do. The list is the same in every phase, so that the prompt's prefix stays byte for byte the
//! same; what a phase forbids is refused when it is called (A1).

pub(crate) mod aliases;
mod apply_patch;
mod backups;
pub(crate) mod diagnostics;
mod find_symbol;
mod find_text;
mod git;
mod list_files;
mod neighbours;
mod outline;
mod read_file;
mod recall;
mod references;
mod remember;
mod rename;
mod restore;
mod run_command;
mod search;
mod update_plan;
mod write_file;

pub(crate) use aliases::canonical;

use crate::desk::Desk;
use crate::validate::{Shape, told};
use futures::future::BoxFuture;
use llm::ToolSpec;
use protocol::{Code, Failure, ToolKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// One tool.
pub trait Tool: Send + Sync {
    /// Its name, as the model writes it.
    fn name(&self) -> &'static str;
    /// What it does, for the model.
    fn about(&self) -> &'static str;
    /// What kind of effect it has; phases are judged by it.
    fn kind(&self) -> ToolKind;
    /// JSON Schema of its input.
    fn schema(&self) -> Value;
    /// One line for a person. The input may be invalid.
    fn title(&self, input: &Value) -> String;
    /// Input of another form that means the same, in the form of the schema; none where there is no such form.
    fn adapted(&self, _input: &Value) -> Option<Value> {
        None
    }
    /// Does it. The input has passed the schema.
    ///
    /// # Errors
    /// A failure that the model reads and can act on.
    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>>;
}

/// What a tool hands back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// For the model.
    pub text: String,
    /// Exit code where a command ran and exited.
    pub exit_code: Option<i32>,
    /// What confined it, where a command ran.
    pub enforced_by: Vec<String>,
}

impl From<String> for Output {
    fn from(text: String) -> Self {
        Output {
            text,
            ..Output::default()
        }
    }
}

/// Every tool with its compiled schema.
pub struct Toolbox {
    tools: Vec<(Box<dyn Tool>, Shape)>,
    /// Of the original program, and what is of little use here; models are not told of them.
    untold: Vec<(Box<dyn Tool>, Shape)>,
    specs: Arc<[ToolSpec]>,
    size: usize,
}

impl Toolbox {
    /// All tools.
    ///
    /// # Errors
    /// `internal` where a schema is broken.
    pub fn new() -> Result<Toolbox, Failure> {
        Toolbox::with(true, true)
    }

    /// All but those of memory, and told only of those that help: what an editor's language servers do for the model is not worth
    /// its place in every prompt where there are none, though it can be called.
    ///
    /// # Errors
    /// As [`Toolbox::new`].
    pub(crate) fn with(memory: bool, editor: bool) -> Result<Toolbox, Failure> {
        let mut all = plain();
        if memory {
            all.push(Box::new(recall::Recall));
            all.push(Box::new(remember::Remember));
        }
        let (told, untold) = all
            .into_iter()
            .partition(|tool| editor || tool.name() != OF_EDITORS);
        Toolbox::of(told, untold)
    }

    fn of(all: Vec<Box<dyn Tool>>, mut untold: Vec<Box<dyn Tool>>) -> Result<Toolbox, Failure> {
        let specs: Arc<[ToolSpec]> = all
            .iter()
            .map(|tool| ToolSpec {
                name: tool.name().into(),
                description: tool.about().into(),
                schema: told(&tool.schema()),
            })
            .collect();
        let shaped = |tool: Box<dyn Tool>| {
            let shape = Shape::of(&tool.schema())?;
            Ok((tool, shape))
        };
        let tools = all
            .into_iter()
            .map(shaped)
            .collect::<Result<_, Failure>>()?;
        untold.push(Box::new(backups::ListBackups));
        untold.push(Box::new(backups::PreviewBackup));
        let untold = untold
            .into_iter()
            .map(shaped)
            .collect::<Result<_, Failure>>()?;
        let size = |spec: &ToolSpec| {
            spec.name.len() + spec.description.len() + spec.schema.to_string().len()
        };
        let size = specs.iter().map(size).sum();
        Ok(Toolbox {
            tools,
            untold,
            specs,
            size,
        })
    }

    /// Bytes of what models are told.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// What models are told.
    pub fn specs(&self) -> Arc<[ToolSpec]> {
        self.specs.clone()
    }

    /// A tool by its name, by the name the original program used, or by either in other case or behind `functions.`, as models
    /// that were taught other programs write them.
    ///
    /// # Errors
    /// `not_found`, listing the names there are.
    pub fn find(&self, name: &str) -> Result<(&dyn Tool, &Shape), Failure> {
        let plain = canonical(name);
        let mut all = self.tools.iter().chain(&self.untold);
        let exact = all.find(|(tool, _)| tool.name() == plain);
        exact
            .or_else(|| self.nearest(name))
            .map(|(tool, shape)| (tool.as_ref(), shape))
            .ok_or_else(|| {
                let names: Vec<&str> = self.tools.iter().map(|(tool, _)| tool.name()).collect();
                Failure::new(
                    Code::NotFound,
                    format!("there is no tool `{name}`; there are: {}", names.join(", ")),
                )
            })
    }

    /// The one tool whose name this is nearly.
    fn nearest(&self, name: &str) -> Option<&(Box<dyn Tool>, Shape)> {
        let plain = name.trim().to_ascii_lowercase();
        let plain = canonical(plain.strip_prefix(NAMESPACE).unwrap_or(&plain));
        let mut fits = self
            .tools
            .iter()
            .filter(|(tool, _)| tool.name().eq_ignore_ascii_case(plain));
        fits.next().filter(|_| fits.next().is_none())
    }
}

/// The tools that are always there.
fn plain() -> Vec<Box<dyn Tool>> {
    vec![
        Box::new(update_plan::UpdatePlan),
        Box::new(read_file::ReadFile),
        Box::new(list_files::ListFiles),
        Box::new(find_text::FindText),
        Box::new(search::Search),
        Box::new(outline::Outline),
        Box::new(find_symbol::FindSymbol),
        Box::new(references::References),
        Box::new(neighbours::Neighbours),
        Box::new(diagnostics::Diagnostics),
        Box::new(apply_patch::ApplyPatch),
        Box::new(write_file::WriteFile),
        Box::new(rename::Rename),
        Box::new(restore::Restore),
        Box::new(run_command::RunCommand),
        Box::new(git::GitStatus),
        Box::new(git::GitDiff),
    ]
}

/// The tool that says little without an editor's language servers.
const OF_EDITORS: &str = "diagnostics";

/// What some models write before the names of tools.
const NAMESPACE: &str = "functions.";

/// Input that passed the schema, as the tool's own type.
fn input_of<T: DeserializeOwned>(input: Value) -> Result<T, Failure> {
    serde_json::from_value(input)
        .map_err(|error| Failure::new(Code::InvalidInput, error.to_string()))
}

/// A string field of unchecked input, for titles.
fn field<'a>(input: &'a Value, name: &str) -> &'a str {
    input.get(name).and_then(Value::as_str).unwrap_or("?")
}

/// A definition as a line for the model.
fn line_of(it: &index::Signed) -> String {
    let (place, of) = (&it.definition, it.definition.container.as_deref());
    let within = of.map(|name| format!("  (in {name})")).unwrap_or_default();
    let head = match it.signature.is_empty() {
        true => place.name.as_str(),
        false => it.signature.as_str(),
    };
    format!(
        "{}:{}-{} {head}{within}\n",
        place.path, place.start, place.end
    )
}

/// A definition with the lines in which it uses another, as a line for the model.
fn user_of(it: &index::User) -> String {
    let lines: Vec<String> = it.lines.iter().take(5).map(u32::to_string).collect();
    let more = if it.lines.len() > 5 { ", …" } else { "" };
    let of = &it.definition;
    format!(
        "{}:{} {}  (lines {}{more})\n",
        of.path,
        of.start,
        of.full_name(),
        lines.join(", ")
    )
}

/// Cuts text to `limit` bytes at a line's end and says so.
fn bounded(text: String, limit: usize, what_next: &str) -> String {
    if text.len() <= limit {
        return text;
    }
    let end = text[..text.floor_char_boundary(limit)]
        .rfind('\n')
        .map_or(text.floor_char_boundary(limit), |at| at + 1);
    format!(
        "{}[cut here: {} of {} bytes shown; {what_next}]\n",
        &text[..end],
        end,
        text.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_list_is_stable_and_small() {
        let first = Toolbox::new().unwrap().specs();
        let text = |specs: &[ToolSpec]| {
            specs
                .iter()
                .map(|s| format!("{} {} {}", s.name, s.description, s.schema))
                .collect::<Vec<_>>()
                .join("\n")
        };
        assert_eq!(text(&first), text(&Toolbox::new().unwrap().specs()));
        assert!(
            text(&first).len() < 6_000,
            "{} bytes go out with every turn",
            text(&first).len()
        );
    }

    #[test]
    fn names_of_the_original_still_work() {
        let toolbox = Toolbox::new().unwrap();
        for name in [
            "fs.read_file",
            "fs.write_file",
            "terminal.exec",
            "git.apply_patch",
            "semantic.search",
        ] {
            assert!(toolbox.find(name).is_ok(), "{name}");
        }
        for name in [
            "Write_File",
            "functions.write_file",
            "FUNCTIONS.FS.Write_File",
            " write_file",
        ] {
            assert_eq!(toolbox.find(name).unwrap().0.name(), "write_file", "{name}");
        }
        for name in [
            "write-file",
            "my.write_file",
            "functions.",
            "functions.functions.write_file",
            "",
        ] {
            assert!(toolbox.find(name).is_err(), "{name}");
        }
        let failure = toolbox.find("fly").err().unwrap();
        assert_eq!(failure.code, Code::NotFound);
        assert!(failure.message.contains("apply_patch"));
    }
}
