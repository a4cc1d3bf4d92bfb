//! `Scripted`: turns from a YAML file instead of a model. It says what it is: the only faked part of the product.
//!
//! Invariant: each turn is used once, in order, by the role that it names or by any; the file is read at the first call.

use std::{sync::OnceLock, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Call, Error, Message, Piece, Progress, Provider, ProviderRequest, RawReply, Role, Stop, calls,
    error::Refusal, provider::unless_cancelled, reply::usage,
};

/// A provider that reads turns.
#[derive(Debug)]
pub(crate) struct Scripted {
    /// The path, or a word for a script that came as text.
    name: String,
    script: OnceLock<Script>,
    /// Which turns are used up, and how many were in all.
    used: Mutex<(Vec<bool>, usize)>,
}

/// A script file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    turns: Vec<Turn>,
    /// Starts again behind the last turn.
    #[serde(default)]
    repeat: bool,
}

/// One answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Turn {
    role: Option<Role>,
    /// Texts that the newest messages (those behind the last reply) must contain.
    expect: Vec<String>,
    thought: String,
    text: String,
    calls: Vec<ScriptedCall>,
    usage: Option<ScriptedUsage>,
    /// Spread over the words of the turn.
    delay_ms: u64,
    /// Silence behind the last word, before the turn is over.
    silence_ms: u64,
    fail: Option<Fail>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptedCall {
    name: String,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScriptedUsage {
    input: Option<u64>,
    cached: Option<u64>,
    cache_write: u64,
    output: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fail {
    /// As a server would with this HTTP status.
    Status(u16),
    /// Half of the text, then the end of the stream.
    Broken,
}

impl Scripted {
    /// Reads `path` at the first call.
    pub(crate) fn from_path(path: &str) -> Scripted {
        Scripted {
            name: path.to_owned(),
            script: OnceLock::new(),
            used: Mutex::default(),
        }
    }

    /// Parses `yaml` now.
    pub(crate) fn from_text(name: &str, yaml: &str) -> Result<Scripted, Error> {
        let scripted = Scripted::from_path(name);
        let script = scripted.parse(yaml)?;
        Ok(Scripted {
            script: OnceLock::from(script),
            ..scripted
        })
    }

    fn script(&self) -> Result<&Script, Error> {
        if let Some(script) = self.script.get() {
            return Ok(script);
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "the script is configuration of this crate, not a file of the user's work"
        )]
        let text = std::fs::read_to_string(&self.name)
            .map_err(|error| self.error(format!("cannot be read ({error})")))?;
        let script = self.parse(&text)?;
        Ok(self.script.get_or_init(|| script))
    }

    fn parse(&self, yaml: &str) -> Result<Script, Error> {
        serde_saphyr::from_str(yaml).map_err(|error| self.error(format!("is not valid: {error}")))
    }

    fn error(&self, message: String) -> Error {
        Error::Script {
            script: self.name.clone(),
            message,
        }
    }

    /// The next turn of `role` and its number, which never repeats.
    fn next(&self, role: Role) -> Result<(Turn, usize), Error> {
        let script = self.script()?;
        let mut used = self.used.lock();
        let (flags, count) = &mut *used;
        flags.resize(script.turns.len(), false);
        let fits = |turn: &Turn| turn.role.is_none_or(|wanted| wanted == role);
        let find =
            |flags: &[bool]| (0..flags.len()).find(|at| !flags[*at] && fits(&script.turns[*at]));
        let mut found = find(flags);
        if found.is_none() && script.repeat {
            // Only this role starts again: the others may still be on their way.
            for (flag, turn) in flags.iter_mut().zip(&script.turns) {
                *flag &= !fits(turn);
            }
            found = find(flags);
        }
        let at = found.ok_or_else(|| Error::ScriptEnded {
            script: self.name.clone(),
            role: role.as_str(),
            turns: script.turns.len(),
        })?;
        flags[at] = true;
        *count += 1;
        Ok((script.turns[at].clone(), *count))
    }

    async fn play(
        &self,
        request: &ProviderRequest<'_>,
        on: &mut (dyn FnMut(Piece<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let (turn, number) = self.next(request.role)?;
        let behind = request
            .messages
            .iter()
            .rposition(|message| matches!(message, Message::Assistant { .. }));
        let newest = &request.messages[behind.map_or(0, |at| at + 1)..];
        for wanted in &turn.expect {
            if !newest.iter().any(|message| message.text().contains(wanted)) {
                let last = newest.last().map_or("", Message::text);
                return Err(self.error(format!(
                    "turn {number} expected {wanted:?} in the newest message, which is {:?}",
                    crate::error::short(last)
                )));
            }
        }
        let words = |text: &str| {
            text.split_inclusive(char::is_whitespace)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (thoughts, mut said) = (words(&turn.thought), words(&turn.text));
        if let Some(Fail::Broken) = turn.fail {
            said.truncate(said.len() / 2);
        }
        let parts = u32::try_from(thoughts.len() + said.len())
            .unwrap_or(u32::MAX)
            .max(1);
        let pause = Duration::from_millis(turn.delay_ms) / parts;
        if let Some(Fail::Status(status)) = turn.fail {
            sleep(Duration::from_millis(turn.delay_ms)).await;
            let message = "the script says so".to_owned();
            let refusal = Refusal {
                status,
                message,
                ..Refusal::default()
            };
            return Err(refusal.into_error(&self.name));
        }
        if parts == 1 || !pause.is_zero() {
            sleep(pause).await;
        }
        let pieces = thoughts.iter().map(|word| Piece::Reasoning(word));
        for (at, piece) in pieces
            .chain(said.iter().map(|word| Piece::Text(word)))
            .enumerate()
        {
            if at > 0 && !pause.is_zero() {
                sleep(pause).await;
            }
            on(piece);
        }
        if turn.silence_ms > 0 {
            sleep(Duration::from_millis(turn.silence_ms)).await;
        }
        if let Some(Fail::Broken) = turn.fail {
            return Err(Error::broken(&self.name, "the script says so"));
        }
        let reply = reply(turn, number, request);
        let calls = reply.calls.iter();
        let progress = Progress {
            number: reply.calls.len(),
            calls: calls
                .map(|call| call.name.len() + call.arguments.len())
                .sum(),
            ..Progress::default()
        };
        Progress::default().tell(progress, &self.name, on)?;
        Ok(reply)
    }
}

fn reply(turn: Turn, number: usize, request: &ProviderRequest<'_>) -> RawReply {
    let calls = turn.calls.into_iter().enumerate().map(|(at, call)| Call {
        id: format!("call_{number}_{at}"),
        name: call.name,
        arguments: match call.arguments {
            None => "{}".to_owned(),
            // Raw text, so that a script can also send what is no JSON.
            Some(Value::String(raw)) => raw,
            Some(value) => value.to_string(),
        },
    });
    let mut calls: Vec<Call> = calls.collect();
    calls::unique(&mut calls, request.messages);
    let sizes = calls
        .iter()
        .map(|call| call.name.len() + call.arguments.len());
    let received = turn.text.len() + turn.thought.len() + sizes.sum::<usize>();
    let counts = turn.usage.unwrap_or_default();
    let mut used = usage(
        request,
        (counts.input, counts.cached, counts.output),
        received,
    );
    used.cache_write = counts.cache_write.min(used.input - used.cached);
    RawReply {
        stop: if calls.is_empty() {
            Stop::End
        } else {
            Stop::ToolUse
        },
        usage: used,
        carry: None,
        text: turn.text,
        reasoning: turn.thought,
        calls,
    }
}

impl Provider for Scripted {
    fn complete<'a>(
        &'a self,
        request: &'a ProviderRequest<'a>,
        cancel: &'a CancellationToken,
        on: &'a mut (dyn FnMut(Piece<'_>) + Send),
    ) -> BoxFuture<'a, Result<RawReply, Error>> {
        unless_cancelled(cancel, self.play(request, on)).boxed()
    }
}
