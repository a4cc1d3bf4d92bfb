//! Reflection: the critic reads the draft's diff with the plan, the diagnostics and the tests, never the coder's reasoning.
//! Under `block_on_critical` nothing lands without a critique that says it may (A4).

mod material;

use super::verify::Verdict;
use super::{End, Task};
use crate::config::ReflectionPolicy;
use crate::critic::{self, Malformed};
use crate::prompt;
use protocol::{Critique, FinishReason, Level, Phase, Update};
use std::sync::Arc;
use workspace::Draft;

/// How often the critic is shown less because its server found it too much.
const MOST_CUTS: u32 = 3;

/// What came of asking the critic.
enum Word {
    /// An answer that fits.
    Given(Critique),
    /// No answer that counts, and why.
    Silent { why: String, end: End },
}

impl Task {
    /// Asks the critic. Some where the draft goes back to the model.
    pub(super) async fn judge_by_critic(
        &self,
        draft: &Draft,
        may_repair: bool,
    ) -> Result<Option<Verdict>, End> {
        let config = &self.shared.config;
        if !config.enable_reflect {
            return Ok(None);
        }
        let refused = self.refused_draft.lock().clone();
        if let Some((_, list)) = refused.filter(|(revision, _)| *revision == draft.revision()) {
            return Err(blocked(&list));
        }
        self.enter(Phase::Reflect)?;
        let blocks = config.reflection_policy == ReflectionPolicy::BlockOnCritical;
        let critique = match self.ask_critic(draft).await? {
            Word::Given(critique) => critique,
            Word::Silent { why, end } if blocks => {
                self.silent(&why, "under block_on_critical nothing lands without it: read the patch and accept it yourself, or set agent.reflection_policy");
                self.keep(draft)?;
                return Err(end);
            }
            Word::Silent { why, .. } => {
                self.silent(&why, "the tests alone decide; read the patch yourself");
                Critique {
                    quality: "unknown".into(),
                    ..Critique::default()
                }
            }
        };
        let critical = critique.is_critical();
        let list = critic::as_list(&critique);
        self.emit(Update::Critique { critique });
        if critical && config.reflection_policy == ReflectionPolicy::WarnOnly {
            self.emit(Update::Notice {
                level: Level::Warning,
                message: format!("the critic found something critical:\n{list}"),
                hint: Some(
                    "under agent.reflection_policy: warn_only the patch lands all the same"
                        .to_owned(),
                ),
            });
        }
        if !critical || !blocks {
            return Ok(None);
        }
        match may_repair {
            true => {
                *self.refused_draft.lock() = Some((draft.revision(), list.clone()));
                Ok(Some(Verdict::Again(prompt::findings(&list))))
            }
            false => Err(blocked(&list)),
        }
    }

    async fn ask_critic(&self, draft: &Draft) -> Result<Word, End> {
        let choice = self.request.critic_model.as_deref();
        let mut most = self.critic_bytes(choice);
        let text = self.material(draft, most);
        let mut messages = vec![llm::Message::User { text }];
        let mut cuts = 0;
        loop {
            let request = llm::Request {
                system: Arc::from(prompt::CRITIC),
                messages: messages.clone(),
                tools: Arc::from([]),
                answer_schema: Some(Arc::new(critic::asked())),
                max_tokens: self.shared.config.max_tokens,
            };
            let asked = self.ask_unheard(llm::Role::Critic, choice, &request);
            let reply = match asked.await {
                Ok(reply) => reply,
                Err(llm::Error::Cancelled) => return Err(End::cancelled()),
                Err(llm::Error::TooLong { .. }) if cuts < MOST_CUTS => {
                    cuts += 1;
                    most /= 2;
                    let text = self.material(draft, most);
                    messages[0] = llm::Message::User { text };
                    continue;
                }
                Err(error) => {
                    let failure = crate::failure::of_model(&error);
                    return Ok(Word::Silent {
                        why: failure.message.clone(),
                        end: End::of(failure),
                    });
                }
            };
            let malformed = match critic::read(&reply.text) {
                Ok(critique) => return Ok(Word::Given(critique)),
                Err(malformed) => malformed,
            };
            // What is critical is not asked about until it no longer is.
            if messages.len() > 1 || malformed.heard.is_critical() {
                return Ok(unread(malformed));
            }
            messages.push(llm::Message::Assistant {
                text: reply.text,
                calls: Vec::new(),
                carry: reply.carry,
            });
            messages.push(llm::Message::User {
                text: prompt::critic_again(&malformed.violations),
            });
        }
    }

    fn silent(&self, why: &str, hint: &str) {
        self.emit(Update::Notice {
            level: Level::Warning,
            message: format!("the critic said nothing that counts: {why}"),
            hint: Some(hint.to_owned()),
        });
    }
}

/// The end of a task whose draft the critic refused. The same draft is not shown to it until it says yes.
fn blocked(list: &str) -> End {
    End::new(
        FinishReason::BlockedByCritic,
        format!("The critic found something critical; your files are as they were.\n{list}"),
    )
}

/// An answer that did not fit twice. A critical word in it counts all the same.
fn unread(malformed: Malformed) -> Word {
    if malformed.heard.is_critical() {
        return Word::Given(malformed.heard);
    }
    let why = format!(
        "its answer could not be read, twice ({})",
        malformed.violations.join("; ")
    );
    let end = End::new(
        FinishReason::BlockedByCritic,
        format!(
            "Nothing lands without a critique: {why}. The patch waits for your decision; your files are as they were."
        ),
    );
    Word::Silent { why, end }
}
