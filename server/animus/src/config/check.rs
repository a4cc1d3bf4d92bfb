//! Check: from a tree to typed settings. Every unknown key is named with its place; nothing is dropped in silence.

use super::schema::{Place, Schema};
use super::tree::{Node, Origin, Value};
use super::{Problem, Settings};
use super::{stated, suggest};
use serde_path_to_error::Segment;

/// Wrong values that are named at most.
const MOST_WRONG: usize = 50;

/// The settings that a tree spells, or everything that is wrong with it.
pub fn settings(tree: &Node, schema: &Schema) -> Result<Settings, Vec<Problem>> {
    let mut problems = unknown_keys(tree, schema);
    problems.extend(references(tree));
    let (settings, wrong) = typed(tree);
    problems.extend(wrong);
    let Some(settings) = settings.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    let wrong = rules(tree, &settings)
        .or_else(|| models(tree, &settings))
        .or_else(|| hosts(tree, &settings))
        .or_else(|| stated::wrong(tree, &settings));
    match wrong {
        Some(problem) => Err(vec![problem]),
        None => Ok(settings),
    }
}

/// The settings with every value that is none of its key's left out, and what is wrong with those.
fn typed(tree: &Node) -> (Option<Settings>, Vec<Problem>) {
    let mut json = drop_nulls(tree.to_json());
    let mut problems = Vec::new();
    let mut left_out: Vec<Vec<String>> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, Settings>(&json) {
            Ok(settings) => return (Some(settings), problems),
            Err(error) => error,
        };
        let path: Vec<String> = error.path().iter().filter_map(segment).collect();
        let message = plain(&error.inner().to_string());
        // Unknown keys are named already, with a question; what is missing may be what was left out.
        let said = message.starts_with("unknown field")
            || message.starts_with("missing field")
                && left_out.iter().any(|one| one.starts_with(&path));
        if !said {
            let origin = tree
                .get(&path)
                .map_or_else(|| tree.origin_of(&path), |node| node.origin.clone());
            problems.push(Problem {
                origin,
                key: path.join("."),
                message,
            });
        }
        if problems.len() >= MOST_WRONG || !leave_out(&mut json, &path) {
            return (None, problems);
        }
        left_out.push(path);
    }
}

