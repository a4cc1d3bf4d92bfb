//! The layer of an editor's settings: over the user's file, under the project's and the environment.

use super::*;
use crate::config::Settings;
use serde_json::{Value, json};

fn with(editor: &Value, case: &Case<'_>) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let user = root.join("user.yaml");
    std::fs::write(&user, case.user.unwrap_or_default()).unwrap();
    if let Some(text) = case.project {
        std::fs::write(root.join("animus.yaml"), text).unwrap();
    }
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let vars: BTreeMap<String, String> = case.vars.iter().map(owned).collect();
    let places = Places {
        named: None,
        user: Some(user),
        editor,
        root,
        vars: &vars,
    };
    load(&places).map_err(|failure| failure.message)
}

#[test]
fn an_editor_speaks_over_the_users_file_and_under_project_and_environment() {
    let editor = json!({
        "agent": {"max_steps": 7, "test_retries": 4, "profile": null},
        "sandbox": {"denied_commands": ["docker"], "timeout_seconds": 50},
    });
    let case = Case {
        user: Some(
            "agent: {max_steps: 3, profile: safe}\nsandbox: {denied_commands: [git push]}\n",
        ),
        project: Some("agent: {test_retries: 1}\nsandbox: {denied_commands: [curl]}\n"),
        vars: &[("ANIMUS_SANDBOX_TIMEOUT_SECONDS", "9")],
    };
    let settings = with(&editor, &case).unwrap().settings;
    assert_eq!(settings.agent.max_steps, 7);
    assert_eq!(settings.agent.test_retries, 1);
    assert_eq!(settings.sandbox.denied_commands, ["docker", "curl"]);
    assert_eq!(settings.sandbox.timeout_seconds, 9);
    let profile = serde_json::to_value(settings.agent.profile).unwrap();
    assert_eq!(profile, "safe", "null says nothing");
}

#[test]
fn what_an_editor_says_wrong_is_named() {
    for (editor, expected) in [
        (
            json!({"agent": {"max_step": 3}}),
            "the editor's settings: `agent.max_step`: ",
        ),
        (
            json!({"agent": {"max_step": 3}}),
            "did you mean `max_steps`",
        ),
        (
            json!({"agent": {"max_steps": "many"}}),
            "the editor's settings: `agent.max_steps`: ",
        ),
        (
            json!({"providers": {"a": {"type": "openai", "api_key": "sk-hidden"}}}),
            "`providers.a.api_key`: editors log",
        ),
        (
            json!({"projects": {"/x": {"agent": {"max_steps": 1}}}}),
            "belong into the user's file",
        ),
        (json!("agent"), "must be an object"),
        (json!([1]), "must be an object"),
    ] {
        let message = with(&editor, &EMPTY).expect_err(expected);
        assert!(message.contains(expected), "{editor}: {message}");
        assert!(!message.contains("sk-hidden"), "{message}");
    }
}

#[test]
fn an_editor_that_says_nothing_changes_nothing() {
    for editor in [json!(null), json!({}), json!({"agent": {}})] {
        let loaded = with(&editor, &EMPTY).unwrap();
        let plain = serde_json::to_value(Settings::default()).unwrap();
        assert_eq!(serde_json::to_value(loaded.settings).unwrap(), plain);
    }
}
