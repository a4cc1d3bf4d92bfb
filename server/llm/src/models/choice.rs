//! `Candidate`: which models may answer for a role, in order, and whether every name in the configuration leads to one.

use super::Shared;
use crate::{Error, Kind, ModelConfig, Role};

/// One model that may answer.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// As in the configuration.
    pub(super) name: String,
    pub(super) model: ModelConfig,
}

impl Shared {
    /// Each candidate once, first choice first.
    pub(super) fn candidates(
        &self,
        role: Role,
        choice: Option<&str>,
    ) -> Result<Vec<Candidate>, Error> {
        let strategy = &self.strategy;
        let own = match role {
            Role::Planner => strategy.planner_model.as_deref(),
            Role::Coder => strategy.coder_model.as_deref(),
            Role::Critic => strategy.critic_model.as_deref(),
            Role::Summariser => None,
            Role::Completer => strategy.completer_model.as_deref(),
        };
        let first = choice
            .or_else(|| strategy.overrides.get(role.as_str()).map(String::as_str))
            .or(own);
        let own = strategy.role_fallbacks.get(role.as_str());
        // Each pause of a person's typing would be a call: no model does that unasked.
        let (first, others): (_, &[String]) = match role {
            Role::Completer => (first, &[]),
            _ => {
                let usual = strategy.default_model.as_deref();
                let usual = usual.or_else(|| self.default_model());
                (first.or(usual), &strategy.fallbacks)
            }
        };
        let fallbacks = own.into_iter().flatten().chain(others);
        let names = first.into_iter().chain(fallbacks.map(String::as_str));
        let mut candidates: Vec<Candidate> = Vec::new();
        for name in names {
            let candidate = self.find(name)?;
            if !candidates
                .iter()
                .any(|known| known.label() == candidate.label())
            {
                candidates.push(candidate);
            }
        }
        if !candidates.is_empty() {
            return Ok(candidates);
        }
        if role == Role::Completer {
            return Err(Error::NoModel(
                "No model is named for completion: set strategy.completer_model.".into(),
            ));
        }
        let role = role.as_str();
        Err(Error::NoModel(match self.models.is_empty() {
            true => "No model is configured.".into(),
            false => format!(
                "Several models are configured and none for the {role}: set strategy.default_model."
            ),
        }))
    }

    /// The model marked so, or the only one, or the coder's.
    fn default_model(&self) -> Option<&str> {
        let models = &self.models;
        let marked = models
            .iter()
            .find(|(_, model)| model.default)
            .map(|(name, _)| name.as_str());
        let only = || {
            models
                .keys()
                .next()
                .filter(|_| models.len() == 1)
                .map(String::as_str)
        };
        marked
            .or_else(only)
            .or(self.strategy.coder_model.as_deref())
    }

    fn find(&self, name: &str) -> Result<Candidate, Error> {
        let shared = self;
        if let Some(model) = shared.models.get(name) {
            return Ok(Candidate {
                name: name.to_owned(),
                model: model.clone(),
            });
        }
        if let Some((provider, model)) = name.split_once('/')
            && shared.providers.contains_key(provider)
        {
            let same = |known: &&ModelConfig| known.provider == provider && known.model == model;
            let bare = || ModelConfig {
                provider: provider.to_owned(),
                model: model.to_owned(),
                ..ModelConfig::default()
            };
            return Ok(Candidate {
                name: name.to_owned(),
                model: shared
                    .models
                    .values()
                    .find(same)
                    .cloned()
                    .unwrap_or_else(bare),
            });
        }
        let known: Vec<&str> = shared.models.keys().map(String::as_str).collect();
        Err(Error::NoModel(match known.is_empty() {
            true => format!("There is no model {name}: none is configured."),
            false => format!(
                "There is no model {name}; configured: {}.",
                known.join(", ")
            ),
        }))
    }

    /// Whether every reference leads somewhere.
    pub(super) fn check(&self) -> Result<(), Error> {
        let wrong = |message: String| Err(Error::Config(message));
        let Shared {
            providers,
            models,
            strategy,
            ..
        } = self;
        for (name, model) in models {
            if !providers.contains_key(&model.provider) {
                return wrong(format!(
                    "models.{name}.provider: there is no provider {:?}",
                    model.provider
                ));
            }
            if model.model.is_empty() && providers[&model.provider].kind != Kind::Scripted {
                return wrong(format!(
                    "models.{name}.model is missing: write the server's name for the model"
                ));
            }
            if model.price.is_some_and(|price| !price.is_sound()) {
                return wrong(format!(
                    "models.{name}.price: every price must be from 0 to 1000000 dollars"
                ));
            }
        }
        let marked: Vec<&str> = models
            .iter()
            .filter(|(_, model)| model.default)
            .map(|(name, _)| name.as_str())
            .collect();
        if marked.len() > 1 {
            return wrong(format!(
                "models: only one can be the default, not {}",
                marked.join(" and ")
            ));
        }
        let single = [
            ("default_model", &strategy.default_model),
            ("planner_model", &strategy.planner_model),
            ("coder_model", &strategy.coder_model),
            ("critic_model", &strategy.critic_model),
            ("completer_model", &strategy.completer_model),
        ];
        let single = single
            .into_iter()
            .filter_map(|(key, name)| Some((key.to_owned(), name.as_ref()?)));
        let fallbacks = strategy
            .fallbacks
            .iter()
            .map(|name| ("fallbacks".to_owned(), name));
        let overrides = strategy
            .overrides
            .iter()
            .map(|(role, name)| (format!("overrides.{role}"), name));
        let lists = strategy.role_fallbacks.iter();
        let lists = lists.flat_map(|(role, names)| {
            names
                .iter()
                .map(move |name| (format!("role_fallbacks.{role}"), name))
        });
        for (key, name) in single.chain(fallbacks).chain(lists).chain(overrides) {
            if let Err(error) = self.find(name) {
                return wrong(format!("strategy.{key}: {error}"));
            }
        }
        let overridden = strategy.overrides.keys().map(|role| ("overrides", role));
        let listed = strategy
            .role_fallbacks
            .keys()
            .map(|role| ("role_fallbacks", role));
        for (key, role) in overridden.chain(listed) {
            if !Role::ALL.iter().any(|known| known.as_str() == role) {
                return wrong(format!(
                    "strategy.{key}: there is no role {role:?}; roles: planner, coder, critic, summariser, completer"
                ));
            }
        }
        if strategy
            .attempts
            .is_some_and(|attempts| !(1..=10).contains(&attempts))
        {
            return wrong("strategy.attempts must be from 1 to 10".into());
        }
        if strategy.breaker.failures == 0 {
            return wrong("strategy.breaker.failures must be at least 1".into());
        }
        Ok(())
    }
}

impl Candidate {
    /// `provider/model`.
    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.model.provider, self.model.model)
    }
}
