//! `Account`: what one run has spent and reserved, against every cap that applies to it.
//!
//! Invariant: of calls that reserve at the same time, no two get the same money: the account is locked from the look at the first
//! cap to the last reservation. A [`Hold`] that is dropped settles with an estimate.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{Budget, Ledger, Scope, Spent, UnknownPrice, ledger::Ticket};
use crate::{Error, Price, Progress, Role, Usage, reply::tokens};

/// One run's.
#[derive(Debug)]
pub(crate) struct Account {
    ledger: Arc<Ledger>,
    warn_percent: u8,
    unknown_price: UnknownPrice,
    session_before: u64,
    tab: Mutex<Tab>,
}

#[derive(Debug)]
struct Tab {
    /// Raised ones as they are now; the day's is raised in the ledger.
    caps: BTreeMap<Scope, u64>,
    run: Sum,
    roles: BTreeMap<Role, Sum>,
    warned: BTreeSet<Scope>,
    uncounted: BTreeSet<String>,
    /// What the latest call that a cap refused may cost.
    refused: u64,
    /// The last reservation would have fit into the day if other calls held nothing.
    is_held_up: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    spent: u64,
    held: u64,
}

/// Money that is reserved for one attempt.
#[derive(Debug)]
pub(crate) struct Hold {
    account: Arc<Account>,
    role: Role,
    price: Option<Price>,
    reserved: u64,
    ticket: Option<Ticket>,
    /// Tokens sent, estimated.
    input: u64,
    /// Bytes of text and reasoning so far.
    pub(crate) received: usize,
    /// What else came so far.
    pub(crate) progress: Progress,
    settled: bool,
}

/// A cap that is reached or near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) scope: Scope,
    pub(crate) spent: u64,
    pub(crate) limit: u64,
}

impl Account {
    /// Of a run in a session that has spent `session_before` micro-dollars.
    pub(crate) fn new(
        budget: &Budget,
        caps: BTreeMap<Scope, u64>,
        ledger: Arc<Ledger>,
        session_before: u64,
    ) -> Account {
        Account {
            ledger,
            warn_percent: budget.warn_percent,
            unknown_price: budget.unknown_price,
            session_before,
            tab: Mutex::new(Tab {
                caps,
                run: Sum::default(),
                roles: BTreeMap::new(),
                warned: BTreeSet::new(),
                uncounted: BTreeSet::new(),
                refused: 0,
                is_held_up: false,
            }),
        }
    }

    /// Reserves what an attempt of `role` costs at worst: `usage` holds the tokens that are sent and the most that may come.
    ///
    /// # Errors
    /// `Budget` where a cap does not allow it, `Config` where the price is unknown and the budget refuses that.
    pub(crate) fn reserve(
        self: &Arc<Account>,
        role: Role,
        label: &str,
        price: Option<Price>,
        usage: Usage,
    ) -> Result<Hold, Error> {
        let mut tab = self.tab.lock();
        let mut hold = Hold {
            account: Arc::clone(self),
            role,
            price,
            reserved: 0,
            ticket: None,
            input: usage.input,
            received: 0,
            progress: Progress::default(),
            // Nothing is to be settled until something is reserved.
            settled: true,
        };
        let Some(price) = price else {
            let capped = tab.caps.keys().any(|scope| scope.covers(role));
            if capped && self.unknown_price == UnknownPrice::Refuse {
                return Err(Error::Config(format!(
                    "{label} has no price, and budget.unknown_price is refuse: set models.NAME.price"
                )));
            }
            return Ok(hold);
        };
        let written = Usage {
            cache_write: usage.input,
            ..usage
        };
        let worst = price
            .cost_micro_usd(&usage)
            .max(price.cost_micro_usd(&written));
        if worst == 0 {
            hold.settled = false;
            return Ok(hold);
        }
        tab.refused = worst;
        if let Some(level) = self.refusal(&tab, role, worst) {
            return Err(level.into_error());
        }
        let cap = tab.caps.get(&Scope::Day).copied();
        let ticket = self.ledger.reserve(worst, cap);
        tab.is_held_up = ticket.as_ref().is_err_and(|refused| refused.is_held_up);
        hold.ticket = Some(ticket.map_err(|refused| {
            let (spent, limit) = (refused.spent, refused.limit);
            let scope = Scope::Day;
            Level {
                scope,
                spent,
                limit,
            }
            .into_error()
        })?);
        hold.reserved = worst;
        hold.settled = false;
        tab.run.hold(worst);
        tab.roles.entry(role).or_default().hold(worst);
        Ok(hold)
    }

    /// The first cap, apart from the day's, that `worst` more would pass.
    fn refusal(&self, tab: &Tab, role: Role, worst: u64) -> Option<Level> {
        [Scope::Run, Scope::Session, Scope::Role(role)]
            .into_iter()
            .find_map(|scope| {
                let limit = *tab.caps.get(&scope)?;
                let sum = tab.sum(scope, self.session_before);
                let taken = sum.spent.saturating_add(sum.held);
                let spent = sum.spent;
                (taken.saturating_add(worst) > limit).then_some(Level {
                    scope,
                    spent,
                    limit,
                })
            })
    }

