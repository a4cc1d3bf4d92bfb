//! Roster: the models of this run, as configured or as found, and what a model's name on the command line means.

use crate::config::{Settings, question};
use llm::Models;
use protocol::{Code, Failure};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a local Ollama may take to say that it is there.
const OLLAMA_LIMIT: Duration = Duration::from_millis(300);

const NAMES: &str = "names are those of `models` in the configuration, or provider/model";

/// The models of this run.
pub struct Roster {
    /// Ready to be asked.
    pub models: Arc<Models>,
    config: llm::Config,
    /// The server that was found, where no model is configured.
    found: Option<String>,
}

impl Roster {
    /// The models that are configured, else the server whose key is in the environment, else a local Ollama.
    pub async fn gather(
        settings: &Settings,
        vars: &BTreeMap<String, String>,
        ledger: Option<Arc<llm::Ledger>>,
    ) -> Result<Roster, Failure> {
        let configured = llm::Config {
            providers: settings.providers.clone(),
            models: settings.models.clone(),
            strategy: settings.strategy.clone(),
            budget: settings.budget.clone(),
        };
        let (config, found) = match configured.models.is_empty() {
            false => (configured, None),
            true => {
                let mut found = discovered(vars).await.ok_or_else(no_model)?;
                let name = found.providers.keys().next().cloned();
                found.providers.extend(configured.providers);
                (
                    llm::Config {
                        strategy: configured.strategy,
                        budget: configured.budget,
                        ..found
                    },
                    name,
                )
            }
        };
        let mut config = config;
        for model in config.models.values_mut() {
            model.temperature = model.temperature.or(settings.agent.temperature);
        }
        let models =
            Models::new(&config).map_err(|error| Failure::new(Code::Config, error.to_string()))?;
        let models = match ledger {
            Some(ledger) => models.with_ledger(ledger),
            None => models,
        };
        Ok(Roster {
            models: Arc::new(models),
            config,
            found,
        })
    }

    /// The models as they are configured or were found, secrets redacted.
    pub fn as_configured(&self) -> serde_json::Value {
        serde_json::json!({
            "providers": &self.config.providers,
            "models": &self.config.models,
            "strategy": &self.config.strategy,
            "budget": &self.config.budget,
        })
    }

    /// A provider as it is configured or was found.
    pub fn provider(&self, name: &str) -> Option<&llm::ProviderConfig> {
        self.config.providers.get(name)
    }

    /// A model's name from the command line as the models know it. Where no model is configured, any name is one of the
    /// server that was found.
    pub fn choice(&self, flag: &str, name: Option<String>) -> Result<Option<String>, Failure> {
        let Some(name) = name else { return Ok(None) };
        if name.trim().is_empty() || name.ends_with('/') {
            let said = format!("{flag}: `{name}` names no model");
            return Err(Failure::new(Code::InvalidInput, said).hint(NAMES));
        }
        let direct = name
            .split_once('/')
            .is_some_and(|(provider, _)| self.config.providers.contains_key(provider));
        if direct || self.config.models.contains_key(&name) {
            return Ok(Some(name));
        }
        if let Some(provider) = &self.found {
            return Ok(Some(format!("{provider}/{name}")));
        }
        let question = question(&name, self.config.models.keys().map(String::as_str));
        let failure = Failure::new(
            Code::InvalidInput,
            format!("{flag}: no model is called `{name}`{question}"),
        );
        Err(failure.hint(NAMES))
    }
}

/// The model that makes vectors of code, if one is configured. Nothing is contacted.
pub fn embeddings(settings: &Settings) -> Result<Option<llm::Embeddings>, Failure> {
    let Some(named) = &settings.tools.embeddings else {
        return Ok(None);
    };
    let wrong = |message: String| {
        Failure::new(Code::Config, format!("tools.embeddings: {message}"))
            .hint("look at the configuration with `animus config check`")
    };
    let provider = settings
        .providers
        .get(&named.provider)
        .ok_or_else(|| wrong(format!("no provider is called `{}`", named.provider)))?;
    let made = llm::Embeddings::new(&named.provider, provider, &named.model);
    made.map(Some).map_err(|error| wrong(error.to_string()))
}

async fn discovered(vars: &BTreeMap<String, String>) -> Option<llm::Config> {
    let var = |name: &str| vars.get(name).cloned();
    if let Some(config) = llm::discover(var, None) {
        return Some(config);
    }
    let url = llm::ollama_url(vars.get("OLLAMA_HOST").map(String::as_str));
    let models = llm::ollama_models(&url, OLLAMA_LIMIT).await?;
    llm::discover(var, Some((url, models)))
}

/// The one sentence of a person who has no model yet.
pub fn no_model() -> Failure {
    Failure::new(
        Code::Config,
        "no model is set up: set OPENAI_API_KEY, ANTHROPIC_API_KEY, OPENROUTER_API_KEY, GEMINI_API_KEY or DASHSCOPE_API_KEY, start Ollama, or name a model in a configuration file",
    )
    .hint("`animus config init` writes such a file; `animus demo` shows a whole task without any model")
}
