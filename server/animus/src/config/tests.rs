//! Layers, places of errors, and what a project file may not do: files as text in, messages out.
#![allow(clippy::disallowed_methods, reason = "tests write their own fixtures")]

mod editor;
mod projects;
mod schema;

use super::{Loaded, Places, Schema, load};
use camino::{Utf8Path, Utf8PathBuf};
use expect_test::{Expect, expect};
use std::collections::BTreeMap;

struct Case<'a> {
    user: Option<&'a str>,
    project: Option<&'a str>,
    vars: &'a [(&'a str, &'a str)],
}

const EMPTY: Case<'static> = Case {
    user: None,
    project: None,
    vars: &[],
};

fn run(case: &Case<'_>) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap().to_owned();
    let user = root.join("user.yaml");
    if let Some(text) = case.user {
        std::fs::write(&user, text).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&user, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }
    std::fs::create_dir(root.join("ws")).unwrap();
    if let Some(text) = case.project {
        std::fs::write(root.join("ws/animus.yaml"), text).unwrap();
    }
    let vars: BTreeMap<_, _> = case
        .vars
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    load(&Places {
        named: None,
        user: Some(user),
        editor: &serde_json::Value::Null,
        root: &root.join("ws"),
        vars: &vars,
    })
    .map_err(|failure| failure.message.replace(root.as_str(), "DIR"))
}

fn broken(user: &str, expect: Expect) {
    let message = run(&Case {
        user: Some(user),
        ..EMPTY
    })
    .expect_err("must be refused");
    expect.assert_eq(&message);
}

