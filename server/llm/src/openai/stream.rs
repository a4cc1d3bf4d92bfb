//! `Answer`: a chat completion put together from its chunks, or from one whole value.

use serde_json::Value;

use crate::{
    Error, Piece, ProviderRequest, RawReply, Stop,
    body::{End, Step},
    calls::Calls,
    http::Endpoint,
    reply::usage,
};

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    reasoning: String,
    calls: Calls,
    counts: (Option<u64>, Option<u64>, Option<u64>),
    finish: Option<String>,
    end: Option<End>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            counts: (None, None, None),
            finish: None,
            end: None,
        }
    }

    /// How the stream ended.
    pub(super) fn ended(&mut self, end: End) {
        self.end = Some(end);
    }

    /// Takes one chunk.
    pub(super) fn feed(
        &mut self,
        value: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        if let Some(counts) = value.get("usage").filter(|usage| usage.is_object()) {
            let cached = counts["prompt_tokens_details"]["cached_tokens"].as_u64();
            self.counts = (
                counts["prompt_tokens"].as_u64(),
                cached,
                counts["completion_tokens"].as_u64(),
            );
        }
        let choice = &value["choices"][0];
        let whole = choice.get("message").filter(|message| message.is_object());
        let delta = whole.unwrap_or(&choice["delta"]);
        let mut step = Step::Nothing;
        for key in ["reasoning_content", "reasoning"] {
            let piece = text_of(&delta[key]);
            if !piece.is_empty() {
                self.reasoning.push_str(&piece);
                on(Piece::Reasoning(&piece));
                step = Step::Progress;
                break;
            }
        }
        for key in ["content", "refusal"] {
            let piece = text_of(&delta[key]);
            if !piece.is_empty() {
                self.text.push_str(&piece);
                on(Piece::Text(&piece));
                step = Step::Progress;
            }
        }
        for (position, call) in delta["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let index = call["index"].as_u64().or(whole.map(|_| position as u64));
            let function = &call["function"];
            let arguments = match &function["arguments"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                object => object.to_string(),
            };
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.calls.add(
                index,
                &word(&call["id"]),
                &word(&function["name"]),
                &arguments,
            );
            step = Step::Progress;
        }
        if let Some(finish) = choice["finish_reason"]
            .as_str()
            .filter(|finish| !finish.is_empty())
        {
            self.finish = Some(finish.to_owned());
            step = Step::Settled;
        }
        Ok(step)
    }

    /// The whole reply.
    ///
    /// # Errors
    /// `Broken` where the answer has no end.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.finish.as_deref() {
            Some("length") => Stop::Length,
            Some("content_filter") => Stop::Filter,
            Some("stop" | "tool_calls" | "function_call" | "end_turn" | "eos") => Stop::End,
            Some(other) => Stop::Other(other.to_owned()),
            None if received == 0 => return broken("it holds no message"),
            None if self.end == Some(End::Closed) => {
                return broken("the stream ended in the middle");
            }
            None if !self.calls.are_whole() => {
                return broken("the stream ended inside a tool call");
            }
            None => Stop::End,
        };
        if matches!(stop, Stop::Length | Stop::Filter) {
            self.calls.drop_partial();
        }
        let stop = match stop {
            Stop::End if !self.calls.is_empty() => Stop::ToolUse,
            stop => stop,
        };
        Ok(RawReply {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls.finish(request),
            usage: usage(request, self.counts, received),
            stop,
        })
    }
}

/// A string, or the texts of a list of parts.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => String::new(),
    }
}
