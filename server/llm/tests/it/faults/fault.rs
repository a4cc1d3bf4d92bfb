//! `Fault`: what a server does to its client, and how the call must end.

use std::{fmt, sync::Arc, time::Duration};

use testkit::http::Answer;

/// One row of the table in `docs/models.md`.
#[derive(Clone)]
pub struct Fault {
    /// Unique; it says what the server does.
    pub name: String,
    /// The dialect of the server that fails.
    pub kind: &'static str,
    /// Its address, where it is no server of ours.
    pub place: Place,
    /// The n-th answer.
    pub answer: Arc<dyn Fn(usize) -> Answer + Send + Sync>,
    /// How often it is asked, each time by a new question.
    pub rounds: usize,
    /// Attempts at each candidate.
    pub attempts: u32,
    pub end: End,
    /// The most time for one question.
    pub within: Duration,
    /// Whether it takes so much of the machine that others would be late beside it.
    pub load: Load,
}

/// Where the model is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// At a server that plays the answers.
    Server,
    /// The same, said to speak TLS.
    Tls,
    /// At a port where nobody listens.
    Refused,
    /// At a host that has no address.
    Nowhere,
}

/// What a fault takes of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    Light,
    Heavy,
}

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this class at the faulty server, then the next candidate answers.
    Next(&'static str),
    /// With this class once, then the same server answers.
    Again(&'static str),
    /// With this class, since something was shown: nobody else is asked.
    Fails(&'static str),
    /// As `Next` or `Fails`, by what was shown.
    Either(&'static str),
    /// With this class as `Either`, or where its end was known with the text and the calls of all recorded streams.
    WholeOr(&'static str),
    /// With this text, and calls as `name arguments`.
    Reply(&'static str, &'static [&'static str]),
}

impl Fault {
    /// A server that always answers so; 5 s for it.
    pub fn new(name: impl Into<String>, answer: Answer, end: End) -> Fault {
        Fault {
            name: name.into(),
            kind: "openai",
            place: Place::Server,
            answer: Arc::new(move |_| answer.clone()),
            rounds: 1,
            attempts: 2,
            end,
            within: Duration::from_secs(5),
            load: Load::Light,
        }
    }

    /// A server that fails once and then says "Back.".
    pub fn once(name: impl Into<String>, answer: Answer, class: &'static str) -> Fault {
        let back = Answer::sse(super::streams::openai_text("Back."));
        let answer = move |turn| {
            if turn == 0 {
                answer.clone()
            } else {
                back.clone()
            }
        };
        Fault::new(name, Answer::default(), End::Again(class)).by(1, answer)
    }

    pub fn at(self, place: Place) -> Fault {
        Fault { place, ..self }
    }

    pub fn anthropic(self) -> Fault {
        Fault {
            kind: "anthropic",
            ..self
        }
    }

    pub fn by(
        self,
        rounds: usize,
        answer: impl Fn(usize) -> Answer + Send + Sync + 'static,
    ) -> Fault {
        let answer = Arc::new(answer);
        Fault {
            rounds,
            answer,
            ..self
        }
    }

    pub fn attempts(self, attempts: u32) -> Fault {
        Fault { attempts, ..self }
    }

    /// Played alone.
    pub fn alone(self) -> Fault {
        let load = Load::Heavy;
        Fault { load, ..self }
    }

    /// Seconds of silence that the client bears: few where silence is the fault.
    pub fn silence(&self) -> u64 {
        match self.end {
            End::Next("timeout") | End::Fails("timeout") => 1,
            _ => 5,
        }
    }

    pub fn within(self, seconds: u64) -> Fault {
        Fault {
            within: Duration::from_secs(seconds),
            ..self
        }
    }

    /// Its row in the documentation.
    pub fn row(&self) -> String {
        let kind = self.kind;
        format!("| {} | {kind} | {} |", self.name, self.end)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Next(class) => write!(f, "`{class}`, the next candidate answers"),
            End::Again(class) => write!(f, "`{class}`, asked again"),
            End::Fails(class) => write!(f, "`{class}`, ends, since text was shown"),
            End::Either(class) => write!(f, "`{class}`, the next candidate unless text was shown"),
            End::WholeOr(class) => write!(f, "`{class}` as above, or a whole reply"),
            End::Reply(..) => write!(f, "a whole reply"),
        }
    }
}
