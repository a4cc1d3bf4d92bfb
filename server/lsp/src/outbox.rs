//! Outbox: the events that a client has not been sent yet, per task, in order, none ever dropped (R1). A client that
//! acknowledges has at most 256 KiB under way per task; another one gets at most 15 frames a second. A slow reader
//! costs memory for pointers only and gets fewer, larger frames.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use protocol::{Event, PROTOCOL_VERSION, TaskId};
use serde::Serialize;

/// Most bytes of events under way to a client that acknowledges, per task.
pub const WINDOW: usize = 256 * 1024;
/// Least time between two frames to a client that does not.
pub const SLOT: Duration = Duration::from_millis(67);

/// Params of `$/animus/event`.
#[derive(Debug, Clone, Serialize)]
pub struct Frame {
    /// Major version of the events.
    pub v: u32,
    /// The task of all of them.
    pub task: TaskId,
    /// In order, without gaps, following the frame before.
    pub events: Vec<Arc<Event>>,
}

/// What limits the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// What the client has acknowledged.
    Acks,
    /// Time.
    Slots,
}

/// The box.
#[derive(Debug)]
pub struct Outbox {
    pace: Pace,
    /// The lane that waits longest is first.
    lanes: VecDeque<Lane>,
    next_slot: Option<Instant>,
}

#[derive(Debug)]
struct Lane {
    task: TaskId,
    waiting: VecDeque<Arc<Event>>,
    /// Sent and not acknowledged: last sequence number and bytes of each event.
    sent: VecDeque<(u64, usize)>,
    under_way: usize,
}

impl Outbox {
    /// An empty box.
    pub fn new(pace: Pace) -> Outbox {
        Outbox {
            pace,
            lanes: VecDeque::new(),
            next_slot: None,
        }
    }

    /// An event happened.
    pub fn push(&mut self, event: Arc<Event>) {
        match self.lanes.iter_mut().find(|lane| lane.task == event.task) {
            Some(lane) => lane.waiting.push_back(event),
            None => self.lanes.push_back(Lane {
                task: event.task.clone(),
                waiting: VecDeque::from([event]),
                sent: VecDeque::new(),
                under_way: 0,
            }),
        }
    }

    /// The client has read a task's events up to and including `seq`.
    pub fn ack(&mut self, task: &TaskId, seq: u64) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.task == *task) else {
            return;
        };
        while lane.sent.front().is_some_and(|(sent, _)| *sent <= seq) {
            lane.under_way -= lane.sent.pop_front().map_or(0, |(_, bytes)| bytes);
        }
        self.sweep();
    }

    /// The next frame that may go now.
    pub fn next(&mut self, now: Instant) -> Option<Frame> {
        if self.pace == Pace::Slots && self.next_slot.is_some_and(|slot| now < slot) {
            return None;
        }
        let pace = self.pace;
        let at = self.lanes.iter().position(|lane| lane.may_send(pace))?;
        let mut lane = self.lanes.remove(at)?;
        let frame = Frame {
            v: PROTOCOL_VERSION,
            task: lane.task.clone(),
            events: lane.take(pace),
        };
        self.lanes.push_back(lane);
        if pace == Pace::Slots {
            self.next_slot = Some(now + SLOT);
        }
        self.sweep();
        Some(frame)
    }

    /// When to look again although nothing happens.
    pub fn wake(&self) -> Option<Instant> {
        let waits = self.lanes.iter().any(|lane| !lane.waiting.is_empty());
        self.next_slot.filter(|_| waits && self.pace == Pace::Slots)
    }

    /// Whether a frame may go at all now; also the gate of what is not an event.
    pub fn is_open(&self, now: Instant) -> bool {
        self.pace == Pace::Acks || self.next_slot.is_none_or(|slot| now >= slot)
    }

    /// When the next frame may go, where that is a matter of time.
    pub fn opens(&self) -> Option<Instant> {
        self.next_slot
    }

    /// Forgets lanes that have nothing left to say.
    fn sweep(&mut self) {
        self.lanes
            .retain(|lane| !lane.waiting.is_empty() || !lane.sent.is_empty());
    }
}

