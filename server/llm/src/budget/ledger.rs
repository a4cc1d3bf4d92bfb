//! `Ledger`: what was spent on a local day, shared by every process that appends to the same file.
//!
//! Invariant: the order of the lines decides who gets the last cent. A reservation counts from its line on: as held while its process
//! lives, and as spent for its day where that died before it settled. A line that cannot be read is skipped.
//!
//! The format is NDJSON: `{"id", "pid", "began", "reserve"}`, and the same with `settle` and `raise`, amounts in micro-dollars; `pid` and
//! `began` are the process and when it began.

use std::{collections::HashMap, fmt};

use jiff::Zoned;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use holder::Holder;

mod holder;

type Load = Box<dyn Fn(&str, u64) -> Vec<u8> + Send + Sync>;
type Append = Box<dyn Fn(&str, &str) + Send + Sync>;
type Clock = Box<dyn Fn() -> String + Send + Sync>;

/// Where the spending of a day is kept.
pub struct Ledger {
    load: Load,
    append: Append,
    today: Clock,
    own: Holder,
    day: Mutex<Day>,
}

/// One day, as far as it was read.
#[derive(Debug, Default)]
struct Day {
    name: String,
    /// Behind the last whole line.
    offset: u64,
    /// Whether bytes without a line feed follow.
    torn: bool,
    /// In the order of the lines.
    amounts: Vec<Amount>,
    places: HashMap<String, usize>,
    raised: u64,
    raises: HashMap<String, u64>,
}

/// What is reserved or spent.
#[derive(Debug, Clone, Copy)]
struct Amount {
    micro_usd: u64,
    /// Who may still settle it; none where it is spent.
    holder: Option<Holder>,
}

/// Where a day stands, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) spent: u64,
    /// Reserved by processes that live.
    pub(crate) held: u64,
    /// Lifts of the cap.
    pub(crate) raised: u64,
}

/// Why nothing was reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What is spent, what is held left out.
    pub(crate) spent: u64,
    /// The cap with its lifts.
    pub(crate) limit: u64,
    /// It would fit if nothing were held.
    pub(crate) is_held_up: bool,
}

/// A reservation.
#[derive(Debug)]
pub(crate) struct Ticket {
    day: String,
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    id: String,
    #[serde(flatten)]
    holder: Holder,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Reserve(u64),
    Settle(u64),
    Raise(u64),
}

impl Ledger {
    /// `load` returns what a day's file holds from a byte on, nothing where there is none. `append` adds a text to a day's file as
    /// it is, in one write. Days are called `2026-01-02`.
    #[must_use]
    pub fn new(load: Load, append: Append) -> Ledger {
        let today = || Zoned::now().date().to_string();
        Ledger::with_clock(load, append, Box::new(today))
    }

    /// One that is forgotten with the process.
    pub(crate) fn in_memory() -> Ledger {
        Ledger::new(Box::new(|_, _| Vec::new()), Box::new(|_, _| {}))
    }

    fn with_clock(load: Load, append: Append, today: Clock) -> Ledger {
        Ledger {
            load,
            append,
            today,
            own: Holder::own(),
            day: Mutex::default(),
        }
    }

    /// Reserves `amount` of today's cap.
    ///
    /// # Errors
    /// Where it does not fit.
    pub(crate) fn reserve(&self, amount: u64, cap: Option<u64>) -> Result<Ticket, Refused> {
        let mut day = self.day.lock();
        self.refresh(&mut day);
        let limit = cap.map(|cap| cap.saturating_add(day.raised));
        let fits = |before: u64| limit.is_none_or(|limit| before.saturating_add(amount) <= limit);
        let refused = |day: &Day| {
            let spent = day.standing().spent;
            Err(Refused {
                spent,
                limit: limit.unwrap_or(0),
                is_held_up: fits(spent),
            })
        };
        if !fits(day.sum(day.amounts.len())) {
            return refused(&day);
        }
        let ticket = Ticket {
            day: day.name.clone(),
            id: uuid::Uuid::now_v7().simple().to_string(),
        };
        self.write(&mut day, &ticket.id, Entry::Reserve(amount));
        // Another process may have been quicker, and then its line stands before ours.
        let place = day.places.get(&ticket.id).copied().unwrap_or(0);
        if !fits(day.sum(place)) {
            self.write(&mut day, &ticket.id, Entry::Settle(0));
            return refused(&day);
        }
        Ok(ticket)
    }

