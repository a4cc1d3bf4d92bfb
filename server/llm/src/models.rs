//! `Models`: who answers for which role, with retries and fallbacks.
//!
//! Invariant: M1, M2 (see the crate). No connection, no file and no TLS before the first call.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    Chunk, Config, Error, Kind, ModelConfig, Piece, Provider, ProviderConfig, ProviderRequest,
    RawReply, Reply, Request, Role, Stop, StrategyConfig, anthropic::Anthropic, calls, error::Next,
    openai::OpenAi, provider::unless_cancelled, retry, scripted::Scripted, text_calls,
};

use choice::Candidate;

mod choice;

/// Every configured model. Clones share one allowance of expensive calls; [`Models::for_run`] gives a new one.
#[derive(Clone)]
pub struct Models {
    shared: Arc<Shared>,
    expensive_left: Option<Arc<AtomicU32>>,
}

struct Shared {
    providers: BTreeMap<String, Server>,
    models: BTreeMap<String, ModelConfig>,
    strategy: StrategyConfig,
}

struct Server {
    kind: Kind,
    max_tokens: Option<u32>,
    provider: Box<dyn Provider>,
}

/// Everything that stays the same over the attempts of a call.
struct Question<'a> {
    role: Role,
    request: &'a Request,
    cancel: &'a CancellationToken,
}

impl Models {
    /// Checks every reference and address.
    ///
    /// # Errors
    /// `Config`, naming the key that is wrong.
    pub fn new(config: &Config) -> Result<Models, Error> {
        let mut providers = BTreeMap::new();
        for (name, config) in &config.providers {
            let server = Server {
                kind: config.r#type,
                max_tokens: config.max_tokens,
                provider: open(name, config)?,
            };
            providers.insert(name.clone(), server);
        }
        let models = Models::from_parts(Shared {
            providers,
            models: config.models.clone(),
            strategy: config.strategy.clone(),
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
        }))
    }

    /// The same models with a fresh `max_expensive`, for one run.
    #[must_use]
    pub fn for_run(&self) -> Models {
        let limit = self.shared.strategy.max_expensive;
        Models {
            shared: Arc::clone(&self.shared),
            expensive_left: limit.map(|limit| Arc::new(AtomicU32::new(limit))),
        }
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

    /// Asks the model of `role`, or `choice` (a name of `models`, or `provider/model`), then the fallbacks.
    ///
    /// # Errors
    /// That of the last candidate asked; those before it were told by [`Chunk::Fallback`].
    pub async fn complete(
        &self,
        role: Role,
        choice: Option<&str>,
        request: &Request,
        cancel: &CancellationToken,
        on: &mut (dyn FnMut(Chunk<'_>) + Send),
    ) -> Result<Reply, Error> {
        let question = Question {
            role,
            request,
            cancel,
        };
        let mut failed: Option<(String, Error)> = None;
        for candidate in self.shared.candidates(role, choice)? {
            if let Err(error) = self.reserve(&candidate) {
                // The first failure is the one that the user can act on.
                failed.get_or_insert((candidate.label(), error));
                continue;
            }
            if let Some((from, error)) = failed.take() {
                let (to, reason) = (candidate.label(), error.to_string());
                on(Chunk::Fallback { from, to, reason });
            }
            let mut spoke = false;
            let error = match self.persist(&candidate, &question, &mut spoke, on).await {
                Ok(reply) => return Ok(priced(reply, &candidate, request)),
                Err(error) => error,
            };
            if error == Error::Cancelled {
                return Err(error);
            }
            tracing::warn!(model = candidate.label(), role = role.as_str(), %error, "a model failed");
            if spoke || error.next() == Next::Stop {
                return Err(error);
            }
            self.give_back(&candidate);
            failed = Some((candidate.label(), error));
        }
        let nobody =
            || Error::NoModel(format!("No model is configured for the {}.", role.as_str()));
        Err(failed.map_or_else(nobody, |(_, error)| error))
    }

    /// Attempts at one candidate, with pauses, as long as nothing was heard.
    async fn persist(
        &self,
        candidate: &Candidate,
        question: &Question<'_>,
        spoke: &mut bool,
        on: &mut (dyn FnMut(Chunk<'_>) + Send),
    ) -> Result<RawReply, Error> {
        let Question {
            role,
            request,
            cancel,
        } = question;
        let provider = &candidate.model.provider;
        let server = self.shared.providers.get(provider);
        let server =
            server.ok_or_else(|| Error::NoModel(format!("There is no provider {provider}.")))?;
        let asked = ProviderRequest {
            role: *role,
            model: &candidate.model.model,
            temperature: candidate.model.temperature,
            max_tokens: [
                request.max_tokens,
                candidate.model.max_tokens,
                server.max_tokens,
            ]
            .into_iter()
            .flatten()
            .min(),
            system: &request.system,
            messages: &request.messages,
            tools: &request.tools,
        };
        for attempt in 1.. {
            let mut hear = |piece: Piece<'_>| {
                *spoke = true;
                on(match piece {
                    Piece::Text(text) => Chunk::Text(text),
                    Piece::Reasoning(text) => Chunk::Reasoning(text),
                });
            };
            let error = match server.provider.complete(&asked, cancel, &mut hear).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let wait = match error.next() {
                Next::Again(asked) if !*spoke => retry::pause(attempt, asked),
                _ => None,
            };
            let Some(wait) = wait else {
                return Err(error);
            };
            on(Chunk::Retry {
                wait,
                reason: error.to_string(),
            });
            let rest = async {
                sleep(wait).await;
                Ok(())
            };
            unless_cancelled(cancel, rest).await?;
        }
        Err(Error::Cancelled)
    }

    fn from_parts(shared: Shared) -> Models {
        let shared = Arc::new(shared);
        let models = Models {
            shared,
            expensive_left: None,
        };
        models.for_run()
    }

    fn reserve(&self, candidate: &Candidate) -> Result<(), Error> {
        let Some(left) = self
            .expensive_left
            .as_ref()
            .filter(|_| candidate.model.expensive)
        else {
            return Ok(());
        };
        let limit = self.shared.strategy.max_expensive.unwrap_or(0);
        let take = |left: u32| left.checked_sub(1);
        let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        taken.map(drop).map_err(|_| Error::Expensive { limit })
    }

    /// For a call that gave nothing.
    fn give_back(&self, candidate: &Candidate) {
        if let Some(left) = self
            .expensive_left
            .as_ref()
            .filter(|_| candidate.model.expensive)
        {
            left.fetch_add(1, Ordering::SeqCst);
        }
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

/// Calls from the text, and the price.
fn priced(raw: RawReply, candidate: &Candidate, request: &Request) -> Reply {
    let RawReply {
        mut text,
        reasoning,
        mut calls,
        usage,
        mut stop,
    } = raw;
    if calls.is_empty() && stop == Stop::End {
        (text, calls) = text_calls::take(&text, &request.tools);
        if !calls.is_empty() {
            calls::unique(&mut calls, &request.messages);
            stop = Stop::ToolUse;
        }
    }
    Reply {
        text,
        reasoning,
        calls,
        usage,
        cost_micro_usd: candidate
            .model
            .price
            .map(|price| price.cost_micro_usd(&usage)),
        stop,
        model: candidate.label(),
    }
}
