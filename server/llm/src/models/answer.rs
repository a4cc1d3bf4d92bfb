//! A whole answer as the caller gets it: with the calls that stand in its text, where those count, and its price.
//!
//! Invariant: calls that came in the server's own way win; a model that made one is never again read for calls in its text.

use super::{Shared, choice::Candidate};
use crate::{
    Carry, ProviderRequest, RawReply, Reply, Stop, ToolCalling, calls,
    text_calls::{self, Reading, Reason},
};

impl Shared {
    /// The reply of `candidate` to `asked`.
    pub(super) fn reply(
        &self,
        raw: RawReply,
        candidate: &Candidate,
        asked: &ProviderRequest<'_>,
    ) -> Reply {
        let RawReply {
            mut text,
            reasoning,
            mut calls,
            carry,
            usage,
            mut stop,
        } = raw;
        let label = candidate.label();
        if !calls.is_empty() {
            self.callers.lock().insert(label.clone());
        } else if stop == Stop::End
            && let Some(reason) = self.reason(candidate, asked)
        {
            let reading = Reading {
                tools: asked.tools,
                messages: asked.messages,
                reason,
            };
            (text, calls) = text_calls::take(&text, &reading);
            if !calls.is_empty() {
                calls::unique(&mut calls, asked.messages);
                stop = Stop::ToolUse;
            }
        }
        // With nothing else to carry, it tells at least whose ids these are.
        let carry = carry.or_else(|| calls::are_odd(&calls).then_some(serde_json::Value::Null));
        let price = candidate.model.price;
        Reply {
            text,
            reasoning,
            calls,
            carry: carry.map(|value| Carry {
                model: label.clone(),
                value,
            }),
            usage,
            cost_micro_usd: price.map(|price| price.cost_micro_usd(&usage)),
            stop,
            model: label,
        }
    }

    /// Why the model would write calls into its text; none where it would not.
    fn reason(&self, candidate: &Candidate, asked: &ProviderRequest<'_>) -> Option<Reason> {
        if asked.tools.is_empty() || asked.tool_calling == ToolCalling::Native {
            return None;
        }
        let server = self.providers.get(&candidate.model.provider)?;
        match server.provider.tells_tools_in_text(asked) {
            true => Some(Reason::Told),
            false if self.callers.lock().contains(asked.label) => None,
            false => Some(Reason::Silent),
        }
    }
}
