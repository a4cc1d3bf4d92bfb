//! Load: finds the configuration files, lays the layers over each other and gives typed settings, or every problem at once.

use super::schema::Schema;
use super::tree::{Node, Origin};
use super::{Problem, Settings, check, editor, env, failure, project, workspaces};
use camino::{Utf8Path, Utf8PathBuf};
use protocol::Failure;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

/// Largest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Where configuration comes from.
pub struct Places<'a> {
    /// A file that was named (`--config`, `ANIMUS_CONFIG`): it must exist.
    pub named: Option<Utf8PathBuf>,
    /// The user's file, which may be missing.
    pub user: Option<Utf8PathBuf>,
    /// What the editor's settings say; null where no editor asks or it says nothing.
    pub editor: &'a serde_json::Value,
    /// The workspace, which may hold `animus.yaml`.
    pub root: &'a Utf8Path,
    /// The environment.
    pub vars: &'a BTreeMap<String, String>,
}

/// Settings with their story.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The files that were read, weakest first.
    pub files: Vec<Utf8PathBuf>,
    /// What the project file said in vain.
    pub ignored: Vec<Problem>,
    /// The test command that the project file asks for.
    pub wished_test_command: Option<String>,
    /// Anything else worth knowing.
    pub notes: Vec<String>,
}

/// Reads all layers.
pub fn load(places: &Places<'_>) -> Result<Loaded, Failure> {
    layers(places).map_err(|problems| failure(&problems))
}

fn layers(places: &Places<'_>) -> Result<Loaded, Vec<Problem>> {
    let mut files = Vec::new();
    let mut notes = Vec::new();
    let user = match (&places.named, &places.user) {
        (Some(path), _) => Some((path, read(path)?.ok_or_else(|| vec![missing(path)])?)),
        (None, Some(path)) => read(path)?.map(|text| (path, text)),
        (None, None) => None,
    };
    let project_path = places.root.join("animus.yaml");
    let project_text = match user
        .as_ref()
        .is_some_and(|(path, _)| same(path, &project_path))
    {
        true => None,
        false => read(&project_path)?,
    };
    let touched = places
        .vars
        .keys()
        .any(|name| name.starts_with("ANIMUS_") || name.starts_with("MYCODEX_"));
    if user.is_none() && project_text.is_none() && !touched && places.editor.is_null() {
        return Ok(Loaded {
            settings: Settings::default(),
            files,
            ignored: Vec::new(),
            wished_test_command: None,
            notes,
        });
    }

    let schema = Schema::new();
    let mut tree = Node::empty("defaults");
    if let Some((path, text)) = user {
        tree = parse(path, &text)?;
        notes.extend(secret_in_open_file(path, &tree)?);
        tree = scripts_beside(path, tree);
        let home = places.vars.get("HOME").map(String::as_str);
        tree = workspaces::apply(tree, places.root, home)?;
        files.push(path.clone());
    }
    tree = editor::over(tree, places.editor)?;
    let mut ignored = Vec::new();
    let mut wished_test_command = None;
    if let Some(text) = project_text {
        let project = parse(&project_path, &text)?;
        let problems = check::unknown_keys(&project, &schema);
        if !problems.is_empty() {
            return Err(problems);
        }
        let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
        wished_test_command = project::wished_test_command(&project);
        let wrong = |tree: &Node| check::settings(tree, &schema).err()?.into_iter().next();
        let words = |tree: &Node| wrong(tree).map(|problem| problem.message);
        (tree, ignored) = project::tighten(tree, &project, &defaults, words);
        files.push(project_path);
    }
    for one in env::overrides(places.vars, &schema, &tree)? {
        tree = tree.with(&one.path, one.node);
    }
    tree = types_by_name(tree);
    let mut settings = check::settings(&tree, &schema)?;
    notes.extend(keys(&mut settings, places.vars));
    Ok(Loaded {
        settings,
        files,
        ignored,
        wished_test_command,
        notes,
    })
}

fn parse(path: &Utf8Path, text: &str) -> Result<Node, Vec<Problem>> {
    Node::parse(path.as_str(), text).map_err(|(origin, message)| {
        vec![Problem {
            origin,
            key: String::new(),
            message: format!("not YAML: {message}"),
        }]
    })
}

