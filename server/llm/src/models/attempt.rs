//! The attempts at one candidate: how each is asked, told, counted and settled.
//!
//! Invariant: M2 (see the crate). Every attempt passes the candidate's breaker and holds its worst cost; both are settled however the
//! attempt ends, also where the call is dropped.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{
    Models, Server,
    call::{On, Question},
    choice::Candidate,
};
use crate::{
    Attempt, BreakerState, Chunk, Error, Piece, ProviderRequest, RawReply, Role, Stop, Usage,
    breaker::{Admission, Last, Pass},
    budget::Hold,
    error::Next,
    provider::unless_cancelled,
    reply::usage,
    retry,
};

/// What the attempts at one candidate left behind.
#[derive(Debug, Default)]
pub(super) struct Trace {
    /// A piece of an answer was shown.
    pub(super) spoke: bool,
    /// The server may have worked on the last request.
    pub(super) charged: bool,
}

/// A candidate that may be asked now.
pub(super) struct Turn<'b> {
    pub(super) candidate: Candidate,
    pub(super) last: Last,
    pub(super) pass: Pass<'b>,
    pub(super) hold: Hold,
}

impl Models {
    /// What a further attempt needs: its worst cost, and one more of the expensive calls where the one before used its own up.
    fn again(
        &self,
        candidate: &Candidate,
        question: &Question<'_>,
        trace: &mut Trace,
    ) -> Result<Hold, Error> {
        if trace.charged {
            self.run.take(candidate)?;
            trace.charged = false;
        }
        self.hold(candidate, question)
    }

    /// Reserves what one attempt may cost.
    pub(super) fn hold(
        &self,
        candidate: &Candidate,
        question: &Question<'_>,
    ) -> Result<Hold, Error> {
        let label = candidate.label();
        let asked = self.asked(candidate, &label, question);
        let most = self.shared.budget.reserve_output_tokens;
        let most = u64::from(asked.max_tokens.unwrap_or(most));
        let worst = usage(&asked, (None, None, Some(most)), 0);
        let price = candidate.model.price;
        self.run
            .account
            .reserve(question.role, &label, price, worst)
    }

    pub(super) fn asked<'q>(
        &self,
        candidate: &'q Candidate,
        label: &'q str,
        question: &Question<'q>,
    ) -> ProviderRequest<'q> {
        let (model, request) = (&candidate.model, question.request);
        let server = self.shared.providers.get(&model.provider);
        let limits = [
            request.max_tokens,
            model.max_tokens,
            server.and_then(|server| server.max_tokens),
        ];
        ProviderRequest {
            role: question.role,
            label,
            model: &model.model,
            temperature: model.temperature,
            max_tokens: limits.into_iter().flatten().min().or_else(|| {
                // What a cap counts on is told to the server.
                let counted = self.run.account.counts(question.role, model.price);
                let reserved = self.shared.budget.reserve_output_tokens;
                let wanted = server.and_then(|server| server.kind.wanted_limit());
                if counted { Some(reserved) } else { wanted }
            }),
            system: &request.system,
            messages: &request.messages,
            tools: &request.tools,
            answer_schema: request.answer_schema.as_deref(),
            context_tokens: candidate.model.context_tokens,
            reasoning: model.reasoning,
            tool_calling: candidate.model.tool_calling,
            gap: question.filling.map(|filling| filling.gap),
            infill: candidate.model.infill,
        }
    }

    pub(super) fn warn(&self, candidate: &Candidate, role: Role, on: On<'_>) {
        let model = candidate.label();
        let account = &self.run.account;
        if account.is_news(role, &model, candidate.model.price) {
            on(Chunk::Uncounted { model });
        }
        for level in account.warnings() {
            on(Chunk::BudgetWarning {
                scope: level.scope,
                spent: level.spent,
                limit: level.limit,
            });
        }
    }

    /// Attempts at one candidate, with pauses, as long as nothing was heard.
    pub(super) async fn persist(
        &self,
        turn: Turn<'_>,
        question: &Question<'_>,
        trace: &mut Trace,
        on: On<'_>,
    ) -> Result<RawReply, Error> {
        let Turn {
            candidate,
            last,
            mut pass,
            mut hold,
        } = turn;
        let provider = &candidate.model.provider;
        let server = self.shared.providers.get(provider);
        let server =
            server.ok_or_else(|| Error::NoModel(format!("There is no provider {provider}.")))?;
        let label = candidate.label();
        let asked = self.asked(&candidate, &label, question);
        // The next key asks again: what is late is of no use to who types.
        let attempts = match question.filling {
            Some(_) => 1,
            None => self.shared.strategy.attempts.unwrap_or(retry::ATTEMPTS),
        };
        for number in 1.. {
            if question.cancel.is_cancelled() {
                hold.settle(None);
                return Err(Error::Cancelled);
            }
            let answer = attempt(server, &asked, question, number, (hold, trace), on).await;
            let change = pass.settle(answer.as_ref().map(drop));
            if let Some(state) = change {
                let model = label.clone();
                on(Chunk::Breaker { model, state });
            }
            self.warn(&candidate, question.role, on);
            let error = match answer {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let wait = match error.next() {
                Next::Again(asked) if !trace.spoke => retry::pause(number, attempts, asked),
                // Silence is long already, so once, and only where nobody else is left.
                Next::Fallback if !trace.spoke && number == 1 && is_silence(&error) => {
                    let pause = retry::pause(number, attempts, None);
                    pause.filter(|_| last == Last::Yes)
                }
                _ => None,
            };
            let wait = wait.filter(|_| last == Last::Yes || change != Some(BreakerState::Open));
            let Some(wait) = wait else {
                return Err(error);
            };
            let more = self.again(&candidate, question, trace)?;
            if let Err(cancelled) = countdown(wait, &error, question.cancel, on).await {
                more.settle(None);
                return Err(cancelled);
            }
            let Admission::Asked(again) = self.shared.breakers.admit(&label, Instant::now(), last)
            else {
                more.settle(None);
                return Err(error);
            };
            if again.is_probe() {
                let (model, state) = (label.clone(), BreakerState::HalfOpen);
                on(Chunk::Breaker { model, state });
            }
            (pass, hold) = (again, more);
        }
        Err(Error::Cancelled)
    }
}