impl Lane {
    fn may_send(&self, pace: Pace) -> bool {
        match (pace, self.waiting.front()) {
            (_, None) => false,
            (Pace::Slots, Some(_)) => true,
            (Pace::Acks, Some(event)) => {
                self.under_way == 0 || self.under_way + size(event) <= WINDOW
            }
        }
    }

    fn take(&mut self, pace: Pace) -> Vec<Arc<Event>> {
        if pace == Pace::Slots {
            return self.waiting.drain(..).collect();
        }
        let mut events = Vec::new();
        while let Some(event) = self.waiting.front() {
            let bytes = size(event);
            if self.under_way > 0 && self.under_way + bytes > WINDOW {
                break;
            }
            self.under_way += bytes;
            self.sent.push_back((event.seq, bytes));
            events.extend(self.waiting.pop_front());
        }
        events
    }
}

/// Bytes of the event on the wire.
fn size(event: &Event) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // A counter takes every byte, and events have no keys that are not strings: this cannot fail.
    let _ = serde_json::to_writer(&mut count, event);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Update;

    fn event(task: &str, seq: u64, text: &str) -> Arc<Event> {
        Arc::new(Event {
            v: PROTOCOL_VERSION,
            task: task.into(),
            session: "s".into(),
            seq,
            ts: String::new(),
            update: Update::Message {
                text: text.to_owned(),
            },
        })
    }

    fn seqs(frame: &Frame) -> Vec<u64> {
        frame.events.iter().map(|event| event.seq).collect()
    }

    #[test]
    fn r1_a_client_without_acks_gets_15_frames_a_second_and_every_event() {
        let mut outbox = Outbox::new(Pace::Slots);
        let start = Instant::now();
        let (mut frames, mut seen) = (0, Vec::new());
        for tick in 0..1000u64 {
            outbox.push(event("a", tick, "x"));
            if let Some(frame) = outbox.next(start + Duration::from_millis(tick)) {
                frames += 1;
                seen.extend(seqs(&frame));
            }
        }
        assert!((14..=16).contains(&frames), "{frames}");
        let rest = outbox.next(start + Duration::from_secs(2)).unwrap();
        seen.extend(seqs(&rest));
        assert_eq!(seen, (0..1000).collect::<Vec<_>>());
        assert!(outbox.lanes.is_empty() && outbox.wake().is_none());
    }

    #[test]
    fn r1_a_client_that_does_not_ack_holds_only_its_own_task_back() {
        let mut outbox = Outbox::new(Pace::Acks);
        let now = Instant::now();
        let big = "x".repeat(100 * 1024);
        for seq in 0..5 {
            outbox.push(event("a", seq, &big));
        }
        assert_eq!(seqs(&outbox.next(now).unwrap()), [0, 1]);
        assert!(outbox.next(now).is_none());
        outbox.push(event("b", 0, "x"));
        assert_eq!(outbox.next(now).unwrap().task, TaskId::from("b"));
        outbox.ack(&"a".into(), 0);
        assert_eq!(seqs(&outbox.next(now).unwrap()), [2]);
        outbox.ack(&"a".into(), 2);
        assert_eq!(seqs(&outbox.next(now).unwrap()), [3, 4]);
        outbox.ack(&"a".into(), 4);
        outbox.ack(&"b".into(), 0);
        assert!(outbox.lanes.is_empty());
    }

    #[test]
    fn an_event_larger_than_the_window_passes_alone() {
        let mut outbox = Outbox::new(Pace::Acks);
        outbox.push(event("a", 0, &"x".repeat(2 * WINDOW)));
        outbox.push(event("a", 1, "x"));
        let now = Instant::now();
        assert_eq!(seqs(&outbox.next(now).unwrap()), [0]);
        assert!(outbox.next(now).is_none());
        outbox.ack(&"a".into(), 0);
        assert_eq!(seqs(&outbox.next(now).unwrap()), [1]);
    }

    #[test]
    fn tasks_take_turns() {
        let mut outbox = Outbox::new(Pace::Slots);
        let mut now = Instant::now();
        let mut order = String::new();
        for seq in 0..3 {
            outbox.push(event("a", seq, "x"));
            outbox.push(event("b", seq, "x"));
            now += SLOT;
            order.push_str(outbox.next(now).unwrap().task.as_str());
        }
        assert!(order == "aba" || order == "bab", "{order}");
    }
}
