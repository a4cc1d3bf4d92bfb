//! Transport: how many streams are open and what went wrong on the wire, by transport.

use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use protocol::Code;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The wires, as metrics name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Connect, gRPC and gRPC-Web.
    Connect,
    /// Plain HTTP.
    Ndjson,
}

impl Wire {
    fn as_str(self) -> &'static str {
        match self {
            Wire::Connect => "connect",
            Wire::Ndjson => "ndjson",
        }
    }
}

/// The figures of the wires.
pub struct Transports {
    sessions: IntGaugeVec,
    errors: IntCounterVec,
}

impl Transports {
    /// Everything at zero.
    ///
    /// # Errors
    /// Where the registry has metrics of these names already.
    pub fn new(registry: &Registry) -> prometheus::Result<Transports> {
        let sessions = IntGaugeVec::new(
            Opts::new(
                "mycodex_transport_active_sessions",
                "Streams that are open.",
            ),
            &["transport"],
        )?;
        let errors = IntCounterVec::new(
            Opts::new(
                "mycodex_transport_errors_total",
                "Requests that were refused and streams that broke.",
            ),
            &["transport", "reason"],
        )?;
        registry.register(Box::new(sessions.clone()))?;
        registry.register(Box::new(errors.clone()))?;
        for wire in [Wire::Connect, Wire::Ndjson] {
            sessions.with_label_values(&[wire.as_str()]).set(0);
            for reason in [Code::Auth, Code::Denied, Code::InvalidInput, Code::Internal] {
                errors.with_label_values(&[wire.as_str(), reason.as_str()]);
            }
        }
        Ok(Transports { sessions, errors })
    }

    /// Counts a stream for as long as what comes back lives.
    pub fn open(&self, wire: Wire) -> Active {
        let gauge = self.sessions.with_label_values(&[wire.as_str()]);
        gauge.inc();
        Active(gauge)
    }

    /// Counts an error.
    pub fn error(&self, wire: Wire, reason: Code) {
        self.errors
            .with_label_values(&[wire.as_str(), reason.as_str()])
            .inc();
    }
}

/// Whether what went wrong with a request has been counted already.
#[derive(Debug, Clone, Default)]
pub struct Counted(Arc<AtomicBool>);

impl Counted {
    /// It has.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// An open stream.
pub struct Active(IntGauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}