/// Takes the value at a path away. Whether there was one.
fn leave_out(json: &mut serde_json::Value, path: &[String]) -> bool {
    let Some((last, above)) = path.split_last() else {
        return false;
    };
    let place = above.iter().try_fold(json, |place, key| match place {
        serde_json::Value::Array(items) => items.get_mut(key.parse::<usize>().ok()?),
        place => place.get_mut(key),
    });
    match place {
        Some(serde_json::Value::Object(entries)) => entries.remove(last).is_some(),
        Some(serde_json::Value::Array(items)) => match last.parse::<usize>() {
            // An item less would move the others.
            Ok(index) if index < items.len() => {
                items.truncate(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// What is wrong with the rules about commands: their meaning, and the examples that they come with.
fn rules(tree: &Node, settings: &Settings) -> Option<Problem> {
    let sandbox::Error::Config { key, problem } = sandbox::Policy::new(&settings.sandbox).err()?
    else {
        return None;
    };
    let path = ["sandbox".to_owned(), key.to_owned()];
    Some(Problem {
        origin: tree
            .get(&path)
            .map_or_else(|| tree.origin_of(&path), |node| node.origin.clone()),
        key: path.join("."),
        message: problem,
    })
}

/// A name of `server.allowed_hosts` that can be nobody's.
fn hosts(tree: &Node, settings: &Settings) -> Option<Problem> {
    let name = settings.server.wrong_host()?;
    let path = ["server".to_owned(), "allowed_hosts".to_owned()];
    Some(Problem {
        origin: tree
            .get(&path)
            .map_or_else(|| tree.origin_of(&path), |node| node.origin.clone()),
        key: path.join("."),
        message: format!("`{name}` is neither NAME nor NAME:PORT; there are no patterns"),
    })
}

/// What is wrong with models, their strategy and their budget, for this workspace or another one.
fn models(tree: &Node, settings: &Settings) -> Option<Problem> {
    let config = |strategy: &llm::StrategyConfig, budget: &llm::Budget| {
        let found = settings.models.is_empty();
        llm::Config {
            providers: match found {
                true => Default::default(),
                false => settings.providers.clone(),
            },
            models: settings.models.clone(),
            // Names cannot be judged where models are found, not configured.
            strategy: match found {
                true => llm::StrategyConfig {
                    attempts: strategy.attempts,
                    breaker: strategy.breaker,
                    ..llm::StrategyConfig::default()
                },
                false => strategy.clone(),
            },
            budget: budget.clone(),
        }
    };
    let here = config(&settings.strategy, &settings.budget);
    let mut all = vec![(Vec::new(), here)];
    for (folder, project) in &settings.projects {
        let strategy = project.strategy.as_ref().unwrap_or(&settings.strategy);
        let budget = project.budget.as_ref().unwrap_or(&settings.budget);
        let above = vec!["projects".to_owned(), folder.clone()];
        all.push((above, config(strategy, budget)));
    }
    all.into_iter().find_map(|(above, config)| {
        let message = llm::Models::new(&config).err()?.to_string();
        let named = message
            .find([' ', ':'])
            .map_or(&message[..], |end| &message[..end]);
        let key: Vec<String> = named.split('.').map(str::to_owned).collect();
        let inside = [above, key.clone()].concat();
        let path = if tree.get(&inside).is_some() {
            inside
        } else {
            key
        };
        let rest = message[named.len()..].trim_start_matches([':', ' ']);
        Some(Problem {
            origin: tree.origin_of(&path),
            key: path.join("."),
            message: rest.to_owned(),
        })
    })
}

/// Keys that the schema does not know.
pub fn unknown_keys(tree: &Node, schema: &Schema) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !matches!(tree.value, Value::Map(_)) {
        problems.push(Problem {
            origin: tree.origin.clone(),
            key: String::new(),
            message: "the file must be a mapping of keys (`sandbox:`, `agent:`, …)".to_owned(),
        });
    }
    walk(
        tree,
        schema.root(),
        &mut Vec::new(),
        schema.root(),
        &mut problems,
    );
    problems
}

fn walk<'a>(
    node: &Node,
    place: Place<'a>,
    path: &mut Vec<String>,
    top: Place<'a>,
    problems: &mut Vec<Problem>,
) {
    match &node.value {
        Value::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                match place.key(&entry.key) {
                    Some(inner) => walk(&entry.node, inner, path, top, problems),
                    None if place.names().is_empty() && place.free().is_none() => {}
                    None => problems.push(unknown(&entry.key, &entry.origin, path, place, top)),
                }
                path.pop();
            }
        }
        Value::List(items) => {
            if let Some(inner) = place.item() {
                for (index, item) in items.iter().enumerate() {
                    path.push(index.to_string());
                    walk(item, inner, path, top, problems);
                    path.pop();
                }
            }
        }
        _ => {}
    }
}

fn unknown(
    key: &str,
    origin: &Origin,
    path: &[String],
    place: Place<'_>,
    top: Place<'_>,
) -> Problem {
    let names = place.names();
    let elsewhere = || {
        top.names().into_iter().find(|section| {
            top.key(section)
                .is_some_and(|inner| inner.names().contains(&key))
        })
    };
    let question = match (suggest::nearest(key, names.iter().copied()), elsewhere()) {
        (None, Some(section)) => format!("; it belongs under `{section}:`"),
        _ => suggest::question(key, names.iter().copied()),
    };
    Problem {
        origin: origin.clone(),
        key: path.join("."),
        message: format!("unknown key{question}"),
    }
}

/// Names that must exist elsewhere in the same tree: a model's provider, the strategy's models.
fn references(tree: &Node) -> Vec<Problem> {
    let names = |section: &str| -> Vec<String> {
        match tree.get(&[section.to_owned()]).map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.iter().map(|entry| entry.key.clone()).collect(),
            _ => Vec::new(),
        }
    };
    let (providers, models) = (names("providers"), names("models"));
    let mut problems = Vec::new();
    let mut check = |path: &[&str], known: &[String], what: &str| {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        let Some(node) = tree.get(&path) else { return };
        let Value::Text(name) = &node.value else {
            return;
        };
        let direct = name
            .split_once('/')
            .is_some_and(|(provider, _)| providers.iter().any(|known| known == provider));
        let known_here = known.contains(name) || (what == "model" && direct);
        if !known_here {
            let question = suggest::question(name, known.iter().map(String::as_str));
            let message = format!("no {what} is called `{name}`{question}");
            problems.push(Problem {
                origin: node.origin.clone(),
                key: path.join("."),
                message,
            });
        }
    };
    for model in &models {
        check(&["models", model, "provider"], &providers, "provider");
    }
    check(&["tools", "embeddings", "provider"], &providers, "provider");
    for role in [
        "default_model",
        "planner_model",
        "coder_model",
        "critic_model",
        "completer_model",
    ] {
        check(&["strategy", role], &models, "model");
    }
    if let Some(Value::List(items)) = tree
        .get(&["strategy".into(), "fallbacks".into()])
        .map(|node| &node.value)
    {
        for index in 0..items.len() {
            check(
                &["strategy", "fallbacks", &index.to_string()],
                &models,
                "model",
            );
        }
    }
    problems.extend(without_embeddings(tree));
    problems
}

/// A provider that is asked for embeddings and makes none.
fn without_embeddings(tree: &Node) -> Option<Problem> {
    let text = |path: &[&str]| {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        match tree.get(&path).map(|node| (&node.value, &node.origin)) {
            Some((Value::Text(text), origin)) => Some((text.clone(), origin.clone())),
            _ => None,
        }
    };
    let path = ["tools", "embeddings", "provider"];
    let (name, origin) = text(&path)?;
    let (word, _) = text(&["providers", &name, "type"])?;
    let kind: llm::Kind = serde_json::from_value(word.clone().into()).ok()?;
    (!kind.has_embeddings()).then(|| Problem {
        origin,
        key: path.join("."),
        message: format!(
            "`{name}` is of type `{word}`, which makes no embeddings; name one of type openai, openai_compatible, openrouter or ollama"
        ),
    })
}

/// A key without a value means its default.
fn drop_nulls(json: serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(entries) => entries
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, drop_nulls(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other,
    }
}

fn segment(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The parser's words without the names of our types.
fn plain(message: &str) -> String {
    match message.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a mapping of keys"),
        None => message
            .replace("expected u64", "expected a whole number from 0")
            .replace("expected u32", "expected a whole number from 0")
            .replace("expected usize", "expected a whole number from 0")
            .replace("expected f32", "expected a number")
            .replace("expected a boolean", "expected true or false")
            .replace("unknown variant", "unknown word"),
    }
}
