//! Metrics: Prometheus counters as a fold of events (law 4). Names of the original program keep their meaning, and no label takes
//! more values than its set or its limit has.

mod answers;
mod models;
mod names;
mod patches;
mod server;
mod tasks;
#[cfg(test)]
mod tests;
mod tools;
mod verdicts;

use agent::{Agent, Feed, Signal};
use answers::Answers;
use models::Models;
use patches::Patches;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder};
use protocol::{Event, PatchView};
use server::Server;
use std::sync::Arc;
use tasks::Tasks;
use tools::Tools;
use verdicts::Verdicts;

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The registry with what it counts.
pub struct Metrics {
    registry: Registry,
    tasks: Tasks,
    verdicts: Verdicts,
    tools: Tools,
    patches: Patches,
    models: Models,
    answers: Answers,
    server: Server,
    /// Whose index and histories are looked at.
    agent: Option<Agent>,
}

impl Metrics {
    /// Everything at zero, and nobody to look at.
    pub fn new() -> Metrics {
        let registry = Registry::new();
        let tools = agent::Toolbox::new().map(|tools| tools.specs());
        let tools = tools.iter().flat_map(|specs| specs.iter());
        let known = tools.map(|tool| tool.name.clone()).collect();
        crate::traces::count_in(&registry);
        Metrics {
            tasks: Tasks::new(&registry),
            verdicts: Verdicts::new(&registry),
            tools: Tools::new(&registry, known),
            patches: Patches::new(&registry),
            models: Models::new(&registry),
            answers: Answers::new(&registry),
            server: Server::new(&registry, env!("CARGO_PKG_VERSION")),
            agent: None,
            registry,
        }
    }

    /// Of an agent; follow its feed too (see [`follow`]).
    pub fn of(agent: Agent) -> Metrics {
        let metrics = Metrics::new();
        let asked = agent.status().models;
        let asked = asked
            .iter()
            .map(|view| (view.role.as_str(), view.model.as_str()));
        metrics.models.expect(asked);
        Metrics {
            agent: Some(agent),
            ..metrics
        }
    }

    /// Where figures that are no fold of events are counted too.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Takes one fact in.
    pub fn apply(&self, event: &Event) {
        self.server.events.inc();
        self.tasks.apply(event);
        self.verdicts.apply(event);
        self.tools.apply(event);
        self.patches.apply(event);
        self.models.apply(&event.update);
        self.answers.apply(&event.update);
    }

    /// A patch changed outside its task.
    pub fn patch(&self, patch: &PatchView) {
        self.patches.is(&patch.id, patch.state);
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn text(&self) -> String {
        self.tasks.look();
        if let Some(agent) = &self.agent {
            self.server.look(agent);
        }
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}

/// Counts what a feed brings, for as long as the runtime lives. Tasks that another process works on are counted there.
pub fn follow(mut feed: Feed, metrics: Arc<Metrics>) {
    tokio::spawn(async move {
        loop {
            match feed.next().await {
                Signal::Event(event) => metrics.apply(&event),
                Signal::Patch(patch) => metrics.patch(&patch),
                Signal::Elsewhere(_) | Signal::Notice { .. } => {}
            }
        }
    });
}

fn counter(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    register(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    bounds: &[f64],
) -> HistogramVec {
    let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
    register(registry, HistogramVec::new(options, labels))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a lifetime fit a double"
)]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// Registers a metric. Names and labels are constants of this module, so a refusal is a defect that the tests find.
fn register<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<M>,
) -> M {
    let registered =
        metric.and_then(|metric| registry.register(Box::new(metric.clone())).map(|()| metric));
    match registered {
        Ok(metric) => metric,
        Err(error) => unreachable!("a metric of this module: {error}"),
    }
}
