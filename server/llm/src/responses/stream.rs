//! `Answer`: a response put together from its events, or from one whole value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

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
    /// Places of reasoning items in the layout, by the index of the item.
    thoughts: BTreeMap<u64, usize>,
    counts: (Option<u64>, Option<u64>, Option<u64>),
    cache_write: u64,
    stop: Option<Stop>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            layout: Layout::default(),
            thoughts: BTreeMap::new(),
            counts: (None, None, None),
            cache_write: 0,
            stop: None,
        }
    }

    /// Takes one event.
    pub(super) fn feed(
        &mut self,
        event: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        let index = event["output_index"].as_u64();
        let delta = event["delta"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "error" => {
                let error = event.get("error").filter(|error| error.is_object());
                return Err(self.endpoint.error_in_stream(error.unwrap_or(event)));
            }
            "response.output_item.added" => self.begin(index, &event["item"], on),
            "response.output_item.done" => self.end(index, &event["item"], on),
            "response.output_text.delta" | "response.refusal.delta" => self.say(delta, on),
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.think(delta, on);
            }
            "response.reasoning_summary_part.added" if !self.reasoning.is_empty() => {
                self.think("\n\n", on);
            }
            "response.function_call_arguments.delta" => {
                let number = self.calls.add(index, "", "", delta);
                self.layout.call(number, None);
            }
            "response.function_call_arguments.done" => {
                let number = self.calls.add(index, "", "", "");
                if !self.calls.has_arguments(number) {
                    let whole = event["arguments"].as_str().unwrap_or_default();
                    self.calls.add(index, "", "", whole);
                }
                self.layout.call(number, None);
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                return self.whole(&event["response"], on);
            }
            // Announcements, the same text again as a whole, and whatever a newer server invents.
            _ => return Ok(Step::Nothing),
        }
        Ok(Step::Progress)
    }

    /// Takes a response that is over. Its output counts only where no event told it.
    pub(super) fn whole(
        &mut self,
        response: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        if let Some(error) = response.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        let counts = &response["usage"];
        let details = &counts["input_tokens_details"];
        self.counts = (
            count(&counts["input_tokens"]),
            count(&details["cached_tokens"]),
            count(&counts["output_tokens"]),
        );
        self.cache_write = count(&details["cache_write_tokens"]).unwrap_or_default();
        if self.received() == 0 {
            let items = response["output"].as_array().into_iter().flatten();
            for (index, item) in items.enumerate() {
                self.end(Some(index as u64), item, on);
            }
        }
        let why = response["incomplete_details"]["reason"].as_str();
        self.stop = match (response["status"].as_str(), why) {
            (Some("completed"), _) => Some(Stop::End),
            (Some("incomplete"), Some("max_output_tokens" | "max_tokens")) => Some(Stop::Length),
            (Some("incomplete"), Some("content_filter")) => Some(Stop::Filter),
            (Some("incomplete"), why) => Some(Stop::Other(why.unwrap_or("incomplete").to_owned())),
            (Some("failed" | "cancelled"), _) => {
                let error = json!({"message": "it gave no reason"});
                return Err(self.endpoint.error_in_stream(&error));
            }
            _ => None,
        };
        Ok(Step::Settled)
    }

    fn received(&self) -> usize {
        self.text.len() + self.reasoning.len() + self.calls.size()
    }

    fn begin(&mut self, index: Option<u64>, item: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        match item["type"].as_str().unwrap_or_default() {
            "message" if !self.text.is_empty() => self.say("\n\n", on),
            "function_call" => {
                let word = |key: &str| item[key].as_str().unwrap_or_default();
                let number = self.calls.add(index, word("call_id"), word("name"), "");
                self.layout.call(number, None);
            }
            "reasoning" => {
                let place = self.layout.sealed(Value::Null);
                self.thoughts.insert(index.unwrap_or(u64::MAX), place);
            }
            _ => {}
        }
    }

    /// A whole item; what its deltas told already is not told again.
    fn end(&mut self, index: Option<u64>, item: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        let kind = item["type"].as_str().unwrap_or_default();
        match kind {
            "message" => {
                if self.text.is_empty() {
                    for part in item["content"].as_array().into_iter().flatten() {
                        for key in ["text", "refusal"] {
                            self.say(part[key].as_str().unwrap_or_default(), on);
                        }
                    }
                }
                if let Some(phase) = item.get("phase").filter(|phase| phase.is_string()) {
                    self.layout.seal_last(json!({"phase": phase}));
                }
            }
            "function_call" => {
                let word = |key: &str| item[key].as_str().unwrap_or_default();
                let (id, name) = (word("call_id"), word("name"));
                let number = self.calls.add(index, id, name, "");
                if !self.calls.has_arguments(number) {
                    self.calls.add(index, id, name, word("arguments"));
                }
                self.layout.call(number, None);
            }
            "reasoning" => self.thought(index, item, on),
            kind if kind.contains("image") => self.say(left_out(kind), on),
            _ => {}
        }
    }

    fn thought(
        &mut self,
        index: Option<u64>,
        item: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) {
        if self.reasoning.is_empty() {
            for part in ["summary", "content"]
                .iter()
                .flat_map(|key| item[key].as_array())
                .flatten()
            {
                self.think(part["text"].as_str().unwrap_or_default(), on);
            }
        }
        // An item without content is of no use to a server that stored nothing.
        let content = item["content"]
            .as_array()
            .is_some_and(|content| !content.is_empty());
        if !item["encrypted_content"].is_string() && !content {
            return;
        }
        let mut item = item.clone();
        if let Some(object) = item.as_object_mut() {
            object.remove("status");
            object.retain(|_, value| !value.is_null());
        }
        let place = self.thoughts.get(&index.unwrap_or(u64::MAX));
        match place.and_then(|place| self.layout.sealed_mut(*place)) {
            Some(slot) => *slot = item,
            None => drop(self.layout.sealed(item)),
        }
    }

    fn say(&mut self, piece: &str, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if !piece.is_empty() {
            self.text.push_str(piece);
            self.layout.text(piece.len(), None);
            on(Piece::Text(piece));
        }
    }

    fn think(&mut self, piece: &str, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if !piece.is_empty() {
            self.reasoning.push_str(piece);
            on(Piece::Reasoning(piece));
        }
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
            output,
            ..Progress::default()
        }
    }

    /// The whole reply.
    ///
    /// # Errors
    /// `Broken` where the answer has no end, `Refused` where a filter left nothing of it.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.received();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.stop.take() {
            None if received == 0 => return broken("it holds no message"),
            None => return broken("the stream ended in the middle"),
            Some(Stop::Filter) if received == 0 => {
                return Err(Error::Refused {
                    provider: self.endpoint.name.clone(),
                    message: "it left nothing of the answer".into(),
                });
            }
            Some(stop) => stop,
        };
        if stop != Stop::End {
            self.calls.drop_partial();
        }
        self.layout.retain(|item| !item.is_null());
        let stop = match stop {
            Stop::End if !self.calls.is_empty() => Stop::ToolUse,
            stop => stop,
        };
        let mut usage = usage(request, self.counts, received);
        usage.cache_write = self.cache_write.min(usage.input - usage.cached);
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
