//! Validation of tool input against the tool's JSON Schema (A2): invalid input never reaches a tool, and the refusal lists
//! every violation, so that one more turn can mend them all.

use protocol::{Code, Failure};
use serde_json::Value;

/// A compiled schema.
pub struct Shape {
    validator: jsonschema::Validator,
    schema: Value,
}

impl Shape {
    /// Compiles a schema that `schemars` made.
    ///
    /// # Errors
    /// `internal` for a schema that is none: a defect of ours.
    pub fn of(schema: &Value) -> Result<Shape, Failure> {
        jsonschema::validator_for(schema)
            .map(|validator| Shape {
                validator,
                schema: schema.clone(),
            })
            .map_err(|error| {
                Failure::new(
                    Code::Internal,
                    format!("a tool's schema is broken: {error}"),
                )
            })
    }

    /// What it was made of.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Checks input.
    ///
    /// # Errors
    /// `invalid_input` with every violation, one a line.
    pub fn check(&self, tool: &str, input: &Value) -> Result<(), Failure> {
        let violations = self.violations(input);
        match violations.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(
                Code::InvalidInput,
                format!(
                    "{tool}: the arguments do not fit the schema:\n- {}",
                    violations.join("\n- ")
                ),
            )
            .hint("call it again with all of these mended")),
        }
    }

    /// Every violation, with its place as a JSON pointer.
    pub fn violations(&self, value: &Value) -> Vec<String> {
        let told = |error: jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            match place.as_str() {
                "" => error.to_string(),
                place => format!("at {place}: {error}"),
            }
        };
        self.validator.iter_errors(value).map(told).collect()
    }
}

/// A tool's schema as models read it: without the words that only cost tokens, and with `properties` also where there are none,
/// since servers refuse a tool whose schema is an object without.
pub fn slim<T: schemars::JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    strip(&mut schema);
    if let Value::Object(root) = &mut schema {
        root.entry("properties")
            .or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    schema
}

/// The schema as models are told it: what may be left out is known by `required`, so that `null` and its kind only cost tokens.
/// Input is held against the whole one.
pub fn told(schema: &Value) -> Value {
    let Value::Object(words) = schema else {
        return schema.clone();
    };
    let mut told = serde_json::Map::new();
    for (word, said) in words {
        let said = match (word.as_str(), said) {
            ("default", Value::Null) => continue,
            ("minimum", least) if least.as_u64() == Some(0) => continue,
            ("type", Value::Array(types)) => match types.as_slice() {
                [one, Value::String(null)] if null == "null" => one.clone(),
                _ => said.clone(),
            },
            ("properties" | "$defs", Value::Object(named)) => named
                .iter()
                .map(|(name, schema)| (name.clone(), self::told(schema)))
                .collect(),
            ("items", schema) => self::told(schema),
            _ => said.clone(),
        };
        told.insert(word.clone(), said);
    }
    Value::Object(told)
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for word in ["$schema", "title", "format"] {
                if map.get(word).is_some_and(|v| !v.is_object()) {
                    map.remove(word);
                }
            }
            map.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(schemars::JsonSchema)]
    #[schemars(deny_unknown_fields)]
    #[expect(dead_code)]
    struct Input {
        path: String,
        lines: Option<u32>,
    }

    #[derive(schemars::JsonSchema)]
    #[schemars(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn a_tool_that_takes_nothing_has_properties_all_the_same() {
        let schema = slim::<Nothing>();
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {}, "additionalProperties": false})
        );
        let shape = Shape::of(&schema).unwrap();
        assert!(shape.check("t", &json!({})).is_ok());
        assert!(shape.check("t", &json!({"a": 1})).is_err());
    }

    #[test]
    fn models_are_told_no_words_that_only_cost() {
        let schema = slim::<Input>();
        let optional = &schema["properties"]["lines"];
        assert_eq!(optional["type"], json!(["integer", "null"]));
        let told = told(&schema);
        assert_eq!(told["properties"]["lines"], json!({"type": "integer"}));
        assert_eq!(told["required"], schema["required"]);
        // A property may have any name.
        let odd = json!({"properties": {"default": {"type": ["string", "null"], "default": null}}});
        let plain = json!({"properties": {"default": {"type": "string"}}});
        assert_eq!(self::told(&odd), plain);
        // What models leave out or write as null fits all the same.
        let shape = Shape::of(&schema).unwrap();
        assert!(
            shape
                .check("t", &json!({"path": "a", "lines": null}))
                .is_ok()
        );
    }

    #[test]
    fn a2_every_violation_is_listed() {
        let shape = Shape::of(&slim::<Input>()).unwrap();
        assert!(shape.check("t", &json!({"path": "a", "lines": 3})).is_ok());
        let failure = shape
            .check("t", &json!({"lines": "x", "extra": 1}))
            .unwrap_err();
        assert_eq!(failure.code, Code::InvalidInput);
        for part in ["path", "extra", "lines"] {
            assert!(failure.message.contains(part), "{}", failure.message);
        }
    }
}
