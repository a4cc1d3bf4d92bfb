//! The work itself: the model's turns until it says that the draft is complete.

use super::call::Ran;
use super::{End, Task};
use crate::validate::Shape;
use crate::{heal, prompt, tools};
use llm::{Chunk, Reply, Role};
use protocol::{
    CallId, Code, Failure, FinishReason, Level, Phase, Plan, Speaker, Step, StepStatus, ToolCall,
    ToolKind, Update, Wait,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use workspace::Draft;

/// How often in a row an answer may be empty, cut or broken before the task gives up.
const PATIENCE: u32 = 2;
/// Turns in a row that may hold nothing but calls that cannot run, before the task gives up.
const MOST_MALFORMED: u32 = 3;

/// The pause behind an answer that broke off for an overload or a rate, where the server names none, and the longest that is taken.
const SHORT_REST: Duration = Duration::from_secs(2);
const LONG_REST: Duration = Duration::from_secs(60);

impl Task {
    /// Turns until an answer without a call; returns that answer.
    pub(super) async fn act(&self, draft: &mut Draft) -> Result<String, End> {
        let (mut poor_answers, mut malformed) = (0, 0);
        loop {
            self.check_cancelled()?;
            self.take_steering();
            let Some(reply) = self.turn(&mut poor_answers).await? else {
                continue;
            };
            if !reply.calls.is_empty() {
                poor_answers = 0;
                malformed = match self.run_calls(draft).await? {
                    Ran::Some => 0,
                    Ran::None => malformed + 1,
                };
                if malformed >= MOST_MALFORMED {
                    return Err(End::of(unusable(
                        "calls that could not run (no such tool, or arguments that do not fit)",
                        malformed,
                    )));
                }
                continue;
            }
            let poor = match reply.stop {
                llm::Stop::Length => Some(prompt::CUT_ANSWER),
                // A half answer is no word that the work is done, whatever the server calls it.
                llm::Stop::Filter | llm::Stop::Other(_) => Some(prompt::BROKEN_OFF),
                _ if reply.text.trim().is_empty() => Some(prompt::EMPTY_ANSWER),
                _ => None,
            };
            if let Some(nudge) = poor {
                poor_answers += 1;
                if poor_answers > PATIENCE {
                    return Err(End::of(unusable("no usable answer", poor_answers)));
                }
                self.say(nudge);
            } else if self.phase() == Phase::Plan {
                self.plan_in_words(&reply.text)?;
            } else if !self.take_steering() {
                return Ok(reply.text);
            }
        }
    }

    /// One turn of the model. None where the stream broke and the model is to be asked again.
    async fn turn(&self, poor_answers: &mut u32) -> Result<Option<Reply>, End> {
        let (role, choice) = match self.phase() {
            Phase::Plan => (Role::Planner, self.request.planner_model.as_deref()),
            _ => (Role::Coder, self.request.model.as_deref()),
        };
        let number = self.next_turn()?;
        let reply = loop {
            self.make_room(role, choice).await?;
            let mut said = false;
            let error = match self.say_all(role, choice, &mut said).await? {
                Ok(reply) => break reply,
                Err(error) => error,
            };
            let failure = crate::failure::of_model(&error);
            match error {
                llm::Error::TooLong { .. } => {
                    self.overflowed(role, choice, failure).await?;
                }
                _ if said && *poor_answers < PATIENCE && self.rests(&error).await? => {
                    *poor_answers += 1;
                    self.emit(Update::Notice {
                        level: Level::Warning,
                        message: failure.message,
                        hint: None,
                    });
                    self.say("Your last answer was cut off by the network. Answer again, whole.");
                    return Ok(None);
                }
                _ => return Err(End::of(failure)),
            }
        };
        self.fitted();
        self.record(&reply, number)?;
        Ok(Some(reply))
    }

    /// Whether the model can be asked anew behind a piece of a broken answer; waits as long as its server asks for.
    async fn rests(&self, error: &llm::Error) -> Result<bool, End> {
        let pause = match error {
            llm::Error::Broken { .. } | llm::Error::Timeout { .. } => Duration::ZERO,
            llm::Error::Overloaded { retry_after, .. }
            | llm::Error::RateLimited { retry_after, .. } => retry_after.unwrap_or(SHORT_REST),
            _ => return Ok(false),
        };
        if pause > LONG_REST {
            return Ok(false);
        }
        let end = Instant::now() + pause;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.hear(Chunk::Retry {
                wait: left,
                reason: error.to_string(),
            });
            let tick = tokio::time::sleep(left.min(Duration::from_secs(1)));
            if self.cancel.run_until_cancelled(tick).await.is_none() {
                return Err(End::cancelled());
            }
        }
        Ok(true)
    }

    /// Asks with the whole conversation. `said` is set once a piece of the answer was shown.
    async fn say_all(
        &self,
        role: Role,
        choice: Option<&str>,
        said: &mut bool,
    ) -> Result<Result<Reply, llm::Error>, End> {
        let request = llm::Request {
            system: Arc::from(prompt::SYSTEM),
            messages: self.conversation.lock().messages().to_vec(),
            tools: self.shared.toolbox().map_err(End::of)?.specs(),
            answer_schema: None,
            max_tokens: self.shared.config.max_tokens,
        };
        let mut hear = |chunk: Chunk<'_>| {
            *said |= matches!(chunk, Chunk::Text(_) | Chunk::Reasoning(_));
            self.hear(chunk);
        };
        Ok(self.ask_model(role, choice, &request, &mut hear).await)
    }

    /// Tells a whole answer: its calls and the end of the turn.
    fn record(&self, reply: &Reply, turn: u32) -> Result<(), End> {
        let mut taken: HashSet<String> = HashSet::new();
        self.answered_by.lock().clone_from(&reply.model);
        for call in &reply.calls {
            let mut id = call.id.clone();
            let mut n = 2;
            while self.conversation.lock().has_call(&id) || !taken.insert(id.clone()) {
                id = format!("{}-{n}", call.id);
                n += 1;
            }
            self.emit(Update::ToolCall {
                call: self.describe(id, call, &reply.stop)?,
            });
        }
        let carry = reply.carry.as_ref();
        let is_told = self.conversation.lock().said() == reply.text;
        self.emit(Update::Turn {
            turn,
            text: (!is_told).then(|| reply.text.clone()),
            carry: carry.and_then(|carry| serde_json::to_value(carry).ok()),
        });
        Ok(())
    }

    /// A call as it will run. Arguments that do not fit are put right where that is no guess, unless the answer was cut.
    pub(super) fn describe(
        &self,
        id: String,
        call: &llm::Call,
        stop: &llm::Stop,
    ) -> Result<ToolCall, End> {
        let text = match call.arguments.trim() {
            "" => "{}",
            _ => &call.arguments,
        };
        let read = heal::exact(text);
        let found = self.shared.toolbox().map_err(End::of)?.find(&call.name);
        let fits = |shape: &Shape| {
            read.as_ref()
                .is_ok_and(|input| shape.violations(input).is_empty())
        };
        let is_whole = matches!(stop, llm::Stop::End | llm::Stop::ToolUse);
        let healed = match &found {
            // What fits may still be bent: 1.0 is a whole number for the schema, and none for the tool.
            Ok((tool, shape)) if is_whole || fits(shape) => heal::heal(text, shape, tool.kind())
                .or_else(|| heal::adapt(text, *tool, shape).filter(|_| !fits(shape))),
            _ => None,
        };
        let mut arguments = None;
        let (input, mut healed) = match (healed, read) {
            (Some(healed), _) => (healed.value, healed.told),
            (None, Ok(input)) => {
                let usual = input.to_string();
                arguments = (input.is_object() && usual != text).then(|| text.to_owned());
                (input, Vec::new())
            }
            (None, Err(_)) => (
                serde_json::Value::String(call.arguments.clone()),
                Vec::new(),
            ),
        };
        let mut name = call.name.clone();
        let (kind, title) = match found {
            Ok((tool, _)) => {
                if tools::canonical(&name) != tool.name() {
                    healed.push("the tool's name".to_owned());
                    tool.name().clone_into(&mut name);
                }
                (tool.kind(), tool.title(&input))
            }
            Err(_) => (ToolKind::Other, name.clone()),
        };
        Ok(ToolCall {
            id: CallId(id),
            name,
            kind,
            title,
            input,
            arguments,
            healed,
        })
    }

    pub(super) fn hear(&self, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Text(text) => self.emit(Update::Message {
                text: text.to_owned(),
            }),
            Chunk::Reasoning(text) => self.emit(Update::Thought {
                text: text.to_owned(),
            }),
            Chunk::Retry { wait, reason } => {
                let seconds = u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX);
                self.emit(Update::Waiting {
                    wait: Wait::RateLimit,
                    seconds: Some(seconds),
                    message: format!("asking again in {seconds} s: {reason}"),
                });
            }
            Chunk::Attempt(attempt) => self.attempted(&attempt),
            other => {
                if let Some((level, message, hint)) = Self::notice_of(&other) {
                    self.emit(Update::Notice {
                        level,
                        message,
                        hint,
                    });
                }
            }
        }
    }

    /// A plan stated as a list in words. What is no list still ends the planning: the model had its turn.
    fn plan_in_words(&self, text: &str) -> Result<(), End> {
        let steps = prompt::steps_in(text);
        if !steps.is_empty() {
            let step = |content| Step {
                content,
                status: StepStatus::Pending,
            };
            self.emit(Update::Plan {
                plan: Plan {
                    entries: steps.into_iter().map(step).collect(),
                    ..Plan::default()
                },
            });
        }
        self.enter(Phase::Act)?;
        self.say(prompt::CARRY_OUT);
        Ok(())
    }

    /// Words of a person that came meanwhile go to the model. Whether there were any.
    pub(super) fn take_steering(&self) -> bool {
        let mut any = false;
        while let Ok(text) = self.steering.lock().try_recv() {
            self.emit(Update::Prompt {
                by: Speaker::User,
                text,
            });
            any = true;
        }
        any
    }

    fn say(&self, text: &str) {
        self.emit(Update::Prompt {
            by: Speaker::Agent,
            text: text.to_owned(),
        });
    }

    fn next_turn(&self) -> Result<u32, End> {
        let limit = self.shared.config.max_steps;
        let mut turns = self.turns.lock();
        if *turns >= limit {
            let failure = Failure::new(
                Code::BudgetExhausted,
                format!("the task took its {limit} steps without an end"),
            );
            return Err(End::failed(
                FinishReason::MaxSteps,
                failure.hint("raise agent.max_steps, or give a smaller task"),
            ));
        }
        *turns += 1;
        Ok(*turns)
    }
}

/// The end of a task whose model answers again and again so that nothing comes of it.
fn unusable(what: &str, times: u32) -> Failure {
    let failure = Failure::new(
        Code::Provider,
        format!("the model gave {what}, {times} times in a row"),
    );
    failure.hint("try another model (--model), or a smaller task")
}
