//! Server: what this process is and holds: its version, the index, the histories on disk. Looked at when it is asked for.

use super::register;
use agent::Agent;
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Opts, Registry};
use protocol::IndexState;

const STATES: [(&str, IndexState); 4] = [
    ("off", IndexState::Off),
    ("idle", IndexState::Idle),
    ("building", IndexState::Building),
    ("ready", IndexState::Ready),
];

/// The gauges of the process.
pub struct Server {
    index: IntGaugeVec,
    files: IntGauge,
    bytes: IntGauge,
    sessions: IntGauge,
    history: IntGauge,
    day: IntGauge,
    pub events: IntCounter,
}

impl Server {
    pub fn new(registry: &Registry, version: &str) -> Server {
        let gauge = |name: &str, help: &str| register(registry, IntGauge::new(name, help));
        let vector = |name: &str, help: &str, label: &str| {
            register(registry, IntGaugeVec::new(Opts::new(name, help), &[label]))
        };
        let build = vector(
            "animus_build_info",
            "Always 1; the label says which program this is.",
            "version",
        );
        build.with_label_values(&[version]).set(1);
        // The process as the kernel counts it: CPU, memory, file descriptors, start. Linux only.
        #[cfg(target_os = "linux")]
        let _ = registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        ));
        Server {
            index: vector(
                "animus_index_state",
                "1 at the state that the index over the code is in.",
                "state",
            ),
            files: gauge("animus_index_files", "Files that the index holds."),
            bytes: gauge(
                "animus_index_bytes",
                "Bytes of the files that the index holds.",
            ),
            sessions: gauge("animus_sessions", "Sessions on disk in this workspace."),
            history: gauge(
                "animus_history_bytes",
                "Bytes that the histories of sessions take on disk.",
            ),
            day: gauge(
                "animus_day_spent_micro_usd",
                "Millionths of a dollar that models cost today, in every process of the user, completions included.",
            ),
            events: register(
                registry,
                IntCounter::new("animus_events_total", "Events that tasks told."),
            ),
        }
    }

    /// Looks.
    pub fn look(&self, agent: &Agent) {
        let index = agent.status().index;
        for (word, state) in STATES {
            let here = i64::from(index.state == state);
            self.index.with_label_values(&[word]).set(here);
        }
        self.files.set(whole(index.files));
        self.bytes.set(whole(index.bytes));
        let (sessions, bytes) = agent.sessions_on_disk();
        self.sessions.set(whole(sessions));
        self.history.set(whole(bytes));
        self.day.set(whole(agent.spent_today()));
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
