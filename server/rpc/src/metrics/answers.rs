//! Answers: how well models write calls and edits, and how often their conversations had to be shortened.

use super::counter;
use super::names::Names;
use prometheus::{IntCounterVec, Registry};
use protocol::{CompactionStep, EditForm, EditOutcome, Update};

/// The counters of answers.
pub struct Answers {
    edits: IntCounterVec,
    simpler: IntCounterVec,
    names: Names,
    compactions: IntCounterVec,
}

impl Answers {
    pub fn new(registry: &Registry) -> Answers {
        let answers = Answers {
            names: Names::default(),
            edits: counter(
                registry,
                "animus_edit_replies_total",
                "Edits that models wrote, by form and what became of them.",
                &["model", "form", "outcome"],
            ),
            simpler: counter(
                registry,
                "animus_edit_step_downs_total",
                "Times that a model was told to use a simpler form of edits.",
                &["model", "form"],
            ),
            compactions: counter(
                registry,
                "animus_compactions_total",
                "Times that a conversation was shortened.",
                &["step"],
            ),
        };
        for step in ["shortened", "summarised", "dropped"] {
            answers.compactions.with_label_values(&[step]);
        }
        answers
    }

    /// Takes one fact in.
    pub fn apply(&self, update: &Update) {
        match update {
            Update::EditReply { reply } => {
                let outcome = match reply.outcome {
                    EditOutcome::Good => "good",
                    EditOutcome::Malformed => "malformed",
                };
                let model = self.names.label(&reply.model);
                self.edits
                    .with_label_values(&[model, form(reply.form), outcome])
                    .inc();
                if let Some(now) = reply.now {
                    self.simpler.with_label_values(&[model, form(now)]).inc();
                }
            }
            Update::Compacted { compaction } => {
                let step = match compaction.step {
                    CompactionStep::Shortened => "shortened",
                    CompactionStep::Summarised => "summarised",
                    CompactionStep::Dropped => "dropped",
                };
                self.compactions.with_label_values(&[step]).inc();
            }
            _ => {}
        }
    }
}

fn form(form: EditForm) -> &'static str {
    match form {
        EditForm::Patch => "patch",
        EditForm::Blocks => "blocks",
        EditForm::Replace => "replace",
        EditForm::Whole => "whole",
    }
}
