//! Metrics: Prometheus counters as a fold of events (law 4). Names of the original program keep their meaning.

use agent::{Feed, Signal};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use protocol::{Event, TestVerdict, Update};
use std::sync::Arc;

/// The registry with what it counts.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    tokens: IntCounterVec,
    duration: HistogramVec,
    models: IntCounterVec,
    tests: IntCounterVec,
    tools: IntCounterVec,
    running: IntGauge,
}

impl Metrics {
    /// Everything at zero.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            register(&registry, IntCounterVec::new(Opts::new(name, help), labels))
        };
        let seconds = HistogramOpts::new(
            "mycodex_agent_duration_seconds",
            "Wall time of a task in seconds.",
        )
        .buckets(vec![0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0]);
        Metrics {
            requests: counter(
                "mycodex_agent_requests_total",
                "Finished tasks.",
                &["finish_reason"],
            ),
            tokens: counter(
                "mycodex_agent_tokens_total",
                "Tokens sent and received.",
                &["finish_reason"],
            ),
            duration: register(&registry, HistogramVec::new(seconds, &["finish_reason"])),
            models: counter(
                "mycodex_model_usage_total",
                "Answered model calls.",
                &["role", "model"],
            ),
            tests: counter("animus_test_runs_total", "Ended test runs.", &["verdict"]),
            tools: counter(
                "animus_tool_calls_total",
                "Answered tool calls.",
                &["status"],
            ),
            running: register(
                &registry,
                IntGauge::new("animus_running_tasks", "Tasks that are running."),
            ),
            registry,
        }
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        match &event.update {
            Update::Started { .. } => self.running.inc(),
            Update::Usage { usage } => self
                .models
                .with_label_values(&[&usage.role, &usage.model])
                .inc(),
            Update::ToolResult { result } => {
                self.tools
                    .with_label_values(&[if result.failure.is_some() {
                        "failed"
                    } else {
                        "completed"
                    }])
                    .inc();
            }
            Update::Test { report } if report.verdict != TestVerdict::Running => {
                let verdict = match report.verdict {
                    TestVerdict::Passed => "passed",
                    TestVerdict::Failed => "failed",
                    TestVerdict::Broken | TestVerdict::Running => "broken",
                };
                self.tests.with_label_values(&[verdict]).inc();
            }
            Update::Finished {
                reason,
                usage,
                duration_ms,
                ..
            } => {
                self.running.dec();
                let reason = [reason.as_str()];
                self.requests.with_label_values(&reason).inc();
                self.tokens
                    .with_label_values(&reason)
                    .inc_by(usage.input_tokens + usage.output_tokens);
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a task fit")]
                self.duration
                    .with_label_values(&reason)
                    .observe(*duration_ms as f64 / 1000.0);
            }
            _ => {}
        }
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn text(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}

/// Counts what a feed brings, for as long as the runtime lives.
pub fn follow(mut feed: Feed, metrics: Arc<Metrics>) {
    tokio::spawn(async move {
        loop {
            if let Signal::Event(event) = feed.next().await {
                metrics.apply(&event);
            }
        }
    });
}

/// Registers a metric. Names and labels are constants of this file, so a refusal is a defect that the tests find.
fn register<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<M>,
) -> M {
    let registered =
        metric.and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric));
    match registered {
        Ok(metric) => metric,
        Err(error) => unreachable!("a metric of this file: {error}"),
    }
}
