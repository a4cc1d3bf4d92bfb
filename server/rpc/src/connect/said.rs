//! Said: what the services answer with, in each form. In JSON it is the very value that plain HTTP says (P2): a protobuf `Struct`
//! has floats only and would write `17.0`.

use crate::proto::animus::{self, CallResponse};
use crate::proto::seed::RunTaskEvent;
use crate::proto::to_struct;
use crate::seed;
use axum::body::Bytes;
use connectrpc::{CodecFormat, ConnectError, Encodable};
use protocol::Event;
use serde_json::{Value, json};
use std::sync::Arc;

/// An event of `animus.v1`.
pub struct OurEvent(pub Arc<Event>);

/// An event of the original program.
pub struct ItsEvent(pub RunTaskEvent);

/// What a verb answered.
pub struct Answer(pub Value);

impl Encodable<animus::Event> for OurEvent {
    fn encode(&self, form: CodecFormat) -> Result<Bytes, ConnectError> {
        let event = self.0.as_ref();
        match form {
            CodecFormat::Json => text(event),
            _ => Encodable::<animus::Event>::encode(&message(event), form),
        }
    }
}

impl Encodable<RunTaskEvent> for ItsEvent {
    fn encode(&self, form: CodecFormat) -> Result<Bytes, ConnectError> {
        match form {
            CodecFormat::Json => text(&seed::json(&self.0)),
            _ => Encodable::<RunTaskEvent>::encode(&self.0, form),
        }
    }
}

impl Encodable<CallResponse> for Answer {
    fn encode(&self, form: CodecFormat) -> Result<Bytes, ConnectError> {
        match form {
            CodecFormat::Json => match &self.0 {
                object @ Value::Object(_) => text(&json!({ "result": object })),
                other => text(&json!({ "result": { "value": other } })),
            },
            _ => {
                let answer = CallResponse {
                    result: to_struct(self.0.clone()).into(),
                    ..CallResponse::default()
                };
                Encodable::<CallResponse>::encode(&answer, form)
            }
        }
    }
}

fn text(value: &impl serde::Serialize) -> Result<Bytes, ConnectError> {
    let text =
        serde_json::to_vec(value).map_err(|error| ConnectError::internal(error.to_string()))?;
    Ok(text.into())
}

/// An event as a message: the same value as its line of NDJSON.
fn message(event: &Event) -> animus::Event {
    animus::Event {
        v: Some(event.v),
        task: event.task.to_string(),
        session: event.session.to_string(),
        seq: Some(u32::try_from(event.seq).unwrap_or(u32::MAX)),
        ts: event.ts.clone(),
        update: to_struct(serde_json::to_value(&event.update).unwrap_or_default()).into(),
        ..animus::Event::default()
    }
}
