//! Verbs: `animus/VERB` requests and `animus.VERB` commands are the same thing and end in `agent::verbs::call`. Here only
//! what an editor says differently (`uri`, `range`) is put into the agent's words.

use lsp_types::Range;
use protocol::{Code, Failure, Target};
use serde_json::{Map, Value, json};
use workspace::{Host, RelPath};

use crate::editor::Editor;
use crate::{navigate, position};

const COMMAND: &str = "animus.";
/// What stands before a verb in a request's method.
pub const METHOD: &str = "animus/";

/// The command id of a verb.
pub fn command(verb: &str) -> String {
    format!("{COMMAND}{}", verb.replace('/', "."))
}

/// The ids of all commands.
pub fn commands() -> Vec<String> {
    agent::verbs::ALL.iter().map(|verb| command(verb)).collect()
}

/// The verb of a command id, if it is one.
pub fn of_command(id: &str) -> Option<&'static str> {
    agent::verbs::ALL
        .iter()
        .find(|verb| command(verb) == id)
        .copied()
}

/// The verb of a request's method, if it is one.
pub fn of_method(method: &str) -> Option<&'static str> {
    let verb = method.strip_prefix(METHOD)?;
    agent::verbs::ALL
        .iter()
        .find(|known| **known == verb)
        .copied()
}

/// The params object of a command: its only argument, or nothing.
///
/// # Errors
/// Says what else came.
pub fn argument(arguments: Vec<Value>) -> Result<Value, Failure> {
    let mut arguments = arguments.into_iter();
    match (arguments.next(), arguments.next()) {
        (None | Some(Value::Null), None) => Ok(json!({})),
        (Some(object @ Value::Object(_)), None) => Ok(object),
        (Some(other), None) => Err(wrong(format!(
            "the argument must be an object, not `{other}`"
        ))),
        (_, Some(_)) => Err(wrong(
            "the command takes one argument, an object with its params".to_owned(),
        )),
    }
}

/// The params in the agent's words.
///
/// # Errors
/// Names the param that is wrong.
pub fn translate(editor: &Editor, verb: &str, params: Value) -> Result<Value, Failure> {
    let Value::Object(mut params) = params else {
        return Ok(params);
    };
    match verb {
        "task/start" => {
            if let Some(target) = target(editor, &mut params)? {
                params.insert("target".to_owned(), json!(target));
            }
            if let (Some(land), false) = (editor.client().land, params.contains_key("land")) {
                params.insert("land".to_owned(), json!(land));
            }
        }
        verb if navigate::is_one(verb) => navigate::asked(editor, &mut params)?,
        _ => {}
    }
    Ok(Value::Object(params))
}

/// Takes `uri`, `range` and `diagnostics` out of the params of `task/start`.
fn target(editor: &Editor, params: &mut Map<String, Value>) -> Result<Option<Target>, Failure> {
    let (uri, range, diagnostics) = (
        params.remove("uri"),
        params.remove("range"),
        params.remove("diagnostics"),
    );
    let Some(uri) = uri else {
        return match range.or(diagnostics) {
            None => Ok(None),
            Some(_) => Err(wrong("`range` and `diagnostics` need a `uri`".to_owned())),
        };
    };
    let path = path(editor, &uri)?;
    let last = last_line(editor, &path);
    let (start_line, end_line) = match range {
        None | Some(Value::Null) => (1, last),
        Some(range) => {
            let range: Range = serde_json::from_value(range)
                .map_err(|error| wrong(format!("`range`: {error}")))?;
            let (start, end) = position::lines(range);
            (start.min(last), end.min(last))
        }
    };
    let diagnostics = match diagnostics {
        None | Some(Value::Null) => Vec::new(),
        Some(list) => serde_json::from_value(list)
            .map_err(|error| wrong(format!("`diagnostics`: {error}")))?,
    };
    Ok(Some(Target {
        path: path.as_str().to_owned(),
        start_line,
        end_line,
        symbol: None,
        diagnostics,
    }))
}

/// The last line of the file, from 1.
fn last_line(editor: &Editor, path: &RelPath) -> u32 {
    let lines = match editor.documents().get(path) {
        Some(document) => document.rope.len_lines(),
        None => match editor.read(path) {
            Ok(Some(content)) => content.text().map_or(1, |text| text.lines().count()),
            _ => 1,
        },
    };
    u32::try_from(lines.max(1)).unwrap_or(u32::MAX)
}

/// The file of a `uri` param.
pub(crate) fn path(editor: &Editor, uri: &Value) -> Result<RelPath, Failure> {
    let uri = uri
        .as_str()
        .ok_or_else(|| wrong("`uri` must be a string".to_owned()))?;
    editor.addresses().path(uri).ok_or_else(|| {
        Failure::new(
            Code::PathRefused,
            format!(
                "`{uri}` is not a file of the workspace `{}`",
                editor.root().path()
            ),
        )
        .hint("save the document below the workspace folder, or open its own folder")
    })
}

/// A param that is wrong.
pub(crate) fn wrong(message: String) -> Failure {
    Failure::new(Code::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_methods_name_the_same_verbs() {
        for verb in agent::verbs::ALL {
            assert_eq!(of_command(&command(verb)), Some(*verb));
            assert_eq!(of_method(&format!("animus/{verb}")), Some(*verb));
        }
        for other in [
            "animus.ui.ask",
            "animus.",
            "task.start",
            "animus.task/start",
        ] {
            assert_eq!(of_command(other), None, "{other}");
        }
        assert_eq!(of_method("animus/task.start"), None);
    }

    #[test]
    fn a_command_takes_one_object() {
        for (arguments, expected) in [
            (vec![], Some(json!({}))),
            (vec![json!(null)], Some(json!({}))),
            (vec![json!({ "a": 1 })], Some(json!({ "a": 1 }))),
            (vec![json!(1)], None),
            (vec![json!([])], None),
            (vec![json!({}), json!({})], None),
        ] {
            assert_eq!(argument(arguments.clone()).ok(), expected, "{arguments:?}");
        }
    }
}
