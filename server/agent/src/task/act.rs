//! The work itself: the model's turns until it says that the draft is complete.

use super::{End, Task};
use crate::prompt;
use llm::{Chunk, Reply, Role};
use protocol::{
    CallId, Code, Failure, FinishReason, Level, Phase, Plan, Speaker, Step, StepStatus, ToolCall,
    ToolKind, Update, Wait,
};
use std::collections::HashSet;
use std::sync::Arc;
use workspace::Draft;

/// How often in a row an answer may be empty, cut or broken before the task gives up.
const PATIENCE: u32 = 2;

impl Task {
    /// Turns until an answer without a call; returns that answer.
    pub(super) async fn act(&self, draft: &mut Draft) -> Result<String, End> {
        let mut poor_answers = 0;
        loop {
            self.check_cancelled()?;
            self.take_steering();
            let Some(reply) = self.turn(&mut poor_answers).await? else {
                continue;
            };
            if !reply.calls.is_empty() {
                poor_answers = 0;
                self.run_calls(draft).await?;
                continue;
            }
            let poor = match reply.stop {
                llm::Stop::Length => Some(prompt::CUT_ANSWER),
                _ if reply.text.trim().is_empty() => Some(prompt::EMPTY_ANSWER),
                _ => None,
            };
            if let Some(nudge) = poor {
                poor_answers += 1;
                if poor_answers > PATIENCE {
                    let failure = Failure::new(
                        Code::Provider,
                        format!("the model gave no usable answer, {poor_answers} times in a row"),
                    );
                    return Err(End::of(
                        failure.hint("try another model (--model), or a smaller task"),
                    ));
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
        let request = llm::Request {
            system: Arc::from(prompt::SYSTEM),
            messages: self.conversation.lock().messages().to_vec(),
            tools: self.shared.toolbox().map_err(End::of)?.specs(),
            max_tokens: self.shared.config.max_tokens,
        };
        let mut said = false;
        let mut hear = |chunk: Chunk<'_>| {
            said |= matches!(chunk, Chunk::Text(_) | Chunk::Reasoning(_));
            self.hear(chunk);
        };
        let reply = match self
            .models
            .complete(role, choice, &request, &self.cancel, &mut hear)
            .await
        {
            Ok(reply) => reply,
            Err(error) => {
                let broken = matches!(
                    error,
                    llm::Error::Broken { .. } | llm::Error::Timeout { .. }
                );
                let failure = crate::failure::of_model(&error);
                if !broken || !said || *poor_answers >= PATIENCE {
                    return Err(End::of(failure));
                }
                *poor_answers += 1;
                self.emit(Update::Notice {
                    level: Level::Warning,
                    message: failure.message,
                    hint: None,
                });
                self.say("Your last answer was cut off by the network. Answer again, whole.");
                return Ok(None);
            }
        };
        self.record(&reply, number, role)?;
        Ok(Some(reply))
    }

    /// Tells a whole answer: its calls, the end of the turn, what it used.
    fn record(&self, reply: &Reply, turn: u32, role: Role) -> Result<(), End> {
        let mut taken: HashSet<String> = self.call_ids();
        for call in &reply.calls {
            let mut id = call.id.clone();
            let mut n = 2;
            while !taken.insert(id.clone()) {
                id = format!("{}-{n}", call.id);
                n += 1;
            }
            self.emit(Update::ToolCall {
                call: self.describe(id, call)?,
            });
        }
        self.emit(Update::Turn { turn });
        self.count(crate::failure::usage_of(reply, role));
        Ok(())
    }

    fn describe(&self, id: String, call: &llm::Call) -> Result<ToolCall, End> {
        let text = if call.arguments.trim().is_empty() {
            "{}"
        } else {
            &call.arguments
        };
        let input = serde_json::from_str(text)
            .unwrap_or_else(|_| serde_json::Value::String(call.arguments.clone()));
        let (kind, title) = match self.shared.toolbox().map_err(End::of)?.find(&call.name) {
            Ok((tool, _)) => (tool.kind(), tool.title(&input)),
            Err(_) => (ToolKind::Other, call.name.clone()),
        };
        Ok(ToolCall {
            id: CallId(id),
            name: call.name.clone(),
            kind,
            title,
            input,
        })
    }

    fn call_ids(&self) -> HashSet<String> {
        let conversation = self.conversation.lock();
        let messages = conversation.messages().iter();
        let calls = messages.filter_map(|message| match message {
            llm::Message::Assistant { calls, .. } => Some(calls),
            _ => None,
        });
        calls.flatten().map(|call| call.id.clone()).collect()
    }

    pub(super) fn hear(&self, chunk: Chunk<'_>) {
        match chunk {
            Chunk::Text(text) => self.emit(Update::Message {
                text: text.to_owned(),
            }),
            Chunk::Reasoning(text) => self.emit(Update::Thought {
                text: text.to_owned(),
            }),
            Chunk::Retry { wait, reason } => self.emit(Update::Waiting {
                wait: Wait::RateLimit,
                seconds: u64::try_from(wait.as_millis().div_ceil(1000)).ok(),
                message: format!("{reason}; asking again in {:.1} s", wait.as_secs_f32()),
            }),
            Chunk::Fallback { from, to, reason } => self.emit(Update::Notice {
                level: Level::Warning,
                message: format!("{from} failed ({reason}); asking {to}"),
                hint: None,
            }),
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
