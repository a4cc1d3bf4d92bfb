//! `Answer`: a message put together from its events, or from one whole value.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Error, Piece, Progress, ProviderRequest, RawReply, Stop,
    body::Step,
    calls::Calls,
    http::Endpoint,
    layout::Layout,
    reply::{count, left_out, usage},
};

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    reasoning: String,
    calls: Calls,
    layout: Layout,
    /// Indices of the blocks that are calls, and whether their input came whole with their beginning.
    inputs: BTreeMap<Option<u64>, Input>,
    /// Places of thoughts in the layout, by the index of their block.
    thoughts: BTreeMap<u64, usize>,
    /// Fresh, read from the cache, written to the cache.
    sent: (Option<u64>, u64, u64),
    output: Option<u64>,
    stop: Option<String>,
    /// What the server says of its refusal.
    said: Option<String>,
    done: Step,
}

/// Where the input of a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// From the beginning of its block.
    Whole,
    /// From pieces behind it.
    Pieces,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            layout: Layout::default(),
            inputs: BTreeMap::new(),
            thoughts: BTreeMap::new(),
            sent: (None, 0, 0),
            output: None,
            stop: None,
            said: None,
            done: Step::Nothing,
        }
    }

    /// Takes a message that was not streamed.
    pub(super) fn whole(
        &mut self,
        value: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<(), Error> {
        if let Some(error) = value.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        self.count(&value["usage"]);
        for (index, block) in value["content"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            self.begin(Some(index as u64), block, on);
        }
        self.stop(value);
        Ok(())
    }

    /// Takes one event.
    pub(super) fn feed(
        &mut self,
        event: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        let index = event["index"].as_u64();
        match event["type"].as_str().unwrap_or_default() {
            "error" => return Err(self.endpoint.error_in_stream(&event["error"])),
            "message_start" => {
                // A message may begin with blocks of an earlier one, or be over already.
                let message = &event["message"];
                self.count(&message["usage"]);
                for block in message["content"].as_array().into_iter().flatten() {
                    self.begin(None, block, on);
                }
                self.stop(message);
            }
            "content_block_start" => self.begin(index, &event["content_block"], on),
            "content_block_delta" => self.extend(index, &event["delta"], on),
            "message_delta" => {
                self.count(&event["usage"]);
                self.stop(&event["delta"]);
                if self.stop.is_some() {
                    return Ok(Step::Settled);
                }
            }
            "message_stop" => {
                self.done = Step::Done;
                return Ok(Step::Done);
            }
            // `content_block_stop`, `ping`, and whatever a newer server invents.
            _ => return Ok(Step::Nothing),
        }
        Ok(Step::Progress)
    }

    fn stop(&mut self, told: &Value) {
        let word = |value: &Value| value.as_str().map(str::to_owned);
        self.stop = word(&told["stop_reason"]).or(self.stop.take());
        let details = &told["stop_details"];
        self.said = word(&details["explanation"])
            .or_else(|| word(&details["category"]))
            .or(self.said.take());
    }

    fn begin(&mut self, index: Option<u64>, block: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => self.say(&block["text"], on),
            "thinking" | "redacted_thinking" => {
                let place = self.layout.sealed(block.clone());
                self.thoughts.insert(index.unwrap_or(u64::MAX), place);
                self.think(&block["thinking"], on);
            }
            "tool_use" => {
                let word = |key: &str| block[key].as_str().unwrap_or_default();
                // A stream begins with an empty object and sends the real one in pieces.
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                let input = input.map_or_else(String::new, |_| block["input"].to_string());
                let number = self.calls.add(index, word("id"), word("name"), &input);
                let whole = if input.is_empty() {
                    Input::Pieces
                } else {
                    Input::Whole
                };
                self.inputs.insert(index, whole);
                self.layout.call(number, None);
            }
            kind if ["image", "document", "container"]
                .iter()
                .any(|word| kind.contains(word)) =>
            {
                self.say(&left_out(kind).into(), on);
            }
            _ => {}
        }
    }

    fn extend(
        &mut self,
        index: Option<u64>,
        delta: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) {
        match delta["type"].as_str().unwrap_or_default() {
            "text_delta" => self.say(&delta["text"], on),
            "thinking_delta" => {
                self.seal(index, "thinking", &delta["thinking"]);
                self.think(&delta["thinking"], on);
            }
            "signature_delta" => self.seal(index, "signature", &delta["signature"]),
            // The server's own tools have inputs as well, which are none of ours.
            "input_json_delta" if self.inputs.contains_key(&index) => {
                let piece = delta["partial_json"].as_str().unwrap_or_default();
                let number = self.calls.add(index, "", "", "");
                // Some proxies tell the input twice: at once, and then as the server does.
                if !piece.is_empty()
                    && self.inputs.insert(index, Input::Pieces) == Some(Input::Whole)
                {
                    self.calls.forget_arguments(number);
                }
                self.calls.add(index, "", "", piece);
            }
            _ => {}
        }
    }

    /// A piece of a thought, which goes back as it came.
    fn seal(&mut self, index: Option<u64>, key: &str, piece: &Value) {
        let place = self.thoughts.get(&index.unwrap_or(u64::MAX));
        let block = place.and_then(|place| self.layout.sealed_mut(*place));
        if let (Some(block), Some(piece)) = (block, piece.as_str()) {
            match &mut block[key] {
                Value::String(before) => before.push_str(piece),
                other => *other = piece.into(),
            }
        }
    }

    fn say(&mut self, piece: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if let Some(piece) = piece.as_str().filter(|piece| !piece.is_empty()) {
            self.text.push_str(piece);
            self.layout.text(piece.len(), None);
            on(Piece::Text(piece));
        }
    }

    fn think(&mut self, piece: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if let Some(piece) = piece.as_str().filter(|piece| !piece.is_empty()) {
            self.reasoning.push_str(piece);
            on(Piece::Reasoning(piece));
        }
    }

    /// Later events repeat counts, as sums, so the newest wins.
    fn count(&mut self, counts: &Value) {
        let read = |key: &str| count(&counts[key]);
        self.sent = (
            read("input_tokens").or(self.sent.0),
            read("cache_read_input_tokens").unwrap_or(self.sent.1),
            read("cache_creation_input_tokens").unwrap_or(self.sent.2),
        );
        self.output = read("output_tokens").or(self.output);
    }

    /// What came so far beside what was shown.
    pub(super) fn progress(&self) -> Progress {
        let (fresh, cached, cache_write) = self.sent;
        Progress {
            shown: self.text.len() + self.reasoning.len(),
            number: self.calls.len(),
            calls: self.calls.size(),
            input: fresh.map(|fresh| fresh.saturating_add(cached).saturating_add(cache_write)),
            cached,
            cache_write,
            output: self.output,
        }
    }

    /// The whole reply.
    ///
    /// # Errors
    /// `Broken` where the answer has no end, `Refused` where a filter left nothing of it, `TooLong` where the context did.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.stop.as_deref() {
            // Nothing to go on from: the conversation must become shorter.
            Some("model_context_window_exceeded")
                if self.text.is_empty() && !self.calls.begins_whole() =>
            {
                return Err(Error::TooLong {
                    provider: self.endpoint.name.clone(),
                    message: "no room was left for an answer".into(),
                });
            }
            Some("end_turn" | "stop_sequence" | "tool_use") => Stop::End,
            // A server that pauses a long turn wants the same as after its limit: to be told to go on.
            Some("max_tokens" | "model_context_window_exceeded" | "pause_turn") => Stop::Length,
            Some("refusal") if received == 0 => {
                let said = self
                    .said
                    .map_or_else(String::new, |said| format!(" ({said})"));
                return Err(Error::Refused {
                    provider: self.endpoint.name.clone(),
                    message: crate::error::short(&format!("it left nothing of the answer{said}")),
                });
            }
            Some("refusal") => Stop::Filter,
            Some(other) => Stop::Other(other.to_owned()),
            None if received == 0 => return broken("it holds no message"),
            None if self.done != Step::Done => return broken("the stream ended in the middle"),
            None if !self.calls.are_whole() => {
                return broken("the stream ended inside a tool call");
            }
            None => Stop::End,
        };
        if stop != Stop::End {
            match stop {
                // What came before a refusal is to be thrown away; a call would do it all the same.
                Stop::Filter => self.calls = Calls::default(),
                _ => self.calls.drop_partial(),
            }
            // A thought that was cut has no signature, and is refused without.
            self.layout.retain(|block| {
                let signed = block["signature"]
                    .as_str()
                    .is_some_and(|text| !text.is_empty());
                block["type"] != "thinking" || signed
            });
        }
        let stop = match stop {
            Stop::End if !self.calls.is_empty() => Stop::ToolUse,
            stop => stop,
        };
        let (fresh, read, written) = self.sent;
        let input = fresh.map(|fresh| fresh.saturating_add(read).saturating_add(written));
        let mut usage = usage(request, (input, Some(read), self.output), received);
        usage.cache_write = written.min(usage.input - usage.cached);
        Ok(RawReply {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls.finish(request),
            carry: self.layout.carry(),
            usage,
            stop,
        })
    }
}
