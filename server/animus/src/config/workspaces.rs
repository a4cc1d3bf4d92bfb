//! Workspaces: the section `projects` of the user's own file: settings of one folder and what lies below it, laid over the rest.
//! Unlike `animus.yaml` in a repository it may also loosen, since the user wrote it.

use super::Problem;
use super::tree::{Entry, Node, Value};
use camino::{Utf8Path, Utf8PathBuf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Settings of one folder.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Project {
    /// As the section of the same name.
    pub strategy: Option<llm::StrategyConfig>,
    /// As the section of the same name.
    pub budget: Option<llm::Budget>,
    /// As the section of the same name.
    pub sandbox: Option<sandbox::Config>,
    /// As the section of the same name.
    pub tools: Option<agent::ToolsConfig>,
    /// As the section of the same name.
    pub memory: Option<agent::MemoryConfig>,
    /// As the section of the same name.
    pub completion: Option<agent::CompletionConfig>,
    /// As the section of the same name.
    pub agent: Option<agent::Config>,
}

/// The tree with the settings of every project that `root` lies in, the nearest last.
///
/// # Errors
/// A folder that is neither absolute nor below `~/`.
pub fn apply(tree: Node, root: &Utf8Path, home: Option<&str>) -> Result<Node, Vec<Problem>> {
    let Some(Value::Map(projects)) = tree.get(&["projects".to_owned()]).map(|node| &node.value)
    else {
        return Ok(tree);
    };
    let mut mine: Vec<(Utf8PathBuf, Node)> = Vec::new();
    for project in projects {
        let folder = folder(project, home).map_err(|problem| vec![problem])?;
        if root.starts_with(&folder) {
            mine.push((folder, project.node.clone()));
        }
    }
    mine.sort_by_key(|(folder, _)| folder.components().count());
    let mut tree = tree;
    for (_, settings) in mine {
        tree = over(tree, &settings, &mut Vec::new());
    }
    Ok(tree)
}

/// Links are followed, as they are for the workspace.
fn folder(project: &Entry, home: Option<&str>) -> Result<Utf8PathBuf, Problem> {
    let below_home = project
        .key
        .strip_prefix("~/")
        .or(match project.key.as_str() {
            "~" => Some(""),
            _ => None,
        });
    let path = match (below_home, home) {
        (Some(rest), Some(home)) => Utf8Path::new(home).join(rest),
        _ => Utf8PathBuf::from(&project.key),
    };
    match path.is_absolute() {
        true => Ok(path.canonicalize_utf8().unwrap_or(path)),
        false => Err(Problem {
            origin: project.origin.clone(),
            key: format!("projects.{}", project.key),
            message:
                "a project is named by its folder: an absolute path, or one that begins with ~/"
                    .to_owned(),
        }),
    }
}

/// Every value of `settings` in its place; mappings are joined, all else is replaced.
fn over(mut tree: Node, settings: &Node, path: &mut Vec<String>) -> Node {
    let Value::Map(entries) = &settings.value else {
        return tree;
    };
    for entry in entries {
        path.push(entry.key.clone());
        tree = match &entry.node.value {
            Value::Map(_) => over(tree, &entry.node, path),
            Value::Null => tree,
            _ => tree.with(path, entry.node.clone()),
        };
        path.pop();
    }
    tree
}
