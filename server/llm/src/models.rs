//! `Models`: who answers for which role, with retries and fallbacks.
//!
//! Invariant: M1, M2 (see the crate). No connection, no file and no TLS before the first call.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use parking_lot::Mutex;

use crate::{
    BreakerConfig, BreakerState, Budget, Config, Error, Kind, Ledger, ModelConfig, Provider,
    ProviderConfig, Role, Scope, Spent, StrategyConfig, anthropic::Anthropic, breaker::Breakers,
    budget::Account, gemini::Gemini, infill, ollama::Ollama, openai::OpenAi, responses::Responses,
    scripted::Scripted, veil,
};

use run::Run;

pub use overview::{CandidateOverview, RoleOverview};

mod answer;
mod attempt;
mod call;
mod choice;
mod overview;
mod resumed;
mod run;
mod size;

/// Every configured model. Clones share one run: its budget, its allowance of expensive calls, its candidates that refused;
/// [`Models::for_run`] begins a new one. Breakers and the ledger are shared by all runs.
#[derive(Clone)]
pub struct Models {
    shared: Arc<Shared>,
    ledger: Arc<Ledger>,
    run: Arc<Run>,
}

struct Shared {
    providers: BTreeMap<String, Server>,
    models: BTreeMap<String, ModelConfig>,
    strategy: StrategyConfig,
    budget: Budget,
    /// `budget` in micro-dollars.
    caps: BTreeMap<Scope, u64>,
    breakers: Breakers,
    /// `provider/model` of those that made a call in their server's own way.
    callers: Mutex<BTreeSet<String>>,
}

struct Server {
    kind: Kind,
    max_tokens: Option<u32>,
    provider: Box<dyn Provider>,
    key: Option<crate::Secret>,
}

impl Models {
    /// Checks every reference and address.
    ///
    /// # Errors
    /// `Config`, naming the key that is wrong.
    pub fn new(config: &Config) -> Result<Models, Error> {
        let mut providers = BTreeMap::new();
        for (name, config) in &config.providers {
            let provider = infill::over(open(name, config)?, name, config)?;
            let server = Server {
                kind: config.r#type,
                max_tokens: config.max_tokens,
                provider: veil::over(provider, config.api_key.clone()),
                key: config.api_key.clone(),
            };
            providers.insert(name.clone(), server);
        }
        let models = Models::from_parts(Shared {
            providers,
            models: config.models.clone(),
            strategy: config.strategy.clone(),
            budget: config.budget.clone(),
            caps: config.budget.caps()?,
            breakers: Breakers::new(config.strategy.breaker),
            callers: Mutex::default(),
        });
        models.shared.check()?;
        Ok(models)
    }

    /// One scripted model, for every role, that plays the script in `yaml`.
    ///
    /// # Errors
    /// `Script` where the text is no script.
    pub fn scripted(yaml: &str) -> Result<Models, Error> {
        let server = Server {
            kind: Kind::Scripted,
            max_tokens: None,
            provider: Box::new(Scripted::from_text("built in", yaml)?),
            key: None,
        };
        let model = ModelConfig {
            provider: "scripted".into(),
            model: "script".into(),
            default: true,
            ..ModelConfig::default()
        };
        Ok(Models::from_parts(Shared {
            providers: BTreeMap::from([("scripted".into(), server)]),
            models: BTreeMap::from([("script".into(), model)]),
            strategy: StrategyConfig::default(),
            budget: Budget::default(),
            caps: BTreeMap::new(),
            breakers: Breakers::new(BreakerConfig::default()),
            callers: Mutex::default(),
        }))
    }

