//! Verdicts: what tests, the critic and people said of the work, and what the work told them.

use super::tasks::LONG;
use super::{counter, histogram, register, seconds};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, Registry};
use protocol::{Approval, ApprovalId, ApprovalState, Event, Level, TaskId, TestVerdict, Update};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// The counters of verdicts.
pub struct Verdicts {
    tests: IntCounterVec,
    test_time: HistogramVec,
    critiques: IntCounterVec,
    asked: IntCounterVec,
    answered: IntCounterVec,
    open: IntGauge,
    questions: Mutex<HashSet<(TaskId, ApprovalId)>>,
    notices: IntCounterVec,
}

impl Verdicts {
    pub fn new(registry: &Registry) -> Verdicts {
        let counter = |name, help, label: &str, words: &[&str]| {
            let counter = counter(registry, name, help, &[label]);
            for word in words {
                counter.with_label_values(&[word]);
            }
            counter
        };
        let verdicts = ["passed", "failed", "broken"];
        let (name, help) = ("animus_test_seconds", "Wall time of a test run.");
        let test_time = histogram(registry, name, help, &["verdict"], LONG);
        for verdict in verdicts {
            test_time.with_label_values(&[verdict]);
        }
        Verdicts {
            tests: counter(
                "animus_test_runs_total",
                "Ended test runs.",
                "verdict",
                &verdicts,
            ),
            test_time,
            critiques: counter(
                "animus_critiques_total",
                "Answers of the critic, by the worst that it found.",
                "outcome",
                &["clear", "critical"],
            ),
            asked: counter(
                "animus_approvals_asked_total",
                "Questions to a person: about a call of a tool, or of the task itself.",
                "about",
                &["call", "task"],
            ),
            answered: counter(
                "animus_approvals_answered_total",
                "Questions that were answered; no answer in time means no.",
                "answer",
                &["allowed", "rejected"],
            ),
            open: register(
                registry,
                IntGauge::new("animus_open_approvals", "Questions that wait for a person."),
            ),
            questions: Mutex::default(),
            notices: counter(
                "animus_notices_total",
                "Notices that tasks gave, by how loud they are.",
                "level",
                &["info", "warning", "error"],
            ),
        }
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        match &event.update {
            Update::Test { report } => {
                let verdict = match report.verdict {
                    TestVerdict::Passed => "passed",
                    TestVerdict::Failed => "failed",
                    TestVerdict::Broken => "broken",
                    TestVerdict::Running => return,
                };
                self.tests.with_label_values(&[verdict]).inc();
                self.test_time
                    .with_label_values(&[verdict])
                    .observe(seconds(report.duration_ms));
            }
            Update::Critique { critique } => {
                let outcome = match critique.is_critical() {
                    true => "critical",
                    false => "clear",
                };
                self.critiques.with_label_values(&[outcome]).inc();
            }
            Update::Approval { approval } => self.asked(event, approval),
            Update::ApprovalResolved { id, state, .. } => {
                let answer = match state {
                    ApprovalState::Allowed => "allowed",
                    ApprovalState::Rejected => "rejected",
                    ApprovalState::Pending => return,
                };
                self.answered.with_label_values(&[answer]).inc();
                let question = (event.task.clone(), id.clone());
                self.with_questions(|open| {
                    open.remove(&question);
                });
            }
            Update::Notice { level, .. } => {
                let level = match level {
                    Level::Info => "info",
                    Level::Warning => "warning",
                    Level::Error => "error",
                };
                self.notices.with_label_values(&[level]).inc();
            }
            Update::Finished { .. } => {
                self.with_questions(|open| open.retain(|(task, _)| *task != event.task));
            }
            _ => {}
        }
    }

    fn asked(&self, event: &Event, approval: &Approval) {
        if approval.state != ApprovalState::Pending {
            return;
        }
        let about = match approval.call {
            Some(_) => "call",
            None => "task",
        };
        self.asked.with_label_values(&[about]).inc();
        let question = (event.task.clone(), approval.id.clone());
        self.with_questions(|open| {
            open.insert(question);
        });
    }

    fn with_questions(&self, change: impl FnOnce(&mut HashSet<(TaskId, ApprovalId)>)) {
        let mut open = self
            .questions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut open);
        self.open.set(i64::try_from(open.len()).unwrap_or(i64::MAX));
    }
}
