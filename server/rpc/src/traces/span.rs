//! Span: one piece of work, in OpenTelemetry's own form. Ids follow from the task, so a trace is found by the task's id.
//!
//! Names: <https://opentelemetry.io/docs/specs/semconv/gen-ai/>; ours begin with `animus.`.

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::{Span, Status, status::StatusCode};
use protocol::TaskId;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Longest value in bytes; names from outside are cut there.
const LONGEST: usize = 256;

/// A span that is not over.
pub fn open(trace: [u8; 16], id: u64, parent: u64, name: &str, began: u64) -> Span {
    Span {
        trace_id: trace.to_vec(),
        span_id: id.to_be_bytes().to_vec(),
        parent_span_id: match parent {
            0 => Vec::new(),
            parent => parent.to_be_bytes().to_vec(),
        },
        name: short(name).to_owned(),
        kind: Kind::Internal as i32,
        start_time_unix_nano: began,
        end_time_unix_nano: began,
        ..Span::default()
    }
}

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;

pub fn text(span: &mut Span, key: &str, value: &str) {
    attribute(span, key, Value::StringValue(short(value).to_owned()));
}

pub fn number(span: &mut Span, key: &str, value: u64) {
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    attribute(span, key, Value::IntValue(value));
}

fn attribute(span: &mut Span, key: &str, value: Value) {
    span.attributes.push(pair(key, value));
}

pub fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// Ends badly, for a reason of a closed set; messages stay out, since they may quote anything.
pub fn failed(span: &mut Span, reason: &str) {
    text(span, "error.type", reason);
    span.status = Some(Status {
        message: short(reason).to_owned(),
        code: StatusCode::Error as i32,
    });
}

pub fn ended(span: &mut Span, at: u64) {
    span.end_time_unix_nano = at.max(span.start_time_unix_nano);
}

/// The id of a task's trace: its own where it has the form of one, else one that follows from it.
pub fn trace_of(task: &TaskId) -> [u8; 16] {
    let text = task.as_str();
    match u128::from_str_radix(text, 16) {
        Ok(id) if text.len() == 32 && id != 0 => id.to_be_bytes(),
        _ => {
            let [high, low] = ["high", "low"].map(|half| hash(&(half, text)));
            (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
        }
    }
}

/// The id of a task's n-th span; never 0.
pub fn id_of(trace: [u8; 16], n: u64) -> u64 {
    hash(&(trace, n)).max(1)
}

/// Whether a trace is among `percent` of a hundred.
pub fn is_sampled(trace: [u8; 16], percent: f64) -> bool {
    let place = hash(&trace) % 1_000_000;
    #[expect(clippy::cast_precision_loss, reason = "below a million")]
    let place = place as f64;
    place < percent * 10_000.0
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}
