//! Load: finds the configuration files, lays the layers over each other and gives typed settings, or every problem at once.

use super::schema::Schema;
use super::tree::{Node, Origin};
use super::{Problem, Settings, check, env, failure, project};
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
    /// The workspace, which may hold `animus.yaml`.
    pub root: &'a Utf8Path,
    /// The environment.
    pub vars: &'a BTreeMap<String, String>,
}

/// Settings with their story.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// The files that were read, weakest first.
    pub files: Vec<Utf8PathBuf>,
    /// What the project file said in vain.
    pub ignored: Vec<Problem>,
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
    if user.is_none() && project_text.is_none() && !touched {
        return Ok(Loaded {
            settings: Settings::default(),
            files,
            ignored: Vec::new(),
            notes,
        });
    }

    let schema = Schema::new();
    let mut tree = Node::empty("defaults");
    if let Some((path, text)) = user {
        tree = parse(path, &text)?;
        secret_in_open_file(path, &tree)?;
        tree = scripts_beside(path, tree);
        files.push(path.clone());
    }
    let mut ignored = Vec::new();
    if let Some(text) = project_text {
        let project = parse(&project_path, &text)?;
        let problems = check::unknown_keys(&project, &schema);
        if !problems.is_empty() {
            return Err(problems);
        }
        let defaults = serde_json::to_value(Settings::default()).unwrap_or_default();
        (tree, ignored) = project::tighten(tree, &project, &defaults);
        files.push(project_path);
    }
    for one in env::overrides(places.vars, &schema, &tree)? {
        tree = tree.with(&one.path, one.node);
    }
    let mut settings = check::settings(&tree, &schema)?;
    notes.extend(keys(&mut settings, places.vars));
    Ok(Loaded {
        settings,
        files,
        ignored,
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

/// A file that everybody can write must not hold a key: anybody could send it elsewhere.
fn secret_in_open_file(path: &Utf8Path, tree: &Node) -> Result<(), Vec<Problem>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let open = std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o002 != 0);
        let providers = ["providers".to_owned()];
        let names: Vec<String> = match tree.get(&providers).map(|node| &node.value) {
            Some(super::tree::Value::Map(entries)) => {
                entries.iter().map(|entry| entry.key.clone()).collect()
            }
            _ => Vec::new(),
        };
        let key = names
            .into_iter()
            .map(|name| ["providers".to_owned(), name, "api_key".to_owned()])
            .find(|key| tree.get(key).is_some());
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
    Ok(())
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

/// Fills keys from the environment: the variable that the file names, else the provider's usual one for its usual server.
fn keys(settings: &mut Settings, vars: &BTreeMap<String, String>) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, provider) in &mut settings.providers {
        if provider.api_key.is_some() {
            continue;
        }
        let usual = match provider.r#type {
            llm::Kind::OpenAi => Some("OPENAI_API_KEY"),
            llm::Kind::Anthropic => Some("ANTHROPIC_API_KEY"),
            llm::Kind::OpenRouter => Some("OPENROUTER_API_KEY"),
            _ => None,
        };
        let variable = match (&provider.api_key_env, usual) {
            (Some(variable), _) => Some(variable.as_str()),
            (None, Some(usual)) if provider.base_url.is_none() => Some(usual),
            _ => None,
        };
        let Some(variable) = variable else { continue };
        match vars.get(variable).filter(|key| !key.is_empty()) {
            Some(key) => provider.api_key = Some(key.clone().into()),
            None => notes.push(format!(
                "providers.{name}: {variable} is not set, so there is no key"
            )),
        }
    }
    notes
}
