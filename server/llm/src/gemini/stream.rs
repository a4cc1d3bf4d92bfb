//! `Answer`: a candidate put together from its chunks.

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
    counts: (Option<u64>, Option<u64>, Option<u64>),
    /// A call came in pieces, which nobody asked for.
    pieces: bool,
    /// The reason, and what the server said about it.
    finish: Option<(String, String)>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            reasoning: String::new(),
            calls: Calls::default(),
            layout: Layout::default(),
            counts: (None, None, None),
            pieces: false,
            finish: None,
        }
    }

    /// Takes one chunk.
    pub(super) fn feed(
        &mut self,
        chunk: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        let feedback = &chunk["promptFeedback"];
        if let Some(reason) = feedback["blockReason"].as_str() {
            let said = feedback["blockReasonMessage"].as_str().unwrap_or(reason);
            return Err(self.refused(&format!("the prompt was blocked ({said})")));
        }
        self.count(&chunk["usageMetadata"]);
        let candidate = &chunk["candidates"][0];
        let parts = candidate["content"]["parts"].as_array();
        let mut step = Step::Nothing;
        for part in parts.into_iter().flatten() {
            self.part(part, on);
            step = Step::Progress;
        }
        if let Some(reason) = candidate["finishReason"].as_str() {
            let said = candidate["finishMessage"].as_str().unwrap_or(reason);
            self.finish = Some((reason.to_owned(), said.to_owned()));
            step = Step::Settled;
        }
        Ok(step)
    }

    fn part(&mut self, part: &Value, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        let seal = part
            .get("thoughtSignature")
            .filter(|seal| seal.is_string())
            .cloned();
        if part["thought"] == true {
            let text = part["text"].as_str().unwrap_or_default();
            if !text.is_empty() {
                self.reasoning.push_str(text);
                on(Piece::Reasoning(text));
            }
            // A thought goes back only where its signature wants it.
            if seal.is_some() {
                self.layout.sealed(part.clone());
            }
        } else if let Some(call) = part.get("functionCall") {
            let word = |key: &str| call[key].as_str().unwrap_or_default();
            let arguments = match &call["args"] {
                Value::Null => json!({}),
                args => args.clone(),
            };
            self.pieces |= call["willContinue"] == true || call.get("partialArgs").is_some();
            // Each call comes whole.
            let index = self.calls.len() as u64;
            let number = self.calls.add(
                Some(index),
                word("id"),
                word("name"),
                &arguments.to_string(),
            );
            self.layout.call(number, seal);
        } else if let Some(text) = part["text"].as_str() {
            self.say(text, seal, on);
        } else if let Some(media) = part.get("inlineData").or_else(|| part.get("fileData")) {
            let text = left_out(media["mimeType"].as_str().unwrap_or_default());
            self.say(text, None, on);
        } else if seal.is_some() {
            self.say("", seal, on);
        }
    }

    fn say(&mut self, text: &str, seal: Option<Value>, on: &mut (dyn FnMut(Piece<'_>) + Send)) {
        if !text.is_empty() || seal.is_some() {
            self.layout.text(text.len(), seal);
        }
        if !text.is_empty() {
            self.text.push_str(text);
            on(Piece::Text(text));
        }
    }

    /// Each chunk repeats the sums, so the newest wins.
    fn count(&mut self, counts: &Value) {
        let sum = |keys: [&str; 2]| {
            let known: Vec<u64> = keys.iter().filter_map(|key| count(&counts[*key])).collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        self.counts = (
            sum(["promptTokenCount", "toolUsePromptTokenCount"]).or(self.counts.0),
            count(&counts["cachedContentTokenCount"]).or(self.counts.1),
            sum(["candidatesTokenCount", "thoughtsTokenCount"]).or(self.counts.2),
        );
    }

    fn refused(&self, message: &str) -> Error {
        Error::Refused {
            provider: self.endpoint.name.clone(),
            message: crate::error::short(message),
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
    /// `Broken` where the answer has no end or its end says that the model erred, `Refused` where a filter left nothing of it.
    pub(super) fn finish(mut self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let received = self.text.len() + self.reasoning.len() + self.calls.size();
        let broken = |message: &str| {
            Err(Error::broken(
                &self.endpoint.name,
                crate::error::short(message),
            ))
        };
        let stop = match self
            .finish
            .as_ref()
            .map(|(reason, said)| (reason.as_str(), said))
        {
            None if received == 0 => return broken("it holds no message"),
            None => return broken("the stream ended in the middle"),
            Some(_) if self.pieces => return broken("a call came in pieces"),
            Some(("STOP", _)) => Stop::End,
            Some(("MAX_TOKENS", _)) => Stop::Length,
            Some((
                "MALFORMED_FUNCTION_CALL"
                | "UNEXPECTED_TOOL_CALL"
                | "TOO_MANY_TOOL_CALLS"
                | "MALFORMED_RESPONSE"
                | "MISSING_THOUGHT_SIGNATURE",
                said,
            )) => return broken(&format!("the model wrote a call that is none ({said})")),
            Some((
                "SAFETY"
                | "RECITATION"
                | "BLOCKLIST"
                | "PROHIBITED_CONTENT"
                | "SPII"
                | "IMAGE_SAFETY"
                | "IMAGE_PROHIBITED_CONTENT"
                | "IMAGE_RECITATION"
                | "MODEL_ARMOR",
                said,
            )) => match received {
                0 => return Err(self.refused(&format!("it left nothing of the answer ({said})"))),
                _ => Stop::Filter,
            },
            Some((other, _)) => Stop::Other(other.to_owned()),
        };
        if stop != Stop::End {
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
            carry: self.layout.carry(),
            usage: usage(request, self.counts, received),
            stop,
        })
    }
}
