//! Telemetry: traces of an agent's tasks, where a collector is configured. Nothing is sent anywhere unless the user's own
//! configuration names the place.

use crate::compose::Compose;
use crate::config::Settings;
use crate::print;
use crate::render::style::clean;
use agent::Agent;
use futures::FutureExt;
use llm::{Collector, Posted, Secret};
use protocol::{Code, Failure};
use rpc::traces::{Config, Exporter, Post, Sent};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the end of the program waits for the last spans.
const FLUSH: Duration = Duration::from_secs(3);

/// Where traces go.
pub struct Target {
    /// The collector.
    pub collector: Collector,
    /// With what the environment filled in.
    pub config: Config,
}

/// The configured collector, if there is one.
///
/// # Errors
/// `config` for an address or headers that are none, or a variable that is not set.
pub fn target(
    settings: &Settings,
    vars: &BTreeMap<String, String>,
) -> Result<Option<Target>, Failure> {
    let mut config = settings.telemetry.clone();
    let set = |name: &str| vars.get(name).filter(|value| !value.is_empty()).cloned();
    if config.use_otel_environment {
        let endpoint = || {
            set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"))
        };
        config.otlp_endpoint = config.otlp_endpoint.or_else(endpoint);
        let headers = || Some("OTEL_EXPORTER_OTLP_HEADERS".to_owned());
        config.otlp_headers_env = config
            .otlp_headers_env
            .or_else(|| headers().filter(|name| set(name).is_some()));
        if let (true, Some(name)) = (
            config.service_name == Config::default().service_name,
            set("OTEL_SERVICE_NAME"),
        ) {
            config.service_name = name;
        }
    }
    let Some(endpoint) = config
        .otlp_endpoint
        .as_deref()
        .filter(|url| !url.trim().is_empty())
    else {
        return Ok(None);
    };
    let headers = match &config.otlp_headers_env {
        None => None,
        Some(name) => Some(Secret::from(set(name).ok_or_else(|| {
            Failure::new(
                Code::Config,
                format!("telemetry.otlp_headers_env: {name} is not set, so no traces are sent"),
            )
        })?)),
    };
    let collector = Collector::new(endpoint, headers.as_ref())
        .map_err(|error| Failure::new(Code::Config, error.to_string()))?;
    Ok(Some(Target { collector, config }))
}

/// Sends traces of the agent's tasks from now on, where that is configured. Needs a tokio runtime around it.
pub fn start(compose: &Compose, settings: &Settings, agent: &Agent) -> Option<Exporter> {
    let Target { collector, config } = match target(settings, compose.vars()) {
        Ok(target) => target?,
        Err(failure) => {
            print::warning(&format!("warning: {}", clean(&failure.message)));
            return None;
        }
    };
    let collector = Arc::new(collector);
    let complained = Arc::new(AtomicBool::new(false));
    let post: Post = Arc::new(move |bytes| {
        let (collector, complained) = (collector.clone(), complained.clone());
        async move {
            let (sent, why) = match collector.post(bytes).await {
                Posted::Taken => return Sent::Taken,
                Posted::Later(why) => (Sent::Later, why),
                Posted::Refused(why) => (Sent::Never, why),
            };
            // Once is enough; how many are lost is a metric.
            if !complained.swap(true, Ordering::Relaxed) {
                let origin = collector.origin();
                tracing::warn!("the trace collector at {origin} does not take traces: {why}");
            }
            sent
        }
        .boxed()
    });
    Some(Exporter::start(agent, &config, post))
}

/// Sends what is left, for a few seconds at most.
pub async fn finish(traces: Option<Exporter>) {
    if let Some(traces) = traces {
        traces.flush(FLUSH).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(yaml: &str, vars: &[(&str, &str)]) -> Result<Option<Target>, Failure> {
        let settings: Settings = serde_saphyr::from_str(yaml).unwrap();
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        target(&settings, &vars.iter().map(pair).collect())
    }

    const OTEL: [(&str, &str); 3] = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=k"),
        ("OTEL_SERVICE_NAME", "theirs"),
    ];

    #[test]
    fn the_environment_of_others_counts_only_where_it_is_asked_for() {
        assert!(found("version: 1", &OTEL).unwrap().is_none());
        let asked = "telemetry: {use_otel_environment: true}";
        let target = found(asked, &OTEL).unwrap().unwrap();
        assert_eq!(target.collector.origin(), "http://collector:4318");
        assert_eq!(target.config.service_name, "theirs");
        assert!(found(asked, &[]).unwrap().is_none());
        let own = "telemetry: {use_otel_environment: true, otlp_endpoint: 'http://own', service_name: mine}";
        let target = found(own, &OTEL).unwrap().unwrap();
        assert_eq!(target.collector.origin(), "http://own");
        assert_eq!(target.config.service_name, "mine");
    }

    #[test]
    fn headers_that_are_not_there_are_named() {
        let yaml = "telemetry: {otlp_endpoint: 'http://own', otlp_headers_env: MY_HEADERS}";
        let failure = found(yaml, &[]).err().unwrap();
        assert!(failure.message.contains("MY_HEADERS is not set"));
        assert!(found(yaml, &[("MY_HEADERS", "a=b")]).unwrap().is_some());
    }
}
