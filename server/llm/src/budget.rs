//! `Budget`: what may be spent by a run, a session, a day and a role.
//!
//! Invariant (M2): whole micro-dollars, never negative; reserved before an attempt, settled after it, however it ends.

use std::{collections::BTreeMap, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Role};

pub(crate) use account::{Account, Hold};
pub use ledger::Ledger;

mod account;
mod ledger;

/// The section `budget`: caps in US dollars, none where absent.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    /// For one run.
    pub run_usd: Option<f64>,
    /// For all runs of a session.
    pub session_usd: Option<f64>,
    /// For all runs of a local day, in every process of the user.
    pub day_usd: Option<f64>,
    /// Role (`planner`, `coder`, `critic`, `summariser`) to its cap in one run.
    pub role_usd: BTreeMap<String, f64>,
    /// Percent of a cap at which you are warned: 80 where absent.
    pub warn_percent: u8,
    /// Tokens of output that are reserved where no `max_tokens` bounds them, and under a cap their limit: 4096 where absent.
    pub reserve_output_tokens: u32,
    /// What happens to a model without a `price` where there is a cap.
    pub unknown_price: UnknownPrice,
}

/// Whether a model is asked though no cap can count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownPrice {
    /// It is asked, with one warning.
    #[default]
    Allow,
    /// The next candidate is asked.
    Refuse,
}

/// Whose cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// The run's.
    Run,
    /// The session's.
    Session,
    /// The local day's.
    Day,
    /// The role's, in this run.
    Role(Role),
}

/// Micro-dollars spent, what is only reserved left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spent {
    /// By this run.
    pub run: u64,
    /// By this session, the run included.
    pub session: u64,
    /// Today, by every process that shares the ledger; calls whose process died count with what was reserved for them.
    pub day: u64,
    /// By each role in this run.
    pub roles: BTreeMap<Role, u64>,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            run_usd: None,
            session_usd: None,
            day_usd: None,
            role_usd: BTreeMap::new(),
            warn_percent: 80,
            reserve_output_tokens: 4096,
            unknown_price: UnknownPrice::Allow,
        }
    }
}

impl Budget {
    /// The caps in micro-dollars.
    ///
    /// # Errors
    /// `Config`, naming the key that is wrong.
    pub(crate) fn caps(&self) -> Result<BTreeMap<Scope, u64>, Error> {
        let wrong = |key: &str, why: &str| Error::Config(format!("budget.{key} {why}"));
        if self.warn_percent > 100 {
            return Err(wrong("warn_percent", "must be from 0 to 100"));
        }
        let mut caps = Vec::new();
        for (key, scope, usd) in [
            ("run_usd", Scope::Run, self.run_usd),
            ("session_usd", Scope::Session, self.session_usd),
            ("day_usd", Scope::Day, self.day_usd),
        ] {
            caps.extend(usd.map(|usd| (key.to_owned(), scope, usd)));
        }
        for (name, usd) in &self.role_usd {
            let key = format!("role_usd.{name}");
            let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
            let role = role.ok_or_else(|| {
                wrong(
                    &key,
                    "is no role; roles: planner, coder, critic, summariser, completer",
                )
            })?;
            caps.push((key, Scope::Role(role), *usd));
        }
        let micro = |(key, scope, usd): (String, Scope, f64)| {
            // A billion dollars is far from the largest u64, so the cast is exact.
            match (0.0..=1e9).contains(&usd) {
                true => Ok((scope, (usd * 1e6).round() as u64)),
                false => Err(wrong(&key, "must be from 0 to 1000000000 dollars")),
            }
        };
        caps.into_iter().map(micro).collect()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Run => "run",
            Scope::Session => "session",
            Scope::Day => "day",
            Scope::Role(role) => role.as_str(),
        })
    }
}
