//! Lane: what one reader has not seen yet. Events are references (a task, and numbers from and to), so that a reader that stands
//! still costs next to nothing however much is said.

use crate::feed::Signal;
use parking_lot::Mutex;
use protocol::TaskId;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};

/// Up to so many references the order over all tasks is kept; above, only that of each task.
const ORDERED: usize = 1024;

/// The lanes of all readers.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    lanes: Vec<Weak<Mutex<Lane>>>,
}

/// One reader's.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    parts: VecDeque<Part>,
    /// Number of the first part.
    first: u64,
    /// The newest run of each task that more can be added to, by its number.
    open: HashMap<TaskId, u64>,
}

#[derive(Debug)]
enum Part {
    /// Events of a task, first and last included.
    Run { task: TaskId, from: u64, to: u64 },
    /// A value. No run reaches over it.
    Said(Box<Signal>),
}

/// One thing to read.
#[derive(Debug)]
pub(super) enum Item {
    /// An event of the log.
    Event { task: TaskId, seq: u64 },
    /// A value.
    Said(Box<Signal>),
}

impl Queue {
    /// A new reader's lane: empty, whatever was said before.
    pub(crate) fn join(&mut self) -> Arc<Mutex<Lane>> {
        let lane = Arc::new(Mutex::new(Lane::default()));
        self.lanes.push(Arc::downgrade(&lane));
        lane
    }

    /// An event was told.
    pub(crate) fn event(&mut self, task: &TaskId, seq: u64) {
        self.each(|lane| lane.event(task, seq));
    }

    /// A value was said.
    pub(crate) fn say(&mut self, signal: &Signal) {
        self.each(|lane| lane.say(signal));
    }

    /// Whether some reader has still to see events of a task.
    pub(crate) fn names(&mut self, task: &TaskId) -> bool {
        let mut named = false;
        self.each(|lane| {
            named |= lane
                .parts
                .iter()
                .any(|part| matches!(part, Part::Run { task: of, .. } if of == task));
        });
        named
    }

    /// Parts that are kept for all readers.
    #[cfg(test)]
    pub(crate) fn len(&mut self) -> usize {
        let mut sum = 0;
        self.each(|lane| sum += lane.parts.len());
        sum
    }

    fn each(&mut self, mut work: impl FnMut(&mut Lane)) {
        self.lanes.retain(|lane| {
            let lane = lane.upgrade();
            if let Some(lane) = &lane {
                work(&mut lane.lock());
            }
            lane.is_some()
        });
    }
}

impl Lane {
    fn event(&mut self, task: &TaskId, seq: u64) {
        if self.parts.is_empty() {
            self.open.clear();
        }
        let newest = match self.parts.len() {
            few if few <= ORDERED => few.checked_sub(1),
            _ => self.open.get(task).and_then(|number| {
                let at = number.checked_sub(self.first)?;
                usize::try_from(at).ok()
            }),
        };
        if let Some(Part::Run { task: of, to, .. }) = newest.and_then(|at| self.parts.get_mut(at))
            && of == task
            && *to + 1 == seq
        {
            *to = seq;
            return;
        }
        let number = self.first + self.parts.len() as u64;
        self.open.insert(task.clone(), number);
        self.parts.push_back(Part::Run {
            task: task.clone(),
            from: seq,
            to: seq,
        });
    }

    fn say(&mut self, signal: &Signal) {
        self.open.clear();
        self.parts.push_back(Part::Said(Box::new(signal.clone())));
    }

    /// The next thing to read.
    pub(super) fn take(&mut self) -> Option<Item> {
        if let Some(Part::Run { task, from, to }) = self.parts.front_mut()
            && *from < *to
        {
            *from += 1;
            return Some(Item::Event {
                task: task.clone(),
                seq: *from - 1,
            });
        }
        let part = self.parts.pop_front()?;
        self.first += 1;
        Some(match part {
            Part::Run { task, from, .. } => Item::Event { task, seq: from },
            Part::Said(signal) => Item::Said(signal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(lane: &mut Lane) -> Vec<(String, u64)> {
        let mut all = Vec::new();
        while let Some(item) = lane.take() {
            match item {
                Item::Event { task, seq } => all.push((task.to_string(), seq)),
                Item::Said(_) => all.push(("said".to_owned(), 0)),
            }
        }
        all
    }

    #[test]
    fn r1_many_tasks_cost_a_bounded_number_of_parts_and_lose_nothing() {
        let mut lane = Lane::default();
        let tasks: Vec<TaskId> = (0..50).map(|n| TaskId::from(format!("t{n}"))).collect();
        for seq in 0..2_000 {
            for task in &tasks {
                lane.event(task, seq);
            }
            if seq == 1_000 {
                let message = String::new();
                lane.say(&Signal::Notice {
                    level: protocol::Level::Info,
                    message,
                });
            }
        }
        assert!(lane.parts.len() < 1_400, "{}", lane.parts.len());
        let all = drained(&mut lane);
        let said = all.iter().position(|(of, _)| of == "said").unwrap();
        for task in &tasks {
            let seen = |part: &[(String, u64)]| -> Vec<u64> {
                let of = part.iter().filter(|(of, _)| *of == task.to_string());
                of.map(|(_, seq)| *seq).collect()
            };
            assert_eq!(seen(&all[..said]), (0..=1_000).collect::<Vec<_>>());
            assert_eq!(seen(&all[said..]), (1_001..2_000).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_short_lane_keeps_the_order_of_all_tasks() {
        let mut lane = Lane::default();
        let told = [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("b", 2)];
        for (task, seq) in told {
            lane.event(&task.into(), seq);
        }
        let told: Vec<_> = told
            .iter()
            .map(|(task, seq)| ((*task).to_owned(), *seq))
            .collect();
        assert_eq!(drained(&mut lane), told);
    }
}
