//! Proto: the messages and services of the `.proto` files, and the files themselves, as they ship in the program.

#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::too_many_lines,
    unused,
    reason = "generated"
)]
mod generated {
    connectrpc::include_generated!();
}

pub(crate) use generated::animus::v1 as animus;
pub(crate) use generated::connect::agent::v1 as seed;

use buffa_types::google::protobuf::{ListValue, Struct, Value as Any};
use protocol::{Code, Failure};
use serde_json::Value;

/// What a client needs: where it stands below an include folder, and its bytes. The last is the compiled set of all.
pub const FILES: [(&str, &[u8]); 3] = [
    (
        "animus/v1/agent.proto",
        include_bytes!("../proto/animus/v1/agent.proto"),
    ),
    (
        "connect/agent/v1/agent.proto",
        include_bytes!("../proto/connect/agent/v1/agent.proto"),
    ),
    (
        "animus.protoset",
        include_bytes!(concat!(env!("OUT_DIR"), "/animus.protoset")),
    ),
];

/// A JSON object as a `Struct`; anything else becomes the field `value` of one.
pub(crate) fn to_struct(value: Value) -> Struct {
    let fields = match value {
        Value::Object(fields) => fields,
        other => [("value".to_owned(), other)].into_iter().collect(),
    };
    fields
        .into_iter()
        .map(|(name, value)| (name, to_any(value)))
        .collect()
}

fn to_any(value: Value) -> Any {
    match value {
        Value::Null => Any::null(),
        Value::Bool(flag) => flag.into(),
        Value::Number(number) => number.as_f64().map_or_else(Any::null, Any::from),
        Value::String(text) => text.into(),
        Value::Array(items) => ListValue::from_values(items.into_iter().map(to_any)).into(),
        object @ Value::Object(_) => to_struct(object).into(),
    }
}

/// A `Struct` as a JSON object. Whole numbers are written without a point, so that they fit where a count is meant.
///
/// # Errors
/// `invalid_input` for a number that JSON does not have.
pub(crate) fn to_json(fields: &Struct) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(fields).map_err(|error| {
        Failure::new(
            Code::InvalidInput,
            format!("this is no JSON object: {error}"),
        )
    })?;
    whole(&mut value);
    Ok(value)
}

/// Largest count up to which every whole number is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes whole numbers without a point.
pub(crate) fn whole(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() <= EXACT
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and fits")]
                let exact = float as i64;
                *number = exact.into();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole),
        Value::Object(fields) => fields.values_mut().for_each(whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_survive_the_way_there_and_back() {
        for value in [
            json!({}),
            json!({"a": 1, "b": [1.5, null, true, {"c": "x"}], "d": -7, "e": 1_000_000_007u64}),
        ] {
            assert_eq!(to_json(&to_struct(value.clone())).unwrap(), value);
        }
        assert_eq!(
            to_json(&to_struct(json!([1]))).unwrap(),
            json!({"value": [1]})
        );
    }
}