fn is_silence(error: &Error) -> bool {
    matches!(error, Error::Timeout { .. })
}

/// One attempt, told and settled.
async fn attempt(
    server: &Server,
    asked: &ProviderRequest<'_>,
    question: &Question<'_>,
    number: u32,
    (mut hold, trace): (Hold, &mut Trace),
    on: On<'_>,
) -> Result<RawReply, Error> {
    let began = Instant::now();
    let mut first_piece = None;
    let mut spoke = false;
    let enough = question.filling.map(|filling| filling.enough);
    let mut said = Said::default();
    // Fires also where nobody gave up: what came is enough, and what would follow costs.
    let stop = question.cancel.child_token();
    let mut hear = |piece: Piece<'_>| {
        if said.is_enough {
            return;
        }
        let (text, chunk) = match piece {
            Piece::Text(text) => (text, Chunk::Text(text)),
            Piece::Reasoning(text) => (text, Chunk::Reasoning(text)),
            Piece::Progress(progress) => {
                if progress.calls > 0 {
                    first_piece.get_or_insert_with(|| began.elapsed());
                }
                hold.progress = progress;
                return;
            }
        };
        first_piece.get_or_insert_with(|| began.elapsed());
        spoke = true;
        hold.received = hold.received.saturating_add(text.len());
        on(chunk);
        if let (Some(enough), Piece::Text(text)) = (enough, piece) {
            said.text.push_str(text);
            said.is_enough = enough(&said.text);
            if said.is_enough {
                stop.cancel();
            }
        }
    };
    let answer = server.provider.complete(asked, &stop, &mut hear).await;
    let answer = match answer {
        Err(Error::Cancelled) if said.is_enough && !question.cancel.is_cancelled() => {
            Ok(said.reply(hold.estimate()))
        }
        answer => answer,
    };
    let usage = match &answer {
        Ok(reply) => Some(reply.usage),
        Err(error) => (error.is_charged() || first_piece.is_some()).then(|| hold.estimate()),
    };
    let cost = hold.settle(usage);
    let failure = answer.as_ref().err();
    on(Chunk::Attempt(Attempt {
        role: asked.role,
        model: asked.label.to_owned(),
        number,
        failure: failure.map(|error| (error.class(), error.to_string())),
        first_piece,
        took: began.elapsed(),
        usage,
        cost_micro_usd: usage.and(cost),
    }));
    trace.spoke |= spoke;
    trace.charged = usage.is_some();
    answer
}

/// What was said so far, where somebody watches for when it is enough.
#[derive(Debug, Default)]
struct Said {
    text: String,
    is_enough: bool,
}

impl Said {
    /// An answer that was stopped from here.
    fn reply(self, usage: Usage) -> RawReply {
        RawReply {
            text: self.text,
            reasoning: String::new(),
            calls: Vec::new(),
            carry: None,
            usage,
            stop: Stop::End,
        }
    }
}

/// Waits, and tells the time that is left at once and then each second.
async fn countdown(
    wait: Duration,
    error: &Error,
    cancel: &CancellationToken,
    on: On<'_>,
) -> Result<(), Error> {
    let end = Instant::now() + wait;
    let mut left = wait;
    loop {
        on(Chunk::Retry {
            wait: left,
            reason: error.to_string(),
        });
        let second = end - left.saturating_sub(Duration::from_secs(1));
        let rest = async {
            sleep_until(second).await;
            Ok(())
        };
        unless_cancelled(cancel, rest).await?;
        left = left.saturating_sub(Duration::from_secs(1));
        if left.is_zero() {
            return Ok(());
        }
    }
}
