//! `Answer`: a chat message of Ollama put together from its lines.

use serde_json::{Value, json};

use crate::{
    Error, Piece, Progress, ProviderRequest, RawReply, Stop,
    body::Step,
    calls::Calls,
    http::Endpoint,
    reply::{count, left_out, usage},
};

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    reasoning: String,
    calls: Calls,
    counts: (Option<u64>, Option<u64>, Option<u64>),
    done: Option<String>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            counts: (None, None, None),
            done: None,
        }
    }

    /// Takes one line.
    pub(super) fn feed(
        &mut self,
        line: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        if let Some(error) = line.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        let message = &line["message"];
        let mut step = Step::Nothing;
        if let Some(piece) = message["thinking"]
            .as_str()
            .filter(|piece| !piece.is_empty())
        {
            self.reasoning.push_str(piece);
            on(Piece::Reasoning(piece));
            step = Step::Progress;
        }
        let images = message["images"].as_array().into_iter().flatten();
        let content = message["content"].as_str().into_iter();
        for piece in content
            .chain(images.map(|_| left_out("image")))
            .filter(|piece| !piece.is_empty())
        {
            self.text.push_str(piece);
            on(Piece::Text(piece));
            step = Step::Progress;
        }
        for call in message["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            let arguments = match &function["arguments"] {
                Value::String(text) => text.clone(),
                Value::Null => "{}".to_owned(),
                object => object.to_string(),
            };
            // Each call comes whole; its own index starts again in every line of some versions.
            let index = self.calls.len() as u64;
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            self.calls.add(
                Some(index),
                &word(&call["id"]),
                &word(&function["name"]),
                &arguments,
            );
            step = Step::Progress;
        }
        if line["done"] == true {
            self.counts = (
                count(&line["prompt_eval_count"]),
                None,
                count(&line["eval_count"]),
            );
            // Versions before this word stopped for one reason.
            self.done = Some(line["done_reason"].as_str().unwrap_or("stop").to_owned());
            return Ok(Step::Done);
        }
        Ok(step)
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
    /// `Broken` where the answer has no end.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| Err(Error::broken(&self.endpoint.name, message));
        let stop = match self.done.as_deref() {
            None if received == 0 => return broken("it holds no message"),
            None => return broken("the stream ended in the middle"),
            Some("stop") => Stop::End,
            Some("length") => Stop::Length,
            Some(other) => Stop::Other(other.to_owned()),
        };
        if stop != Stop::End {
            self.calls.drop_partial();
        }
        let stop = match stop {
            Stop::End if !self.calls.is_empty() => Stop::ToolUse,
            stop => stop,
        };
        // The server wants its thoughts with the rest of the message, and shows its model what the model's template has room for.
        let carry = (!self.reasoning.is_empty()).then(|| json!({"thinking": self.reasoning}));
        Ok(RawReply {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls.finish(request),
            carry,
            usage: usage(request, self.counts, received),
            stop,
        })
    }
}