    /// The configured keys, to be masked where texts are kept or shown, and for nothing else.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let servers = self.shared.providers.values();
        servers.filter_map(|server| server.key.as_ref().map(crate::Secret::expose))
    }

    /// The same models for a new run, of a session that has spent this many micro-dollars so far.
    #[must_use]
    pub fn for_run(&self, session_spent: u64) -> Models {
        Models {
            shared: Arc::clone(&self.shared),
            ledger: Arc::clone(&self.ledger),
            run: Arc::new(self.shared.run(&self.ledger, session_spent)),
        }
    }

    /// The same models for a new run, that keep the spending of a day in `ledger`.
    #[must_use]
    pub fn with_ledger(&self, ledger: Arc<Ledger>) -> Models {
        Models {
            shared: Arc::clone(&self.shared),
            run: Arc::new(self.shared.run(&ledger, 0)),
            ledger,
        }
    }

    /// Lifts a cap by so many micro-dollars, after a person said yes: for this run, or for today. Nothing where there is no such
    /// cap.
    pub fn raise(&self, scope: Scope, micro_usd: u64) {
        self.run.account.raise(scope, micro_usd);
    }

    /// Caps this run at so many micro-dollars, unless its cap is lower already.
    pub fn cap_run(&self, micro_usd: u64) {
        self.run.account.cap_run(micro_usd);
    }

    /// Allows so many more calls of expensive models in this run, after a person said yes.
    pub fn allow_expensive(&self, calls: u32) {
        self.run.allow_expensive(calls);
    }

    /// What the latest call of this run that a cap refused may cost at most, in micro-dollars.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.run.account.refused()
    }

    /// What is spent so far.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.run.account.spent()
    }

    /// `provider/model`, state and failures in a row of each candidate that was asked so far, by any run.
    #[must_use]
    pub fn breakers(&self) -> Vec<(String, BreakerState, u32)> {
        self.shared.breakers.view()
    }

    /// Whether no model is configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.models.is_empty()
    }

    /// Role, the model's name in the configuration, `provider/model`, and whether it is scripted; roles without a model are
    /// left out.
    #[must_use]
    pub fn view(&self) -> Vec<(Role, String, String, bool)> {
        let row = |role: Role| {
            let first = self
                .shared
                .candidates(role, None)
                .ok()?
                .into_iter()
                .next()?;
            let server = self.shared.providers.get(&first.model.provider)?;
            Some((
                role,
                first.name.clone(),
                first.label(),
                server.kind == Kind::Scripted,
            ))
        };
        Role::ALL.into_iter().filter_map(row).collect()
    }

    fn from_parts(shared: Shared) -> Models {
        let ledger = Arc::new(Ledger::in_memory());
        Models {
            run: Arc::new(shared.run(&ledger, 0)),
            shared: Arc::new(shared),
            ledger,
        }
    }
}

impl Shared {
    fn run(&self, ledger: &Arc<Ledger>, session_spent: u64) -> Run {
        let (caps, ledger) = (self.caps.clone(), Arc::clone(ledger));
        let account = Account::new(&self.budget, caps, ledger, session_spent);
        Run::new(account, self.strategy.max_expensive)
    }
}

impl fmt::Debug for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names only (M3).
        f.debug_list().entries(self.shared.models.keys()).finish()
    }
}

fn open(name: &str, config: &ProviderConfig) -> Result<Box<dyn Provider>, Error> {
    Ok(match config.r#type {
        Kind::Anthropic => Box::new(Anthropic::new(name, config)?),
        Kind::OpenAiResponses => Box::new(Responses::new(name, config)?),
        Kind::Gemini => Box::new(Gemini::new(name, config)?),
        Kind::Ollama if Ollama::is_native(config) => Box::new(Ollama::new(name, config)?),
        Kind::OpenAi | Kind::OpenRouter | Kind::Ollama | Kind::OpenAiCompatible => {
            Box::new(OpenAi::new(name, config)?)
        }
        Kind::Scripted => {
            let path = config.script.as_deref().filter(|path| !path.is_empty());
            let missing = || {
                Error::Config(format!(
                    "providers.{name}.script is missing: write the path of a YAML file with turns"
                ))
            };
            Box::new(Scripted::from_path(path.ok_or_else(missing)?))
        }
    })
}