/// The text of a file; nothing where there is none. Only regular files: a pipe would hang, a device would not end.
fn read(path: &Utf8Path) -> Result<Option<String>, Vec<Problem>> {
    let problem = |message: String| vec![problem(path, message)];
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(problem(format!("cannot be read: {error}"))),
    };
    if !meta.is_file() {
        return Err(problem("is not a regular file".to_owned()));
    }
    if meta.len() > MAX_BYTES {
        return Err(problem(format!(
            "has {} bytes; a configuration file has at most {MAX_BYTES}",
            meta.len()
        )));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| problem(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map(Some).map_err(|error| {
        problem(format!(
            "is not UTF-8 text (byte {})",
            error.utf8_error().valid_up_to()
        ))
    })
}

fn missing(path: &Utf8Path) -> Problem {
    problem(
        path,
        "there is no such file (named by --config or ANIMUS_CONFIG)".to_owned(),
    )
}

fn problem(path: &Utf8Path, message: String) -> Problem {
    Problem {
        origin: Origin {
            source: path.as_str().into(),
            line: 0,
            column: 0,
        },
        key: String::new(),
        message,
    }
}

fn same(a: &Utf8Path, b: &Utf8Path) -> bool {
    match (a.canonicalize_utf8(), b.canonicalize_utf8()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// A file that everybody can write must not hold a key: anybody could send it elsewhere. Where others can only read it, a note.
fn secret_in_open_file(path: &Utf8Path, tree: &Node) -> Result<Option<String>, Vec<Problem>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let mode = std::fs::metadata(path).map_or(0, |meta| meta.mode());
        let open = mode & 0o002 != 0;
        let key = names_of_providers(tree)
            .into_iter()
            .map(|name| ["providers".to_owned(), name, "api_key".to_owned()])
            .find(|key| tree.get(key).is_some());
        if let (false, Some(key)) = (open, &key) {
            let readable = mode & 0o044 != 0;
            return Ok(readable.then(|| {
                let key = key.join(".");
                format!("{path} can be read by others and holds {key}; run `chmod 600 {path}`")
            }));
        }
        if let (true, Some(key)) = (open, key) {
            let origin = tree.origin_of(&key);
            let message = format!(
                "everybody can write this file, so its key is not used; run `chmod 600 {path}`"
            );
            return Err(vec![Problem {
                origin,
                key: key.join("."),
                message,
            }]);
        }
    }
    Ok(None)
}

/// A relative `script` of a provider is meant from the folder of the file that names it.
fn scripts_beside(path: &Utf8Path, mut tree: Node) -> Node {
    use super::tree::Value;
    let Some(Value::Map(providers)) = tree.get(&["providers".to_owned()]).map(|node| &node.value)
    else {
        return tree;
    };
    let keys: Vec<_> = providers
        .iter()
        .map(|entry| {
            [
                "providers".to_owned(),
                entry.key.clone(),
                "script".to_owned(),
            ]
        })
        .collect();
    let folder = path.parent().unwrap_or(Utf8Path::new(""));
    for key in keys {
        let Some(node) = tree.get(&key).cloned() else {
            continue;
        };
        if let Value::Text(script) = &node.value {
            let value = Value::Text(folder.join(script).into_string());
            tree = tree.with(&key, Node { value, ..node });
        }
    }
    tree
}

/// A provider that says neither what it is nor where is the one that it is called, as in `ANIMUS_PROVIDERS_OPENROUTER_API_KEY`.
fn types_by_name(mut tree: Node) -> Node {
    for name in names_of_providers(&tree) {
        let key = |word: &str| ["providers".to_owned(), name.clone(), word.to_owned()];
        let silent = tree.get(&key("type")).is_none() && tree.get(&key("base_url")).is_none();
        let known = serde_json::from_value::<llm::Kind>(name.clone().into()).is_ok();
        let is_map = tree
            .get(&key("type")[..2])
            .is_some_and(|node| matches!(node.value, super::tree::Value::Map(_)));
        if silent && known && is_map {
            let origin = tree.origin_of(&key("type")[..2]);
            let value = super::tree::Value::Text(name.clone());
            tree = tree.with(&key("type"), Node { value, origin });
        }
    }
    tree
}

fn names_of_providers(tree: &Node) -> Vec<String> {
    match tree.get(&["providers".to_owned()]).map(|node| &node.value) {
        Some(super::tree::Value::Map(entries)) => {
            entries.iter().map(|entry| entry.key.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// Fills keys from the environment: the variable that the file names, else the provider's usual one for its usual server.
fn keys(settings: &mut Settings, vars: &BTreeMap<String, String>) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, provider) in &mut settings.providers {
        if provider.api_key.is_some() {
            continue;
        }
        let usual: &[&str] = match provider.r#type {
            llm::Kind::OpenAi | llm::Kind::OpenAiResponses => &["OPENAI_API_KEY"],
            llm::Kind::Anthropic => &["ANTHROPIC_API_KEY"],
            llm::Kind::OpenRouter => &["OPENROUTER_API_KEY"],
            llm::Kind::Gemini => &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            _ => &[],
        };
        let variables: Vec<&str> = match &provider.api_key_env {
            Some(variable) => vec![variable],
            None if provider.base_url.is_none() => usual.to_vec(),
            None => Vec::new(),
        };
        let set = |variable: &&str| vars.get(*variable).filter(|key| !key.is_empty());
        match (variables.iter().find_map(set), variables.first()) {
            (Some(key), _) => provider.api_key = Some(key.clone().into()),
            (None, Some(variable)) => notes.push(format!(
                "providers.{name}: {variable} is not set, so there is no key"
            )),
            (None, None) => {}
        }
    }
    notes
}
