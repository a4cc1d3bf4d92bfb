//! Pieces: what a model says, told in portions. Servers send a token at a time; a person reads no faster than a screen is drawn, and
//! each event costs the history and every reader something. The first piece is told at once, what follows within [`PACE`]; joined,
//! the portions are the answer to the byte.

use parking_lot::Mutex;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The longest that a piece is held back: one frame of a screen.
const PACE: Duration = Duration::from_millis(16);

/// Bytes that are told at once, however soon they come.
const PORTION: usize = 2 << 10;

/// Which of its voices a model speaks in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The answer.
    Message,
    /// Visible reasoning.
    Thought,
}

/// What one call said and nobody was told yet.
#[derive(Debug, Default)]
pub struct Pieces {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    voice: Option<Voice>,
    text: String,
    /// When the last portion was told.
    told: Option<Instant>,
}

impl Pieces {
    /// Takes a piece and tells what is due.
    pub fn add(&self, voice: Voice, piece: &str, tell: impl Fn(Voice, String)) {
        let mut held = self.held.lock();
        if held.voice != Some(voice) {
            held.tell(&tell);
            held.voice = Some(voice);
        }
        held.text.push_str(piece);
        let now = Instant::now();
        let due = held.told.is_none_or(|told| now >= told + PACE);
        if due || held.text.len() >= PORTION {
            held.tell(&tell);
            held.told = Some(now);
        }
    }

    /// Tells everything that is held back.
    pub fn flush(&self, tell: impl Fn(Voice, String)) {
        let mut held = self.held.lock();
        held.tell(&tell);
        held.told = Some(Instant::now());
    }

    /// Waits for a call and tells meanwhile what is due, also where the server has gone silent.
    pub async fn during<T>(
        &self,
        call: impl Future<Output = T>,
        tell: impl Fn(Voice, String),
    ) -> T {
        let mut call = pin!(call);
        let mut alarm = pin!(sleep_until(Instant::now()));
        let answer = poll_fn(|context| {
            if let Poll::Ready(answer) = call.as_mut().poll(context) {
                return Poll::Ready(answer);
            }
            if let Some(due) = self.due() {
                if alarm.deadline() != due {
                    alarm.as_mut().reset(due);
                }
                if alarm.as_mut().poll(context).is_ready() {
                    self.flush(&tell);
                }
            }
            Poll::Pending
        });
        let answer = answer.await;
        self.flush(tell);
        answer
    }

    fn due(&self) -> Option<Instant> {
        let held = self.held.lock();
        (!held.text.is_empty()).then(|| held.told.unwrap_or_else(Instant::now) + PACE)
    }
}

impl Held {
    fn tell(&mut self, tell: &impl Fn(Voice, String)) {
        if let (Some(voice), false) = (self.voice, self.text.is_empty()) {
            tell(voice, std::mem::take(&mut self.text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Mutex<Vec<(Voice, String, u128)>>;

    fn teller(told: &Told, start: Instant) -> impl Fn(Voice, String) {
        move |voice, text| {
            let at = start.elapsed().as_millis();
            told.lock().push((voice, text, at));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_piece_is_told_at_once_and_none_is_held_for_longer_than_a_frame() {
        let (pieces, told, start) = (Pieces::default(), Told::default(), Instant::now());
        let tell = teller(&told, start);
        let call = async {
            for piece in ["a", "b", "c"] {
                pieces.add(Voice::Message, piece, &tell);
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            pieces.add(Voice::Message, "d", &tell);
            pieces.add(Voice::Message, "e", &tell);
        };
        pieces.during(call, &tell).await;
        let told = told.lock().clone();
        let shape: Vec<(&str, u128)> = told
            .iter()
            .map(|(_, text, at)| (text.as_str(), *at))
            .collect();
        assert_eq!(shape, [("a", 0), ("bc", 16), ("d", 512), ("e", 512)]);
    }

    #[tokio::test(start_paused = true)]
    async fn voices_do_not_mix_and_nothing_is_lost() {
        let (pieces, told, start) = (Pieces::default(), Told::default(), Instant::now());
        let tell = teller(&told, start);
        let long = "x".repeat(PORTION);
        for (voice, piece) in [
            (Voice::Thought, "hm"),
            (Voice::Thought, "m"),
            (Voice::Message, "I "),
            (Voice::Message, "say"),
            (Voice::Message, &long),
            (Voice::Message, "!"),
        ] {
            pieces.add(voice, piece, &tell);
        }
        pieces.flush(&tell);
        let told = told.lock().clone();
        let said = |wanted: Voice| -> String {
            let mine = told.iter().filter(|(voice, ..)| *voice == wanted);
            mine.map(|(_, text, _)| text.as_str()).collect()
        };
        assert_eq!(said(Voice::Thought), "hmm");
        assert_eq!(said(Voice::Message), format!("I say{long}!"));
        let order: Vec<Voice> = told.iter().map(|(voice, ..)| *voice).collect();
        assert!(order.is_sorted_by_key(|voice| *voice == Voice::Message));
        assert!(told.len() <= 5, "{told:?}");
    }
}