    /// Replaces what was reserved by what was spent, on the day of the reservation.
    pub(crate) fn settle(&self, ticket: Ticket, amount: u64) {
        let mut day = self.day.lock();
        if day.name == ticket.day {
            self.write(&mut day, &ticket.id, Entry::Settle(amount));
        } else if let Some(line) = self.line(&ticket.id, Entry::Settle(amount)) {
            (self.append)(&ticket.day, &format!("\n{line}\n"));
        }
    }

    /// Lifts today's cap.
    pub(crate) fn raise(&self, amount: u64) {
        let mut day = self.day.lock();
        self.refresh(&mut day);
        let id = uuid::Uuid::now_v7().simple().to_string();
        self.write(&mut day, &id, Entry::Raise(amount));
    }

    /// Where today stands.
    pub(crate) fn standing(&self) -> Standing {
        let mut day = self.day.lock();
        self.refresh(&mut day);
        day.standing()
    }

    /// Appends a line and reads what stands in the file by now; counts it also where the file cannot be written.
    fn write(&self, day: &mut Day, id: &str, entry: Entry) {
        if let Some(line) = self.line(id, entry) {
            // A line that another process left without its end must not swallow ours.
            let start = if day.torn { "\n" } else { "" };
            (self.append)(&day.name, &format!("{start}{line}\n"));
        }
        self.read(day);
        day.apply(id, self.own, entry);
    }

    fn line(&self, id: &str, entry: Entry) -> Option<String> {
        let (id, holder) = (id.to_owned(), self.own);
        serde_json::to_string(&Line { id, holder, entry }).ok()
    }

    fn refresh(&self, day: &mut Day) {
        let today = (self.today)();
        if day.name != today {
            *day = Day {
                name: today,
                ..Day::default()
            };
        }
        self.read(day);
    }

    fn read(&self, day: &mut Day) {
        let bytes = (self.load)(&day.name, day.offset);
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        day.torn = whole < bytes.len();
        day.offset += whole as u64;
        for text in bytes[..whole].split(|byte| *byte == b'\n') {
            if let Ok(line) = serde_json::from_slice::<Line>(text) {
                day.apply(&line.id, line.holder, line.entry);
            }
        }
    }
}

impl Day {
    /// Applying an entry twice is the same as once.
    fn apply(&mut self, id: &str, holder: Holder, entry: Entry) {
        let known = self.places.get(id).copied();
        let (micro_usd, holder) = match entry {
            Entry::Raise(amount) => {
                if self.raises.insert(id.to_owned(), amount).is_none() {
                    self.raised = self.raised.saturating_add(amount);
                }
                return;
            }
            Entry::Reserve(_) if known.is_some() => return,
            Entry::Reserve(amount) => (amount, Some(holder)),
            Entry::Settle(amount) => (amount, None),
        };
        let amount = Amount { micro_usd, holder };
        match known {
            Some(place) => self.amounts[place] = amount,
            None => {
                self.places.insert(id.to_owned(), self.amounts.len());
                self.amounts.push(amount);
            }
        }
    }

    /// Of the first so many, held or spent.
    fn sum(&self, places: usize) -> u64 {
        sum(&self.amounts[..places])
    }

    fn standing(&self) -> Standing {
        let mut alive: Vec<(Holder, bool)> = Vec::new();
        let mut is_held = |amount: &Amount| {
            let Some(holder) = amount.holder else {
                return false;
            };
            let known = alive.iter().find(|(known, _)| *known == holder);
            let known = known.map(|(_, alive)| *alive);
            known.unwrap_or_else(|| {
                let is_alive = holder.is_alive();
                alive.push((holder, is_alive));
                is_alive
            })
        };
        let (held, spent): (Vec<Amount>, Vec<Amount>) = self
            .amounts
            .iter()
            .copied()
            .partition(|amount| is_held(amount));
        Standing {
            spent: sum(&spent),
            held: sum(&held),
            raised: self.raised,
        }
    }
}

fn sum(amounts: &[Amount]) -> u64 {
    let all = amounts.iter();
    all.fold(0, |sum, amount| sum.saturating_add(amount.micro_usd))
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("day", &self.day.lock().name)
            .finish()
    }
}

#[cfg(test)]
mod tests;
