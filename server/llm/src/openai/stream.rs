//! `Answer`: a chat completion put together from its chunks, or from one whole value.

use serde_json::{Map, Value, json};

use super::details::Details;

use crate::{
    Error, Piece, Progress, ProviderRequest, RawReply, Stop,
    body::{End, Step},
    calls::Calls,
    http::Endpoint,
    reply::{count, left_out, usage},
};

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    reasoning: String,
    /// The name that the reasoning came by, which its server wants it back by.
    named: Option<&'static str>,
    /// OpenRouter's own form of reasoning, which it wants back unchanged.
    details: Details,
    /// What came beside a call, by its number.
    extra: Map<String, Value>,
    calls: Calls,
    counts: (Option<u64>, Option<u64>, Option<u64>),
    cache_write: u64,
    finish: Option<String>,
    end: Option<End>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            named: None,
            details: Details::default(),
            extra: Map::new(),
            calls: Calls::default(),
            counts: (None, None, None),
            cache_write: 0,
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
        let choice = &value["choices"][0];
        for error in [value.get("error"), choice.get("error")]
            .into_iter()
            .flatten()
        {
            if !error.is_null() {
                return Err(self.endpoint.error_in_stream(error));
            }
        }
        for counts in [&value["usage"], &choice["usage"], &value["x_groq"]["usage"]] {
            self.count(counts);
        }
        let whole = choice.get("message").filter(|message| message.is_object());
        let delta = whole.unwrap_or(&choice["delta"]);
        let before = self.received();
        self.think(delta, on);
        for key in ["content", "refusal"] {
            self.say(&text_of(&delta[key]), on);
        }
        // Pictures and sound come beside the text.
        for part in delta["images"].as_array().into_iter().flatten() {
            self.say(left_out(part["type"].as_str().unwrap_or("image")), on);
        }
        if delta["audio"].is_object() && self.text.is_empty() {
            self.say(&text_of(&delta["audio"]["transcript"]), on);
        }
        let calls = delta["tool_calls"].as_array().into_iter().flatten();
        for (position, call) in calls.enumerate() {
            self.call(
                call,
                call["index"].as_u64().or(whole.map(|_| position as u64)),
            );
        }
        if delta["function_call"].is_object() {
            // The form before `tool_calls`, still spoken by some.
            self.call(&json!({"function": delta["function_call"]}), Some(0));
        }
        let finish = choice["finish_reason"].as_str();
        match finish.filter(|finish| !finish.is_empty()) {
            Some("error" | "insufficient_system_resource") => {
                let native = choice["native_finish_reason"].as_str().unwrap_or("error");
                let error =
                    json!({"code": 503, "message": format!("it ended its answer with {native}")});
                Err(self.endpoint.error_in_stream(&error))
            }
            Some(finish) => {
                self.finish = Some(finish.to_owned());
                Ok(Step::Settled)
            }
            None if self.received() > before => Ok(Step::Progress),
            None => Ok(Step::Nothing),
        }
    }

    fn received(&self) -> usize {
        self.text.len() + self.reasoning.len() + self.calls.size() + self.details.len()
    }

    fn think(&mut self, delta: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        let details = delta["reasoning_details"].as_array();
        let mut piece = String::new();
        for detail in details.into_iter().flatten() {
            for key in ["text", "summary"] {
                piece.push_str(detail[key].as_str().unwrap_or_default());
            }
            self.details.add(detail);
        }
        for key in ["reasoning", "reasoning_content"] {
            let said = text_of(&delta[key]);
            if !said.is_empty() {
                self.named = Some(key);
                piece = said;
            }
        }
        // Mistral's way: parts of the content.
        for part in delta["content"].as_array().into_iter().flatten() {
            piece.push_str(&text_of(&part["thinking"]));
        }
        if !piece.is_empty() {
            self.reasoning.push_str(&piece);
            on(Piece::Reasoning(&piece));
        }
    }

    fn say(&mut self, piece: &str, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if !piece.is_empty() {
            self.text.push_str(piece);
            on(Piece::Text(piece));
        }
    }

    fn call(&mut self, call: &Value, index: Option<u64>) {
        let function = &call["function"];
        let arguments = match &function["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            object => object.to_string(),
        };
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (id, name) = (word(&call["id"]), word(&function["name"]));
        let number = self.calls.add(index, &id, &name, &arguments);
        if let Some(extra) = call.get("extra_content").filter(|extra| !extra.is_null()) {
            self.extra.insert(number.to_string(), extra.clone());
        }
    }

    /// Later counts are sums, so the newest wins.
    fn count(&mut self, counts: &Value) {
        if !counts.is_object() {
            return;
        }
        let details = &counts["prompt_tokens_details"];
        let cached = [
            &details["cached_tokens"],
            &counts["prompt_cache_hit_tokens"],
            &counts["cached_tokens"],
        ];
        let written = [
            &details["cache_write_tokens"],
            &details["cache_creation_input_tokens"],
        ];
        self.counts = (
            count(&counts["prompt_tokens"]).or(self.counts.0),
            cached.into_iter().find_map(count).or(self.counts.1),
            count(&counts["completion_tokens"]).or(self.counts.2),
        );
        self.cache_write = written
            .into_iter()
            .find_map(count)
            .unwrap_or(self.cache_write);
    }

    /// What came so far beside what was shown.
    pub(super) fn progress(&self) -> Progress {
        let (input, cached, output) = self.counts;
        Progress {
            shown: self.text.len() + self.reasoning.len(),
            number: self.calls.len(),
            calls: self.calls.size(),
            input,
            cached: cached.unwrap_or(0),
            cache_write: self.cache_write,
            output,
        }
    }

    /// The whole reply.
    ///
    /// # Errors
    /// `Broken` where the answer has no end, `Refused` where a filter left nothing of it.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.finish.as_deref() {
            // The context is full, and nothing is there to go on from: the conversation must become shorter.
            Some("model_length" | "model_context_window_exceeded")
                if self.text.is_empty() && !self.calls.begins_whole() =>
            {
                return Err(Error::TooLong {
                    provider: self.endpoint.name.clone(),
                    message: "no room was left for an answer".into(),
                });
            }
            Some("length" | "model_length" | "max_tokens" | "model_context_window_exceeded") => {
                Stop::Length
            }
            Some("content_filter") if received == 0 => {
                return Err(Error::Refused {
                    provider: self.endpoint.name.clone(),
                    message: "it left nothing of the answer".into(),
                });
            }
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
        if stop != Stop::End {
            self.calls.drop_partial();
        }
        let stop = match stop {
            Stop::End if !self.calls.is_empty() => Stop::ToolUse,
            stop => stop,
        };
        let carry = self.carry();
        let mut usage = usage(request, self.counts, received);
        usage.cache_write = self.cache_write.min(usage.input - usage.cached);
        Ok(RawReply {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls.finish(request),
            usage,
            stop,
            carry,
        })
    }

    fn carry(&mut self) -> Option<Value> {
        let mut carry = Map::new();
        if !self.details.is_empty() {
            carry.insert(
                "reasoning_details".into(),
                std::mem::take(&mut self.details).whole().into(),
            );
        } else if let Some(name) = self.named {
            carry.insert(name.into(), self.reasoning.clone().into());
        }
        if !self.extra.is_empty() {
            carry.insert("extra".into(), std::mem::take(&mut self.extra).into());
        }
        (!carry.is_empty()).then_some(Value::Object(carry))
    }
}

/// A string, or the texts of a list of parts; what is no text is named and left out.
fn text_of(value: &Value) -> String {
    let part = |part: &Value| match (part["text"].as_str(), part["type"].as_str()) {
        (Some(text), _) => text.to_owned(),
        (None, Some("thinking" | "reasoning" | "reference" | "text") | None) => String::new(),
        (None, Some("refusal")) => part["refusal"].as_str().unwrap_or_default().to_owned(),
        (None, Some(kind)) => left_out(kind).to_owned(),
    };
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(part).collect(),
        _ => String::new(),
    }
}
