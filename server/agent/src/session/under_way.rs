//! Under way: whether a task's events end while a model is asked. Nothing tells the begin of a call, so it is seen from what stands
//! before it; where that is not sure, a call counts, since its server may charge for it.

use llm::Role;
use protocol::{Event, Phase, Update, Wait};

/// The role whose model was asked when the events of one task ended; none where none was.
pub(super) fn asked<'e>(events: impl Iterator<Item = &'e Event>) -> Option<Role> {
    let mut role = None;
    let mut unanswered = 0_usize;
    let mut asking = false;
    for event in events {
        asking = match &event.update {
            Update::Phase { phase, .. } => {
                role = of_phase(*phase);
                unanswered == 0
            }
            Update::ToolCall { .. } => {
                unanswered += 1;
                false
            }
            Update::ToolResult { .. } => {
                unanswered = unanswered.saturating_sub(1);
                unanswered == 0
            }
            Update::Prompt { .. }
            | Update::Message { .. }
            | Update::Thought { .. }
            | Update::Compacted { .. }
            | Update::Fallback { .. } => true,
            // The last second of a pause is over before the next is told.
            Update::Waiting { wait, seconds, .. } => {
                *wait == Wait::RateLimit && seconds.is_none_or(|left| left <= 1)
            }
            Update::Turn { .. }
            | Update::ModelCall { .. }
            | Update::Usage { .. }
            | Update::Critique { .. }
            | Update::Approval { .. }
            | Update::Finished { .. } => false,
            _ => asking,
        };
    }
    role.filter(|_| asking)
}

/// Who is asked in a phase without a tool.
fn of_phase(phase: Phase) -> Option<Role> {
    match phase {
        Phase::Plan => Some(Role::Planner),
        Phase::Act | Phase::Repair => Some(Role::Coder),
        Phase::Reflect => Some(Role::Critic),
        _ => None,
    }
}