#[test]
fn every_key_of_the_original_is_read() {
    let text = r#"
version: "1.0"
logging: {level: info, format: json}
server: {addr: "0.0.0.0:9090", metrics_enabled: false, transport: connect}
providers:
  openrouter: {type: openrouter, base_url: https://openrouter.ai/api/v1, api_key: k, timeout: 60, max_tokens: 4096}
  local: {type: ollama, base_url: "http://localhost:11434"}
models:
  big: {provider: openrouter, model: a/b, temperature: 0.2, max_tokens: 2048, default: true, expensive: true}
  small: {provider: local, model: c}
sandbox:
  enabled: true
  allow_network: true
  allow_write: true
  allowed_commands: [cargo, go]
  denied_commands: ["rm -rf"]
  working_dir: .
  timeout_seconds: 30
tools:
  allow_exec: true
  allow_git: true
  allow_file_write: true
  exec_timeout_seconds: 20
  enable_semantic: true
  semantic_max_files: 100
  semantic_max_file_bytes: 1000
agent:
  max_steps: 8
  max_tokens: 1000
  temperature: 0.1
  enable_plan: true
  enable_reflect: true
  reflection_policy: warn_only
  enable_self_diff: true
  enable_test_run: true
  test_command: cargo test
  test_retries: 1
  test_timeout_seconds: 100
  max_context_bytes: 5000
strategy:
  default_model: big
  planner_model: big
  coder_model: small
  critic_model: small
  overrides: {critic: big}
  fallbacks: [small]
  max_expensive: 3
"#;
    let loaded = run(&Case {
        user: Some(text),
        ..EMPTY
    })
    .unwrap();
    assert_eq!(loaded.settings.agent.max_steps, 8);
    assert_eq!(loaded.settings.sandbox.allowed_commands, ["cargo", "go"]);
    assert_eq!(loaded.settings.models.len(), 2);
    assert_eq!(loaded.settings.server.addr, "0.0.0.0:9090");
    assert!(loaded.notes.is_empty() && loaded.ignored.is_empty());
}

#[test]
fn errors_name_file_line_column_key_and_the_nearest_word() {
    broken(
        "sandbox: {enabled: on}\n",
        expect![[
            r#"DIR/user.yaml:1:20: `sandbox.enabled`: invalid type: string "on", expected true or false"#
        ]],
    );
    broken(
        "sandbx: on\n",
        expect!["DIR/user.yaml:1:1: `sandbx`: unknown key; did you mean `sandbox`?"],
    );
    broken(
        "agent:\n  max_step: 3\n  enable_plan: true\ntool: {}\n",
        expect![[r#"
        DIR/user.yaml:2:3: `agent.max_step`: unknown key; did you mean `max_steps`?
        DIR/user.yaml:4:1: `tool`: unknown key; did you mean `tools`?"#]],
    );
    broken(
        "agent:\n  max_steps: many\n",
        expect![[
            r#"DIR/user.yaml:2:14: `agent.max_steps`: invalid type: string "many", expected a whole number from 0"#
        ]],
    );
    broken(
        "agent:\n  max_steps: -1\n",
        expect![
            "DIR/user.yaml:2:14: `agent.max_steps`: invalid value: integer `-1`, expected a whole number from 0"
        ],
    );
    broken(
        "agent:\n  reflection_policy: never\n",
        expect![
            "DIR/user.yaml:2:22: `agent.reflection_policy`: unknown word `never`, expected one of `block_on_critical`, `warn_only`, `never_block`"
        ],
    );
    broken(
        "agent: 3\n",
        expect![
            "DIR/user.yaml:1:8: `agent`: invalid type: integer `3`, expected a mapping of keys"
        ],
    );
    broken(
        "sandbox:\n  denied_commands: rm\n",
        expect![[
            r#"DIR/user.yaml:2:20: `sandbox.denied_commands`: invalid type: string "rm", expected a sequence"#
        ]],
    );
    broken(
        "sandbox:\n  test_command: rm\n",
        expect![
            "DIR/user.yaml:2:3: `sandbox.test_command`: unknown key; it belongs under `agent:`"
        ],
    );
    broken(
        "a: [1, 2\nb: }\n",
        expect!["DIR/user.yaml:2:2: not YAML: illegal placement of ':' indicator"],
    );
    broken(
        "a: 1\na: 2\n",
        expect!["DIR/user.yaml:2:1: not YAML: duplicate mapping key: a"],
    );
    broken(
        "- 1\n- 2\n",
        expect![[r#"
        DIR/user.yaml:1:1: the file must be a mapping of keys (`sandbox:`, `agent:`, …)
        DIR/user.yaml:2:3: `1`: invalid type: integer `2`, expected a mapping of keys"#]],
    );
    broken(
        "providers: {main: {type: openai}}\nmodels: {m: {provider: mian, model: x}}\nstrategy: {coder_model: n}\n",
        expect![[r#"
        DIR/user.yaml:2:24: `models.m.provider`: no provider is called `mian`; did you mean `main`?
        DIR/user.yaml:3:25: `strategy.coder_model`: no model is called `n`; did you mean `m`?"#]],
    );
    broken(
        "providers:\n  main:\n    type: opnai\n",
        expect![
            "DIR/user.yaml:3:11: `providers.main.type`: unknown word `opnai`, expected one of `openai`, `openai_responses`, `anthropic`, `gemini`, `openrouter`, `ollama`, `openai_compatible`, `scripted`"
        ],
    );
}

#[test]
fn an_alias_bomb_is_refused_and_nothing_hangs() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        let inner = format!("*a{}, ", n - 1).repeat(9);
        text.push_str(&format!("a{n}: &a{n} [{}]\n", inner.trim_end_matches(", ")));
    }
    let begun = std::time::Instant::now();
    assert!(
        run(&Case {
            user: Some(&text),
            ..EMPTY
        })
        .is_err()
    );
    assert!(begun.elapsed().as_millis() < 2_000, "{:?}", begun.elapsed());
    let deep = "[".repeat(20_000);
    assert!(
        run(&Case {
            user: Some(&deep),
            ..EMPTY
        })
        .is_err()
    );
}

#[test]
fn empty_files_mean_the_defaults() {
    for text in [
        "",
        "\n\n",
        "# nothing\n",
        "\u{feff}",
        "agent:\nsandbox:\n  timeout_seconds:\n",
        "---\n",
    ] {
        let loaded = run(&Case {
            user: Some(text),
            project: Some(text),
            ..EMPTY
        });
        assert!(loaded.is_ok(), "{text:?}: {loaded:?}");
    }
}

#[test]
fn the_environment_overrides_files_and_animus_wins_over_mycodex() {
    let user = "providers: {my-router: {type: openrouter}}\nsandbox: {allow_network: false}\n";
    let vars = [
        ("MYCODEX_SERVER_TRANSPORT", "ndjson"),
        ("MYCODEX_PROVIDERS_OPENROUTER_API_KEY", "sk-1"),
        ("MYCODEX_AGENT_MAX_STEPS", "3"),
        ("ANIMUS_AGENT_MAX_STEPS", "4"),
        ("ANIMUS_PROVIDERS_MY_ROUTER_BASE_URL", "http://127.0.0.1:1"),
        ("ANIMUS_SANDBOX_ALLOW_NETWORK", "true"),
        ("ANIMUS_SANDBOX_DENIED_COMMANDS", "git push, docker"),
        ("ANIMUS_MODELS_FAST_PROVIDER", "openrouter"),
        ("ANIMUS_MODELS_FAST_MODEL", "12"),
        ("ANIMUS_AGENT_TEMPERATURE", "0.5"),
        ("ANIMUS_BIN", "/somewhere/animus"),
        ("ANIMUS_STATE_DIR", "/tmp/x"),
    ];
    let project = "sandbox: {allow_network: false}\n";
    let loaded = run(&Case {
        user: Some(user),
        project: Some(project),
        vars: &vars,
    })
    .unwrap();
    let settings = &loaded.settings;
    assert_eq!(settings.server.transport, rpc::Transport::Ndjson);
    assert_eq!(settings.agent.max_steps, 4);
    assert_eq!(
        settings.providers["my-router"].base_url.as_deref(),
        Some("http://127.0.0.1:1")
    );
    assert!(settings.providers["openrouter"].api_key.is_some());
    assert!(settings.sandbox.allow_network);
    assert_eq!(settings.sandbox.denied_commands, ["git push", "docker"]);
    assert_eq!(settings.models["fast"].model, "12");
    assert_eq!(settings.agent.temperature, Some(0.5));

    let vars = [
        ("ANIMUS_SANDBOX_ALOW_NETWORK", "true"),
        ("ANIMUS_AGENT_ENABLE_PLAN", "perhaps"),
    ];
    let error = run(&Case {
        vars: &vars,
        ..EMPTY
    })
    .unwrap_err();
    expect![[r#"
        environment variable ANIMUS_AGENT_ENABLE_PLAN: `agent.enable_plan`: `perhaps` is neither true nor false
        environment variable ANIMUS_SANDBOX_ALOW_NETWORK: `sandbox.alow_network`: unknown key; did you mean `allow_network`?"#]].assert_eq(&error);
}

#[test]
fn m3_keys_come_from_named_variables_and_are_not_shown() {
    let user = "providers:\n  a: {type: openai_compatible, base_url: 'http://x', api_key_env: MY_KEY}\n  b: {type: openai, base_url: 'http://y'}\n  c: {type: anthropic}\n  d: {type: openai_compatible, base_url: 'http://z', api_key_env: MISSING}\n";
    let vars = [
        ("MY_KEY", "sk-secret-1"),
        ("OPENAI_API_KEY", "sk-secret-2"),
        ("ANTHROPIC_API_KEY", "sk-secret-3"),
    ];
    let loaded = run(&Case {
        user: Some(user),
        vars: &vars,
        ..EMPTY
    })
    .unwrap();
    let has = |name: &str| loaded.settings.providers[name].api_key.is_some();
    // The key of one server is never sent to another: `b` names its own address.
    assert_eq!(
        [has("a"), has("b"), has("c"), has("d")],
        [true, false, true, false]
    );
    assert_eq!(loaded.notes.len(), 1, "{:?}", loaded.notes);
    assert!(!format!("{loaded:?}").contains("secret"));
    assert!(
        !serde_json::to_string(&loaded.settings)
            .unwrap()
            .contains("secret")
    );
}

#[cfg(unix)]
#[test]
fn a_key_in_a_file_that_everybody_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().join("c.yaml")).unwrap();
    std::fs::write(
        &path,
        "providers: {a: {type: openai, api_key: sk-secret}}\n",
    )
    .unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let places = Places {
        named: Some(path.clone()),
        user: None,
        editor: &serde_json::Value::Null,
        root: Utf8Path::new("/nowhere"),
        vars: &BTreeMap::new(),
    };
    let message = load(&places).unwrap_err().message;
    assert!(
        message.contains("everybody can write")
            && message.contains("chmod 600")
            && !message.contains("sk-"),
        "{message}"
    );
}

#[test]
fn a_named_file_must_exist() {
    let named = Some(Utf8PathBuf::from("/nowhere/animus.yaml"));
    let places = Places {
        named,
        user: None,
        editor: &serde_json::Value::Null,
        root: Utf8Path::new("/nowhere"),
        vars: &BTreeMap::new(),
    };
    expect!["/nowhere/animus.yaml: there is no such file (named by --config or ANIMUS_CONFIG)"]
        .assert_eq(&load(&places).unwrap_err().message);
}

#[test]
fn embeddings_need_a_provider_that_makes_them() {
    let with = |rest: &str| {
        format!(
            "providers:\n  local: {{type: ollama}}\n  claude: {{type: anthropic}}\ntools:\n  embeddings: {rest}\n"
        )
    };
    let good = run(&Case {
        user: Some(&with("{provider: local, model: nomic-embed-text}")),
        ..EMPTY
    });
    let named = good.unwrap().settings.tools.embeddings.unwrap();
    assert_eq!(
        (named.provider.as_str(), named.model.as_str()),
        ("local", "nomic-embed-text")
    );
    broken(
        &with("{provider: locl, model: m}"),
        expect![
            "DIR/user.yaml:5:26: `tools.embeddings.provider`: no provider is called `locl`; did you mean `local`?"
        ],
    );
    broken(
        &with("{provider: claude, model: m}"),
        expect![
            "DIR/user.yaml:5:26: `tools.embeddings.provider`: `claude` is of type `anthropic`, which makes no embeddings; name one of type openai, openai_compatible, openrouter or ollama"
        ],
    );
    broken(
        &with("{provider: local, modl: m}"),
        expect!["DIR/user.yaml:5:33: `tools.embeddings.modl`: unknown key; did you mean `model`?"],
    );
    broken(
        &with("{provider: local}"),
        expect![[r#"DIR/user.yaml:5:15: `tools.embeddings`: missing field `model`"#]],
    );
}

#[test]
fn every_default_is_a_key_of_the_schema_and_the_example_file_holds() {
    let schema = Schema::new();
    let defaults = serde_json::to_value(super::Settings::default()).unwrap();
    for (section, keys) in defaults.as_object().unwrap() {
        let place = schema
            .root()
            .key(section)
            .unwrap_or_else(|| panic!("{section}"));
        for key in keys.as_object().into_iter().flatten().map(|(key, _)| key) {
            assert!(place.names().contains(&key.as_str()), "{section}.{key}");
        }
    }
    let example = include_str!("../../../../configs/config.example.yaml");
    let loaded = run(&Case {
        user: Some(example),
        ..EMPTY
    })
    .unwrap();
    assert!(!loaded.settings.models.is_empty());
    // Every key there is stands in the example, as a setting or as a comment.
    for section in schema.root().names() {
        for key in schema.root().key(section).unwrap().names() {
            assert!(
                example.contains(&format!("{key}:")),
                "{section}.{key} is missing in config.example.yaml"
            );
        }
    }
}

#[test]
fn what_no_run_would_take_is_named_with_its_place() {
    for (text, place, words) in [
        (
            "budget: {role_usd: {critc: 1}}",
            "1:21: `budget.role_usd.critc`",
            "roles: planner",
        ),
        (
            "budget: {run_usd: -1}",
            "1:10: `budget.run_usd`",
            "from 0 to",
        ),
        (
            "budget: {warn_percent: 101}",
            "1:10: `budget.warn_percent`",
            "from 0 to 100",
        ),
        (
            "strategy: {attempts: 0}",
            "1:12: `strategy.attempts`",
            "from 1 to 10",
        ),
        (
            "providers: {p: {type: ollama}}\nmodels: {m: {provider: p, model: x}}\nstrategy: {overrides: {coderr: m}}",
            "3:12: `strategy.overrides`",
            "coderr",
        ),
        (
            "projects: {/x: {budget: {day_usd: -2}}}",
            "1:26: `projects./x.budget.day_usd`",
            "from 0 to",
        ),
    ] {
        let user = Case {
            user: Some(text),
            ..EMPTY
        };
        let message = run(&user).unwrap_err();
        assert!(
            message.contains(place) && message.contains(words),
            "{text}: {message}"
        );
    }
}

#[test]
fn what_any_text_fits_is_judged_by_its_meaning() {
    broken(
        "version: 2\n",
        expect!["DIR/user.yaml:1:10: `version`: this program reads files of version 1, not 2"],
    );
    broken(
        "server:\n  addr: localhost\n",
        expect![
            "DIR/user.yaml:2:9: `server.addr`: `localhost` is not HOST:PORT (there is no port); use 127.0.0.1:7777"
        ],
    );
    broken(
        "telemetry: {otlp_endpoint: 'collector:4318'}\n",
        expect![
            "DIR/user.yaml:1:28: `telemetry.otlp_endpoint`: must start with http:// or https://"
        ],
    );
    broken(
        "telemetry: {sample_percent: 101}\n",
        expect!["DIR/user.yaml:1:29: `telemetry.sample_percent`: 101 is not from 0 to 100"],
    );
}

#[test]
fn a_repository_sends_no_traces() {
    let loaded = run(&Case {
        project: Some("telemetry: {otlp_endpoint: 'http://elsewhere:4318'}\n"),
        ..EMPTY
    })
    .unwrap();
    assert_eq!(loaded.settings.telemetry.otlp_endpoint, None);
    assert_eq!(loaded.ignored.len(), 1);
}

#[test]
fn every_wrong_value_is_named_beside_unknown_keys() {
    let text = "agnet: {}\nlogging: {level: loud, colour: x, format: 3}\nagent: {max_steps: many, max_tokens: -1}\nmodels: {m.1: {provider: 7}}\n";
    broken(
        text,
        expect![[r#"
        DIR/user.yaml:1:1: `agnet`: unknown key; did you mean `agent`?
        DIR/user.yaml:2:24: `logging.colour`: unknown key; possible here: `format`, `level`
        DIR/user.yaml:3:20: `agent.max_steps`: invalid type: string "many", expected a whole number from 0
        DIR/user.yaml:3:38: `agent.max_tokens`: invalid value: integer `-1`, expected a whole number from 0
        DIR/user.yaml:2:43: `logging.format`: invalid type: integer `3`, expected string or map
        DIR/user.yaml:2:18: `logging.level`: unknown word `loud`, expected one of `error`, `warn`, `warning`, `info`, `debug`, `trace`
        DIR/user.yaml:4:26: `models.m.1.provider`: invalid type: integer `7`, expected a string"#]],
    );
}

#[test]
fn an_alias_inside_itself_is_told_in_plain_words() {
    broken(
        "agent: &a\n  test_command: *a\n",
        expect![
            "DIR/user.yaml:2:17: not YAML: an alias (`*name`) stands inside what it repeats (`&name`), which would never end"
        ],
    );
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_noted() {
    let folder = tempfile::tempdir().unwrap();
    let root = Utf8Path::from_path(folder.path()).unwrap();
    let path = root.join("user.yaml");
    let noted = |text: &str, mode: u32| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        load(&Places {
            named: Some(path.clone()),
            user: None,
            root,
            editor: &serde_json::Value::Null,
            vars: &BTreeMap::new(),
        })
        .unwrap()
        .notes
    };
    let key = "providers: {openai: {type: openai, api_key: sk-secret}}\n";
    for mode in [0o644, 0o640, 0o604] {
        let notes = noted(key, mode);
        assert!(
            notes.len() == 1
                && notes[0].contains("chmod 600")
                && notes[0].contains("providers.openai.api_key")
                && !notes[0].contains("sk-secret"),
            "{mode:o}: {notes:?}"
        );
    }
    assert_eq!(noted(key, 0o600), Vec::<String>::new());
    assert_eq!(
        noted("agent: {max_steps: 3}\n", 0o644),
        Vec::<String>::new()
    );
}
