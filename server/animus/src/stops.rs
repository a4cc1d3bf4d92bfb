//! Stops: the wishes from outside that the program ends. Who listens must act on the first and end at once on the second.

/// Exit code of a program that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// Which wish it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Ctrl-C, or a terminal that is gone.
    Interrupt,
    /// The system's.
    Terminate,
}

/// Ctrl-C, a terminal that is gone, and the system's wish that the program ends.
pub struct Stops {
    #[cfg(unix)]
    signals: Option<[tokio::signal::unix::Signal; 3]>,
}

impl Stops {
    /// Listens from now on; the program no longer ends by itself.
    pub fn new() -> Stops {
        Stops {
            #[cfg(unix)]
            signals: {
                use tokio::signal::unix::{SignalKind, signal};
                let listen = |kind| signal(kind).ok();
                listen(SignalKind::interrupt())
                    .zip(listen(SignalKind::terminate()))
                    .zip(listen(SignalKind::hangup()))
                    .map(|((interrupt, terminate), hangup)| [interrupt, terminate, hangup])
            },
        }
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        self.which().await;
    }

    /// Waits for the next one, and tells which it is.
    pub async fn which(&mut self) -> Stop {
        #[cfg(unix)]
        match &mut self.signals {
            Some([interrupt, terminate, hangup]) => tokio::select! {
                _ = interrupt.recv() => Stop::Interrupt,
                _ = terminate.recv() => Stop::Terminate,
                _ = hangup.recv() => Stop::Interrupt,
            },
            None => std::future::pending().await,
        }
        #[cfg(not(unix))]
        match tokio::signal::ctrl_c().await {
            Ok(()) => Stop::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}
