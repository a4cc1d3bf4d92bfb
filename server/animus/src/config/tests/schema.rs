//! The schema as editors use it: a validator takes it, it takes the example and what the program takes, and nothing else.

use super::{Case, EMPTY, Schema, run};
use serde_json::{Value, json};

fn validator() -> jsonschema::Validator {
    let schema = Schema::new();
    assert!(jsonschema::meta::is_valid(schema.json()));
    jsonschema::validator_for(schema.json()).unwrap()
}

#[test]
fn a_validator_takes_the_schema_and_the_example() {
    let example = include_str!("../../../../../configs/config.example.yaml");
    let example: Value = serde_saphyr::from_str(example).unwrap();
    let errors: Vec<String> = validator()
        .iter_errors(&example)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn schema_and_program_refuse_the_same() {
    let validator = validator();
    for (yaml, good) in [
        ("version: 1", true),
        ("version: '1.0'", true),
        ("version: [1]", false),
        ("verison: 1", false),
        ("logging: {level: warn}", true),
        ("logging: {level: loud}", false),
        ("logging: {colour: red}", false),
        ("server: {metrics_enabled: maybe}", false),
        ("agent: {max_steps: 3}", true),
        ("agent: {max_steps: -3}", false),
        ("agent: {max_steps: three}", false),
        ("agent: {reflection_policy: never_block}", true),
        ("agent: {reflection_policy: sometimes}", false),
        ("telemetry: {service_name: a, sample_percent: 2.5}", true),
        ("telemetry: {sample: 2}", false),
        ("providers: {a: {type: ollama}}", true),
        ("providers: {a: {type: ollama, adress: x}}", false),
        ("projects: {/x: {agent: {max_steps: 1}}}", true),
        ("projects: {/x: {server: {addr: ':1'}}}", false),
    ] {
        let value: Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(validator.is_valid(&value), good, "the schema: {yaml}");
        let taken = run(&Case {
            user: Some(yaml),
            ..EMPTY
        });
        assert_eq!(taken.is_ok(), good, "the program: {yaml}");
    }
}

/// What editors show of a key is its description, and what they complete is closed.
#[test]
fn every_section_is_closed_and_every_key_described() {
    fn walk(node: &Value, at: &str) {
        if let Some(keys) = node.get("properties").and_then(Value::as_object) {
            assert_eq!(node["additionalProperties"], json!(false), "{at} is open");
            for (key, about) in keys {
                let described = about.get("description").is_some();
                assert!(described, "{at}.{key} has no description");
            }
        }
        match node {
            Value::Object(all) => all
                .iter()
                .for_each(|(key, inner)| walk(inner, &format!("{at}.{key}"))),
            Value::Array(all) => all.iter().for_each(|inner| walk(inner, at)),
            _ => {}
        }
    }
    let schema = Schema::new();
    assert_eq!(schema.json()["title"], "Animus configuration");
    walk(schema.json(), "");
}