    /// Caps that are near, each once.
    pub(crate) fn warnings(&self) -> Vec<Level> {
        let mut tab = self.tab.lock();
        let caps: Vec<(Scope, u64)> = tab.caps.iter().map(|(scope, cap)| (*scope, *cap)).collect();
        let mut levels = Vec::new();
        for (scope, cap) in caps {
            if tab.warned.contains(&scope) {
                continue;
            }
            let (spent, limit) = match scope {
                Scope::Day => {
                    let day = self.ledger.standing();
                    (day.spent, cap.saturating_add(day.raised))
                }
                other => (tab.sum(other, self.session_before).spent, cap),
            };
            let share = u128::from(spent) * 100;
            if spent > 0 && share >= u128::from(limit) * u128::from(self.warn_percent) {
                tab.warned.insert(scope);
                levels.push(Level {
                    scope,
                    spent,
                    limit,
                });
            }
        }
        levels
    }

    /// Whether a cap counts what a call of `role` costs.
    pub(crate) fn counts(&self, role: Role, price: Option<Price>) -> bool {
        let costs = price.is_some_and(|price| !price.is_free());
        costs && self.tab.lock().caps.keys().any(|scope| scope.covers(role))
    }

    /// Whether it is to be told that no cap counts this model.
    pub(crate) fn is_news(&self, role: Role, label: &str, price: Option<Price>) -> bool {
        let mut tab = self.tab.lock();
        let capped = tab.caps.keys().any(|scope| scope.covers(role));
        price.is_none() && capped && tab.uncounted.insert(label.to_owned())
    }

    /// Lifts a cap by so many micro-dollars; the day's in every process that shares the ledger. There may be a new warning.
    pub(crate) fn raise(&self, scope: Scope, micro_usd: u64) {
        let mut tab = self.tab.lock();
        tab.warned.remove(&scope);
        match scope {
            Scope::Day => self.ledger.raise(micro_usd),
            other => {
                if let Some(cap) = tab.caps.get_mut(&other) {
                    *cap = cap.saturating_add(micro_usd);
                }
            }
        }
    }

    /// What the latest call that a cap refused may cost.
    pub(crate) fn refused(&self) -> u64 {
        self.tab.lock().refused
    }

    /// A cap for this run; the lower one holds.
    pub(crate) fn cap_run(&self, micro_usd: u64) {
        let mut tab = self.tab.lock();
        let cap = tab.caps.entry(Scope::Run).or_insert(micro_usd);
        *cap = micro_usd.min(*cap);
    }

    /// Whether only what other calls hold of the day was in the way of the last reservation, and how much that is.
    pub(crate) fn held_up(&self) -> Option<u64> {
        let is_held_up = self.tab.lock().is_held_up;
        is_held_up.then(|| self.ledger.standing().held)
    }

    pub(crate) fn spent(&self) -> Spent {
        let tab = self.tab.lock();
        Spent {
            run: tab.run.spent,
            session: self.session_before.saturating_add(tab.run.spent),
            day: self.ledger.standing().spent,
            roles: tab
                .roles
                .iter()
                .map(|(role, sum)| (*role, sum.spent))
                .collect(),
        }
    }
}

impl Tab {
    /// The day's is in the ledger.
    fn sum(&self, scope: Scope, session_before: u64) -> Sum {
        match scope {
            Scope::Run | Scope::Day => self.run,
            Scope::Session => Sum {
                spent: session_before.saturating_add(self.run.spent),
                held: self.run.held,
            },
            Scope::Role(role) => self.roles.get(&role).copied().unwrap_or_default(),
        }
    }
}

impl Sum {
    fn hold(&mut self, amount: u64) {
        self.held = self.held.saturating_add(amount);
    }

    fn settle(&mut self, reserved: u64, cost: u64) {
        self.held = self.held.saturating_sub(reserved);
        self.spent = self.spent.saturating_add(cost);
    }
}

impl Scope {
    fn covers(self, role: Role) -> bool {
        match self {
            Scope::Run | Scope::Session | Scope::Day => true,
            Scope::Role(own) => own == role,
        }
    }
}

impl Level {
    fn into_error(self) -> Error {
        let Level {
            scope,
            spent,
            limit,
        } = self;
        Error::Budget {
            scope,
            limit,
            spent,
        }
    }
}

impl Hold {
    /// What was sent and received so far: as the server counted it, else a token per four bytes.
    pub(crate) fn estimate(&self) -> Usage {
        let progress = &self.progress;
        let input = progress.input.unwrap_or(self.input);
        let cached = progress.cached.min(input);
        let received = tokens(self.received.saturating_add(progress.calls));
        Usage {
            input,
            cached,
            cache_write: progress.cache_write.min(input - cached),
            // An early count is of what came before it.
            output: received.max(progress.output.unwrap_or(0)),
            estimated: true,
        }
    }

    /// Records what the attempt used (nothing where the server charges nothing); its cost, where the price is known.
    pub(crate) fn settle(mut self, usage: Option<Usage>) -> Option<u64> {
        self.close(usage)
    }

    fn close(&mut self, usage: Option<Usage>) -> Option<u64> {
        let usage = usage.unwrap_or_default();
        let cost = self.price.map(|price| price.cost_micro_usd(&usage));
        if std::mem::replace(&mut self.settled, true) {
            return cost;
        }
        let amount = cost.unwrap_or(0);
        let mut tab = self.account.tab.lock();
        tab.run.settle(self.reserved, amount);
        tab.roles
            .entry(self.role)
            .or_default()
            .settle(self.reserved, amount);
        if let Some(ticket) = self.ticket.take() {
            self.account.ledger.settle(ticket, amount);
        }
        cost
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let _ = self.close(Some(self.estimate()));
    }
}

#[cfg(test)]
mod tests;
