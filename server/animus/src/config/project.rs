//! Project file: `animus.yaml` beside the code. The repository is not trusted, so it can tighten limits and do nothing else;
//! whatever else it says is ignored and listed with its line.

use super::Problem;
use super::tree::{Entry, Node, Origin, Value};
use serde_json::Value as Json;

const TEST_COMMAND: &str = "agent.test_command";

/// The test command that a project file asks for: a wish until a person trusts it.
pub fn wished_test_command(project: &Node) -> Option<String> {
    let path = TEST_COMMAND
        .split('.')
        .map(str::to_owned)
        .collect::<Vec<_>>();
    match &project.get(&path)?.value {
        Value::Text(line) if !line.trim().is_empty() => Some(line.clone()),
        _ => None,
    }
}

/// What a key may do from a project file.
enum Rule {
    /// More entries, never fewer.
    Extend,
    /// More rules about commands, none of which allows anything.
    Stricter,
    /// Only this word.
    Only(Json),
    /// Only a smaller number than what stands.
    Lower,
    /// Nothing; the reason is for people.
    Never(&'static str),
}

fn rule(key: &str) -> Rule {
    match key {
        "sandbox.denied_commands" => Rule::Extend,
        "sandbox.rules" => Rule::Stricter,
        "sandbox.allow_network" | "sandbox.allow_write" => Rule::Only(false.into()),
        "tools.allow_exec"
        | "tools.allow_git"
        | "tools.allow_file_write"
        | "tools.enable_semantic"
        | "tools.semantic_rewrite"
        | "memory.enabled"
        | "completion.enabled"
        | "agent.guides" => Rule::Only(false.into()),
        "sandbox.enabled"
        | "agent.enable_reflect"
        | "agent.enable_self_diff"
        | "agent.enable_test_run" => Rule::Only(true.into()),
        "sandbox.degrade" => Rule::Only("refuse".into()),
        "agent.reflection_policy" => Rule::Only("block_on_critical".into()),
        "agent.land" => Rule::Only("review".into()),
        "agent.profile" => Rule::Only("safe".into()),
        "sandbox.timeout_seconds"
        | "sandbox.memory_mb"
        | "tools.exec_timeout_seconds"
        | "tools.semantic_max_files"
        | "tools.semantic_max_file_bytes"
        | "tools.semantic_max_vectors"
        | "memory.max_items"
        | "memory.max_bytes"
        | "agent.max_steps"
        | "agent.max_tokens"
        | "agent.max_context_bytes"
        | "agent.test_retries"
        | "agent.test_timeout_seconds"
        | "agent.approval_timeout_seconds"
        | "agent.max_context_tokens"
        | "strategy.max_expensive"
        | "budget.run_usd"
        | "budget.session_usd"
        | "budget.day_usd" => Rule::Lower,
        key if key.starts_with("budget.role_usd.") => Rule::Lower,
        "version" => Rule::Never("read, and without effect here"),
        TEST_COMMAND => Rule::Never(
            "a project file starts no command; you are asked whether to trust it when tests are to run",
        ),
        key if key.starts_with("providers.")
            || key.starts_with("models.")
            || key.starts_with("tools.embeddings")
            || key.starts_with("strategy.")
            || key == "budget.unknown_price" =>
        {
            Rule::Never("models and their servers come from your own file only")
        }
        _ => Rule::Never("a project file can only tighten limits"),
    }
}

/// The user's tree tightened by the project's, and what was ignored. `defaults` are the values where the user wrote none; `wrong`
/// says what is wrong with a tree, so that no value of a repository can stop a run.
pub fn tighten(
    user: Node,
    project: &Node,
    defaults: &Json,
    wrong: impl Fn(&Node) -> Option<String>,
) -> (Node, Vec<Problem>) {
    // A tree that is wrong without the project is the user's to mend.
    let judges = wrong(&user).is_none();
    let wrong = |tree: &Node| wrong(tree).filter(|_| judges);
    let mut ignored = Vec::new();
    let mut tree = user;
    let mut leaves = Vec::new();
    collect(project, &mut Vec::new(), &mut leaves);
    for (path, entry) in leaves {
        let key = path.join(".");
        let standing = tree
            .get(&path)
            .map(Node::to_json)
            .or_else(|| below(defaults, &path).cloned());
        if let Rule::Stricter = rule(&key) {
            let (all, refused) = stricter(tree.get(&path), &entry.node);
            tree = take(tree, &path, all, entry, &wrong, &mut ignored);
            ignored.extend(refused.into_iter().map(|origin| Problem {
                origin,
                key: key.clone(),
                message: "ignored: a project file can only add rules that ask or deny".to_owned(),
            }));
            continue;
        }
        match judge(&key, standing.as_ref(), &entry.node) {
            Ok(Some(node)) => tree = take(tree, &path, node, entry, &wrong, &mut ignored),
            Ok(None) => {}
            Err(message) => ignored.push(Problem {
                origin: entry.origin.clone(),
                key,
                message,
            }),
        }
    }
    (tree, ignored)
}

/// The tree with a value of the project, unless that makes it wrong.
fn take(
    tree: Node,
    path: &[String],
    node: Node,
    entry: &Entry,
    wrong: &impl Fn(&Node) -> Option<String>,
    ignored: &mut Vec<Problem>,
) -> Node {
    let tightened = tree.clone().with(path, node);
    match wrong(&tightened) {
        None => tightened,
        Some(message) => {
            ignored.push(Problem {
                origin: entry.origin.clone(),
                key: path.join("."),
                message: format!("ignored: {message}"),
            });
            tree
        }
    }
}

/// The user's rules with those of the project that ask or deny, and where the others stand. What is no rule at all is left for the
/// check of the whole.
fn stricter(standing: Option<&Node>, added: &Node) -> (Node, Vec<Origin>) {
    let Value::List(items) = &added.value else {
        return (added.clone(), Vec::new());
    };
    let mut rules = match standing.map(|node| &node.value) {
        Some(Value::List(rules)) => rules.clone(),
        _ => Vec::new(),
    };
    let mut refused = Vec::new();
    for item in items {
        let decision = item.get(&["decision".to_owned()]).map(Node::to_json);
        match decision.as_ref().and_then(Json::as_str) {
            Some("allow") => refused.push(item.origin.clone()),
            _ => rules.push(item.clone()),
        }
    }
    let all = Node {
        value: Value::List(rules),
        origin: added.origin.clone(),
    };
    (all, refused)
}

fn judge(key: &str, standing: Option<&Json>, node: &Node) -> Result<Option<Node>, String> {
    let value = node.to_json();
    match rule(key) {
        Rule::Never("read, and without effect here") => Ok(None),
        Rule::Never(why) => Err(format!("ignored: {why}")),
        Rule::Only(word) if value == word => Ok(Some(node.clone())),
        Rule::Only(word) => match standing == Some(&value) {
            true => Ok(None),
            false => Err(format!("ignored: here it can only be set to {word}")),
        },
        Rule::Lower => match (value.as_f64(), standing.and_then(Json::as_f64)) {
            (Some(new), Some(old)) if new >= old => Err(format!("ignored: not lower than {old}")),
            (Some(_), _) => Ok(Some(node.clone())),
            (None, _) => Err("ignored: not a number".to_owned()),
        },
        // Taken care of where the user's own rules are at hand.
        Rule::Stricter => Ok(None),
        Rule::Extend => {
            let Value::List(items) = &node.value else {
                return Err("ignored: not a list".to_owned());
            };
            let before: Vec<Node> = standing
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .map(|word| Node {
                    value: Value::Text(word.to_owned()),
                    origin: node.origin.clone(),
                })
                .collect();
            let all = before.into_iter().chain(items.iter().cloned()).collect();
            Ok(Some(Node {
                value: Value::List(all),
                origin: node.origin.clone(),
            }))
        }
    }
}

/// Every key that is not itself a mapping. Below `providers` and `models` one line an entry is enough.
fn collect<'a>(node: &'a Node, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, &'a Entry)>) {
    let Value::Map(entries) = &node.value else {
        return;
    };
    for entry in entries {
        path.push(entry.key.clone());
        let whole = matches!(
            path.first().map(String::as_str),
            Some("providers" | "models")
        ) && path.len() == 2;
        match &entry.node.value {
            Value::Map(_) if !whole => collect(&entry.node, path, leaves),
            Value::Null => {}
            _ => leaves.push((path.clone(), entry)),
        }
        path.pop();
    }
}

fn below<'a>(json: &'a Json, path: &[String]) -> Option<&'a Json> {
    path.iter().try_fold(json, |json, key| json.get(key))
}
