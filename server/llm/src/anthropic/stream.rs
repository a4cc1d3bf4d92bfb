//! `Answer`: a message put together from its events, or from one whole value.

use serde_json::Value;

use crate::{
    Error, Piece, ProviderRequest, RawReply, Stop, body::Step, calls::Calls, http::Endpoint,
    reply::usage,
};

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    reasoning: String,
    calls: Calls,
    /// Fresh, read from the cache, written to the cache.
    sent: (Option<u64>, u64, u64),
    output: Option<u64>,
    stop: Option<String>,
    done: Step,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            sent: (None, 0, 0),
            output: None,
            stop: None,
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
        self.stop = value["stop_reason"].as_str().map(str::to_owned);
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
            "message_start" => self.count(&event["message"]["usage"]),
            "content_block_start" => self.begin(index, &event["content_block"], on),
            "content_block_delta" => self.extend(index, &event["delta"], on),
            "message_delta" => {
                self.count(&event["usage"]);
                if let Some(stop) = event["delta"]["stop_reason"].as_str() {
                    self.stop = Some(stop.to_owned());
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

    fn begin(&mut self, index: Option<u64>, block: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        match block["type"].as_str().unwrap_or_default() {
            "text" => self.say(&block["text"], on),
            "thinking" => self.think(&block["thinking"], on),
            "tool_use" => {
                let word = |key: &str| block[key].as_str().unwrap_or_default();
                // A stream begins with an empty object and sends the real one in pieces.
                let input = block["input"].as_object().filter(|input| !input.is_empty());
                let input = input.map_or_else(String::new, |_| block["input"].to_string());
                self.calls.add(index, word("id"), word("name"), &input);
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
            "thinking_delta" => self.think(&delta["thinking"], on),
            "input_json_delta" => {
                let piece = delta["partial_json"].as_str().unwrap_or_default();
                self.calls.add(index, "", "", piece);
            }
            _ => {}
        }
    }

    fn say(&mut self, piece: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if let Some(piece) = piece.as_str().filter(|piece| !piece.is_empty()) {
            self.text.push_str(piece);
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
        let read = |key: &str| counts[key].as_u64();
        self.sent = (
            read("input_tokens").or(self.sent.0),
            read("cache_read_input_tokens").unwrap_or(self.sent.1),
            read("cache_creation_input_tokens").unwrap_or(self.sent.2),
        );
        self.output = read("output_tokens").or(self.output);
    }

    /// The whole reply.
    ///
    /// # Errors
    /// `Broken` where the answer has no end.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.stop.as_deref() {
            Some("end_turn" | "stop_sequence" | "tool_use") => Stop::End,
            Some("max_tokens" | "model_context_window_exceeded") => Stop::Length,
            Some("refusal") => Stop::Filter,
            Some(other) => Stop::Other(other.to_owned()),
            None if received == 0 => return broken("it holds no message"),
            None if self.done != Step::Done => return broken("the stream ended in the middle"),
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
        let (fresh, read, written) = self.sent;
        let input = fresh.map(|fresh| fresh.saturating_add(read).saturating_add(written));
        Ok(RawReply {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls.finish(request),
            usage: usage(request, (input, Some(read), self.output), received),
            stop,
        })
    }
}
