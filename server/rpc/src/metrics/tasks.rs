//! Tasks: how many run and for how long, which phases took their time, how they ended.

use super::{counter, histogram, register, seconds};
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry,
};
use protocol::{Event, FinishReason, Phase, TaskId, Update};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Bounds of times that are as long as a task: a second to an hour.
pub const LONG: &[f64] = &[
    1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0,
];

/// Bounds of times of one step.
const STEP: &[f64] = &[0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1200.0];

/// The counters of tasks.
pub struct Tasks {
    live: Mutex<HashMap<TaskId, Live>>,
    running: IntGauge,
    oldest: Gauge,
    started: IntCounter,
    requests: IntCounterVec,
    tokens: IntCounterVec,
    duration: HistogramVec,
    phases: HistogramVec,
    first_word: Histogram,
}

/// A task that runs.
struct Live {
    /// Milliseconds since 1970.
    began: i64,
    phase: Phase,
    since: i64,
    /// Whether the model said anything yet.
    spoke: bool,
}

impl Tasks {
    pub fn new(registry: &Registry) -> Tasks {
        let counter = |name, help, label: &str, words: &[&str]| {
            let counter = counter(registry, name, help, &[label]);
            for word in words {
                counter.with_label_values(&[word]);
            }
            counter
        };
        let times = |name, help, label: &str, bounds, words: &[&str]| {
            let times = histogram(registry, name, help, &[label], bounds);
            for word in words {
                times.with_label_values(&[word]);
            }
            times
        };
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help));
        let reasons = FinishReason::ALL.map(crate::seed::word);
        let phases = Phase::ALL.map(Phase::as_str);
        Tasks {
            live: Mutex::default(),
            running: gauge("animus_running_tasks", "Tasks that are running."),
            oldest: register(
                registry,
                Gauge::new(
                    "animus_oldest_task_seconds",
                    "Age of the task that runs longest; 0 where none runs.",
                ),
            ),
            started: register(
                registry,
                IntCounter::new("animus_tasks_started_total", "Tasks that began."),
            ),
            requests: counter(
                "mycodex_agent_requests_total",
                "Finished tasks.",
                "finish_reason",
                &reasons,
            ),
            tokens: counter(
                "mycodex_agent_tokens_total",
                "Tokens sent and received.",
                "finish_reason",
                &reasons,
            ),
            duration: times(
                "mycodex_agent_duration_seconds",
                "Wall time of a task in seconds.",
                "finish_reason",
                LONG,
                &reasons,
            ),
            phases: times(
                "animus_phase_seconds",
                "Time that a task spent in a phase before the next.",
                "phase",
                STEP,
                &phases[..12],
            ),
            first_word: register(
                registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "animus_task_first_word_seconds",
                        "Time from a task's begin to the first piece of its model's answer.",
                    )
                    .buckets(STEP.to_vec()),
                ),
            ),
        }
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        let now = millis(&event.ts);
        match &event.update {
            Update::Started { .. } => self.began(&event.task, now),
            Update::Phase { phase, .. } => self.entered(&event.task, *phase, now),
            Update::Message { .. } | Update::Thought { .. } => self.spoke(&event.task, now),
            Update::Finished {
                reason,
                usage,
                duration_ms,
                ..
            } => {
                let reason = [crate::seed::word(*reason)];
                self.requests.with_label_values(&reason).inc();
                self.tokens
                    .with_label_values(&reason)
                    .inc_by(usage.input_tokens.saturating_add(usage.output_tokens));
                self.duration
                    .with_label_values(&reason)
                    .observe(seconds(*duration_ms));
                self.ended(&event.task, now);
            }
            _ => {}
        }
    }

    /// Sets what grows without an event.
    pub fn look(&self) {
        let now = jiff::Timestamp::now().as_millisecond();
        let live = self.live();
        let oldest = live.values().map(|task| task.began).min();
        self.oldest
            .set(oldest.map_or(0.0, |began| between(began, now)));
    }

    fn began(&self, task: &TaskId, now: i64) {
        self.started.inc();
        self.running.inc();
        self.live().insert(
            task.clone(),
            Live {
                began: now,
                phase: Phase::Intake,
                since: now,
                spoke: false,
            },
        );
    }

    fn entered(&self, task: &TaskId, phase: Phase, now: i64) {
        if let Some(live) = self.live().get_mut(task) {
            self.passed(live, now);
            live.phase = phase;
            live.since = now;
        }
    }

    fn passed(&self, live: &Live, now: i64) {
        self.phases
            .with_label_values(&[live.phase.as_str()])
            .observe(between(live.since, now));
    }

    fn spoke(&self, task: &TaskId, now: i64) {
        if let Some(live) = self.live().get_mut(task).filter(|live| !live.spoke) {
            live.spoke = true;
            self.first_word.observe(between(live.began, now));
        }
    }

    fn ended(&self, task: &TaskId, now: i64) {
        if let Some(live) = self.live().remove(task) {
            if live.phase != Phase::Finished {
                self.passed(&live, now);
            }
            self.running.dec();
        }
    }

    fn live(&self) -> std::sync::MutexGuard<'_, HashMap<TaskId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Milliseconds since 1970 of an event's time; 0 for a time that is none.
fn millis(ts: &str) -> i64 {
    ts.parse()
        .map_or(0, |time: jiff::Timestamp| time.as_millisecond())
}

fn between(from: i64, to: i64) -> f64 {
    seconds(u64::try_from(to.saturating_sub(from)).unwrap_or(0))
}
