//! Traces: tasks as spans for an OpenTelemetry collector, a fold of events like all else (law 4). No span holds what was asked,
//! answered, read or written; a collector that is slow or gone never slows a task (R1).

mod export;
mod fold;
mod span;

pub use export::{Exporter, Post, Sent};
pub use fold::Fold;

use prometheus::{IntCounterVec, Opts, Registry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The `telemetry` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of an OpenTelemetry collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; absent: no traces.
    pub otlp_endpoint: Option<String>,
    /// Name of the environment variable that holds headers for it: `name=value`, comma-separated, values percent-encoded.
    pub otlp_headers_env: Option<String>,
    /// What the traces call this program.
    pub service_name: String,
    /// How many of a hundred tasks are traced.
    pub sample_percent: f64,
    /// Whether `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_SERVICE_NAME` fill what is absent here.
    pub use_otel_environment: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            otlp_endpoint: None,
            otlp_headers_env: None,
            service_name: "animus".to_owned(),
            sample_percent: 100.0,
            use_otel_environment: false,
        }
    }
}

/// What becomes of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Sent,
    Dropped,
}

static SPANS: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let about = "Spans of traces: sent to the collector, or dropped for want of one that took them in time.";
    let options = Opts::new("animus_trace_spans_total", about);
    let spans = IntCounterVec::new(options, &["outcome"]).ok()?;
    for outcome in ["sent", "dropped"] {
        spans.with_label_values(&[outcome]);
    }
    Some(spans)
});

fn count(outcome: Outcome, spans: usize) {
    let word = match outcome {
        Outcome::Sent => "sent",
        Outcome::Dropped => "dropped",
    };
    if let Some(counter) = &*SPANS {
        counter.with_label_values(&[word]).inc_by(spans as u64);
    }
}

/// Shows the spans of this process in a registry.
pub(crate) fn count_in(registry: &Registry) {
    if let Some(spans) = &*SPANS {
        // Fails only where it is registered already.
        let _ = registry.register(Box::new(spans.clone()));
    }
}
