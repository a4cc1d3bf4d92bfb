//! Wire: what is sent for a gap in each server's own way, and the answer put together from its events.

use serde_json::{Value, json};

use super::Way;
use crate::{
    Error, Gap, Piece, Progress, ProviderRequest, RawReply, Stop,
    body::{End, Step},
    http::Endpoint,
    reply::{count, usage},
};

/// The request.
pub(super) fn body(way: Way, gap: &Gap, request: &ProviderRequest<'_>) -> Value {
    // The likeliest code is wanted, not the most varied. As decimal, so that 0.2 stays 0.2.
    let temperature = (f64::from(request.temperature.unwrap_or(0.0)) * 1e4).round() / 1e4;
    let mut body = match way {
        Way::Completions | Way::Mistral | Way::DeepSeek => json!({
            "model": request.model,
            "prompt": gap.prompt(),
            "temperature": temperature,
            "max_tokens": request.max_tokens,
            "stream": true,
        }),
        Way::Ollama => json!({
            "model": request.model,
            "prompt": gap.prompt(),
            "stream": true,
            "options": { "temperature": temperature, "num_predict": request.max_tokens },
        }),
        Way::LlamaCpp => {
            let near = gap.near.iter();
            let near = near.map(|near| json!({ "filename": near.path, "text": near.text }));
            json!({
                "input_prefix": gap.before,
                "input_suffix": gap.after,
                "input_extra": near.collect::<Vec<_>>(),
                "prompt": "",
                "n_predict": request.max_tokens,
                "temperature": temperature,
                "cache_prompt": true,
                "stream": true,
            })
        }
    };
    if way != Way::LlamaCpp && !gap.after.is_empty() {
        body["suffix"] = json!(gap.after);
    }
    // Mistral counts unasked, and knows no such word.
    if matches!(way, Way::Completions | Way::DeepSeek) {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let (Way::Ollama, Some(context)) = (way, request.context_tokens) {
        body["options"]["num_ctx"] = json!(context);
    }
    body
}

/// An answer under construction.
pub(super) struct Answer<'a> {
    endpoint: &'a Endpoint,
    text: String,
    input: Option<u64>,
    cached: Option<u64>,
    output: Option<u64>,
    stop: Option<Stop>,
}

impl<'a> Answer<'a> {
    pub(super) fn new(endpoint: &'a Endpoint) -> Answer<'a> {
        Answer {
            endpoint,
            text: String::new(),
            input: None,
            cached: None,
            output: None,
            stop: None,
        }
    }

    /// Takes one event. Mistral's pieces have the form of a chat's.
    pub(super) fn feed(
        &mut self,
        event: &Value,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<Step, Error> {
        if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
            return Err(self.endpoint.error_in_stream(error));
        }
        self.count(event);
        let choice = &event["choices"][0];
        let text = [
            &choice["text"],
            &choice["delta"]["content"],
            &choice["message"]["content"],
            &event["response"],
            &event["content"],
        ];
        let text = text.into_iter().find_map(Value::as_str).unwrap_or_default();
        if !text.is_empty() {
            self.text.push_str(text);
            on(Piece::Text(text));
        }
        let reason = choice["finish_reason"].as_str().map(str::to_owned);
        let reason = reason.or_else(|| last_word(event));
        if let Some(reason) = reason.filter(|_| self.stop.is_none()) {
            self.stop = Some(match reason.as_str() {
                "stop" | "eos" | "word" => Stop::End,
                "length" | "limit" => Stop::Length,
                "content_filter" => Stop::Filter,
                _ => Stop::Other(reason),
            });
            return Ok(Step::Settled);
        }
        Ok(match text.is_empty() {
            true => Step::Nothing,
            false => Step::Progress,
        })
    }

    fn count(&mut self, event: &Value) {
        let usage = &event["usage"];
        let first = |values: &[&Value]| values.iter().find_map(|value| count(value));
        let input = first(&[
            &usage["prompt_tokens"],
            &event["prompt_eval_count"],
            &event["tokens_evaluated"],
        ]);
        let output = first(&[
            &usage["completion_tokens"],
            &event["eval_count"],
            &event["tokens_predicted"],
        ]);
        let cached = first(&[
            &usage["prompt_tokens_details"]["cached_tokens"],
            &usage["prompt_cache_hit_tokens"],
        ]);
        self.input = input.or(self.input);
        self.output = output.or(self.output);
        self.cached = cached.or(self.cached);
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            shown: self.text.len(),
            input: self.input,
            cached: self.cached.unwrap_or(0),
            output: self.output,
            ..Progress::default()
        }
    }

    /// The stream is over.
    pub(super) fn ended(&mut self, end: End) {
        if end == End::Said && self.stop.is_none() {
            self.stop = Some(Stop::End);
        }
    }

    /// The reply, where it is whole. One without text is: nothing is missing there.
    pub(super) fn finish(self, request: &ProviderRequest<'_>) -> Result<RawReply, Error> {
        let name = &self.endpoint.name;
        let cut = || Error::broken(name, "it ended before the reason to stop");
        let stop = self.stop.ok_or_else(cut)?;
        let counts = (self.input, self.cached, self.output);
        Ok(RawReply {
            usage: usage(request, counts, self.text.len()),
            text: self.text,
            reasoning: String::new(),
            calls: Vec::new(),
            carry: None,
            stop,
        })
    }
}

/// Why it stops, as Ollama and llama.cpp say it.
fn last_word(event: &Value) -> Option<String> {
    let word = |key: &str| event[key].as_str().unwrap_or("stop").to_owned();
    match (&event["done"], &event["stop"]) {
        (Value::Bool(true), _) => Some(word("done_reason")),
        (_, Value::Bool(true)) => Some(word("stop_type")),
        _ => None,
    }
}
