//! Aliases: the tools of the original program, by its names and with its arguments, as calls of ours.

use super::Toolbox;
use protocol::Failure;
use serde_json::{Value, json};

/// Each name of the original program and the tool that it means. A tool of the same name is not offered to models.
pub const ALL: [(&str, &str); 8] = [
    ("fs.read_file", "read_file"),
    ("fs.write_file", "write_file"),
    ("terminal.exec", "run_command"),
    ("git.apply_patch", "apply_patch"),
    ("git.restore_backup", "restore"),
    ("git.list_backups", "git.list_backups"),
    ("git.preview_backup", "git.preview_backup"),
    ("semantic.search", "search"),
];

/// The tool that a name of the original program means.
pub(crate) fn canonical(name: &str) -> &str {
    let found = ALL.iter().find(|(alias, _)| *alias == name);
    found.map_or(name, |(_, tool)| tool)
}

/// JSON Schema of a name's arguments.
fn schema(alias: &str) -> Value {
    let object = |properties: Value, required: &[&str]| {
        json!({
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    };
    let text = json!({"type": "string"});
    match alias {
        "fs.read_file" | "git.restore_backup" => object(json!({"path": text}), &["path"]),
        "fs.write_file" => object(
            json!({"path": text, "content": text, "overwrite": {"const": true}}),
            &["path", "content"],
        ),
        "terminal.exec" => object(
            json!({"command": text, "args": {"type": "array", "items": text}}),
            &["command"],
        ),
        "git.apply_patch" => object(
            json!({"patch": text, "dry_run": {"const": false}}),
            &["patch"],
        ),
        "git.preview_backup" => object(json!({"name": text}), &[]),
        "semantic.search" => object(
            json!({"query": text, "limit": {"type": "integer", "minimum": 1}}),
            &["query"],
        ),
        _ => object(json!({}), &[]),
    }
}

/// Every name with its schema, as lists show it.
pub(crate) fn listed() -> impl Iterator<Item = Value> {
    ALL.iter().map(|(alias, tool)| {
        let of = match *alias == *tool {
            true => "patch/list",
            false => tool,
        };
        json!({
            "name": alias,
            "description": format!("`{of}` by its name in the original program"),
            "schema": schema(alias),
            "alias_of": of,
        })
    })
}

/// A call by any name as a call of our tool, checked against both schemas.
///
/// # Errors
/// `not_found` for a name that is none, `invalid_input` with every violation.
pub(crate) fn translated(
    toolbox: &Toolbox,
    name: &str,
    args: &Value,
) -> Result<(String, Value), Failure> {
    let args = match args {
        Value::Null => json!({}),
        args => args.clone(),
    };
    let (tool, shape) = toolbox.find(name)?;
    let input = match ALL.iter().any(|(alias, _)| *alias == name) {
        true => {
            crate::validate::Shape::of(&schema(name))?.check(name, &args)?;
            ours(name, args)
        }
        false => args,
    };
    shape.check(tool.name(), &input)?;
    Ok((tool.name().to_owned(), input))
}

/// Arguments that fit the alias's schema, in the form of our tool.
fn ours(alias: &str, mut args: Value) -> Value {
    if alias == "terminal.exec"
        && let Some(words) = args.get("args").and_then(Value::as_array)
    {
        let program = args.get("command").and_then(Value::as_str);
        let words = program
            .into_iter()
            .chain(words.iter().filter_map(Value::as_str));
        let line: Vec<String> = words.map(quoted).collect();
        return json!({ "command": line.join(" ") });
    }
    if let Value::Object(fields) = &mut args {
        for word in ["overwrite", "dry_run", "limit", "args"] {
            fields.remove(word);
        }
    }
    args
}

/// A word as a shell takes it for one word, whatever is in it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Code;

    #[test]
    fn every_name_of_the_original_is_a_call_of_ours() {
        let toolbox = Toolbox::new().unwrap();
        for (name, args, tool, input) in [
            (
                "fs.read_file",
                json!({"path": "a"}),
                "read_file",
                json!({"path": "a"}),
            ),
            (
                "fs.write_file",
                json!({"path": "a", "content": "b", "overwrite": true}),
                "write_file",
                json!({"path": "a", "content": "b"}),
            ),
            (
                "terminal.exec",
                json!({"command": "grep", "args": ["-r", "it's; here", ""]}),
                "run_command",
                json!({"command": r"grep -r 'it'\''s; here' ''"}),
            ),
            (
                "terminal.exec",
                json!({"command": "ls -l"}),
                "run_command",
                json!({"command": "ls -l"}),
            ),
            (
                "git.apply_patch",
                json!({"patch": "p", "dry_run": false}),
                "apply_patch",
                json!({"patch": "p"}),
            ),
            (
                "git.restore_backup",
                json!({"path": "a"}),
                "restore",
                json!({"path": "a"}),
            ),
            (
                "git.list_backups",
                Value::Null,
                "git.list_backups",
                json!({}),
            ),
            (
                "git.preview_backup",
                json!({"name": "n"}),
                "git.preview_backup",
                json!({"name": "n"}),
            ),
            (
                "semantic.search",
                json!({"query": "q", "limit": 3}),
                "search",
                json!({"query": "q"}),
            ),
            (
                "search",
                json!({"query": "q"}),
                "search",
                json!({"query": "q"}),
            ),
        ] {
            let found = translated(&toolbox, name, &args).unwrap();
            assert_eq!(found, (tool.to_owned(), input), "{name}");
        }
        for (name, args) in [
            ("fs.read_file", json!({})),
            ("fs.read_file", json!({"path": "a", "more": 1})),
            (
                "fs.write_file",
                json!({"path": "a", "content": "b", "overwrite": false}),
            ),
            ("git.apply_patch", json!({"patch": "p", "dry_run": true})),
            ("terminal.exec", json!({"command": "a", "args": [1]})),
            ("search", json!("q")),
        ] {
            let refused = translated(&toolbox, name, &args).unwrap_err();
            assert_eq!(refused.code, Code::InvalidInput, "{name} {args}");
        }
        assert!(translated(&toolbox, "fs.fly", &json!({})).is_err());
        assert_eq!(listed().count(), ALL.len());
    }
}
