//! `models`: who does what, whether each server is there and knows the model, what it costs, and what was spent.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::figure;
use crate::render::style::{BAD, DIM, GOOD, HEAD, Painted, STRONG, WARN, line};
use clap::Args;
use llm::{CandidateOverview, Kind, Listing, Price};
use protocol::{Failure, ModelView};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a server may take to list its models.
const PATIENCE: Duration = Duration::from_secs(4);

/// List which model does what, whether it can be reached, what it costs and what was spent
#[derive(Debug, Args)]
pub struct Models {
    /// Ask no server whether it is there
    #[arg(long)]
    offline: bool,
}

/// What a server said about itself.
enum Reached {
    /// It was not asked.
    NotAsked,
    /// There is none: turns come from a file.
    Scripted,
    /// It lists these.
    Yes(Listing),
    /// It does not.
    No(llm::Error),
}

/// Prints them. Each server is asked for its list of models, which costs nothing.
pub fn run(args: &Models, compose: &Compose) -> Result<u8, Failure> {
    let loaded = compose.load()?;
    let (roles, servers, spent) = compose::runtime()?.block_on(async {
        let roster = compose.models(&loaded.settings).await?;
        let roles = roster.models.overview();
        let candidates = roles.iter().flat_map(|role| &role.candidates);
        let names: BTreeSet<&str> = candidates
            .map(|candidate| candidate.provider.as_str())
            .collect();
        let asked = names.into_iter().map(|name| {
            let config = roster.provider(name);
            async move {
                let reached = match config {
                    Some(config) if config.r#type == Kind::Scripted => Reached::Scripted,
                    Some(config) if !args.offline => llm::listing(name, config, PATIENCE)
                        .await
                        .map_or_else(Reached::No, Reached::Yes),
                    _ => Reached::NotAsked,
                };
                (name.to_owned(), reached)
            }
        });
        let servers: BTreeMap<String, Reached> =
            futures::future::join_all(asked).await.into_iter().collect();
        Ok::<_, Failure>((roles, servers, roster.models.spent().day))
    })?;
    let none = Reached::NotAsked;
    let server = |candidate: &CandidateOverview| servers.get(&candidate.provider).unwrap_or(&none);
    match compose.output() {
        Output::Json => {
            let row = |role: &llm::RoleOverview| {
                let all = role.candidates.iter();
                let all: Vec<Value> = all.map(|one| json_of(one, server(one))).collect();
                let mut first = all.first().cloned().unwrap_or_default();
                first["role"] = role.role.as_str().into();
                first["candidates"] = all.into();
                first
            };
            let rows: Vec<Value> = roles.iter().map(row).collect();
            let cap = loaded.settings.budget.day_usd;
            let day = json!({ "micro_usd": spent, "cap_usd": cap });
            print::json(&json!({ "models": rows, "spent_today": day }));
        }
        Output::Text => {
            let mut told = BTreeSet::new();
            for role in &roles {
                let labels: Vec<String> = role
                    .candidates
                    .iter()
                    .map(|one| line(&label(one)))
                    .collect();
                let name = Painted(HEAD, format!("{:<11}", role.role.as_str()));
                print::text(&format!("{name} {}\n", labels.join(", else ")));
            }
            for candidate in roles.iter().flat_map(|role| &role.candidates) {
                if told.insert(label(candidate)) {
                    print::text(&format!("\n{}", about(candidate, server(candidate))));
                }
            }
            let cap = loaded.settings.budget.day_usd;
            let cap = cap.map_or(String::new(), |usd| format!(" of ${usd}"));
            print::text(&format!("\nspent today: {}{cap}\n", figure::money(spent)));
        }
    }
    Ok(0)
}

fn label(candidate: &CandidateOverview) -> String {
    format!("{}/{}", candidate.provider, candidate.model)
}

/// The size of the context, and whether the server says so.
fn context(candidate: &CandidateOverview, server: &Reached) -> Option<(u64, bool)> {
    let listed = match server {
        Reached::Yes(listing) => listing.find(&candidate.model),
        _ => None,
    };
    let configured = candidate.context_tokens.map(|tokens| (tokens, false));
    configured.or_else(|| listed?.context_tokens.map(|tokens| (tokens, true)))
}

fn about(candidate: &CandidateOverview, server: &Reached) -> String {
    let name = match candidate.name == label(candidate) {
        true => String::new(),
        false => format!("  {}", Painted(DIM, line(&candidate.name))),
    };
    let size = match context(candidate, server) {
        Some((tokens, false)) => format!("{} tokens of context", figure::count(tokens)),
        Some((tokens, true)) => format!("{} tokens of context, it says", figure::count(tokens)),
        None => "context unknown".to_owned(),
    };
    let expensive = if candidate.expensive {
        " · expensive"
    } else {
        ""
    };
    format!(
        "{}{name}\n  {} · {size}{expensive}\n  {}\n",
        Painted(STRONG, line(&label(candidate))),
        price(candidate.price.as_ref()),
        reach(candidate, server)
    )
}

fn price(price: Option<&Price>) -> String {
    let Some(price) = price else {
        return "price unknown".to_owned();
    };
    let cached = price.cached_per_mtok_usd;
    let cached = cached.map_or(String::new(), |usd| format!(", ${usd} cached"));
    format!(
        "${} in{cached}, ${} out per million tokens",
        price.input_per_mtok_usd, price.output_per_mtok_usd
    )
}

fn reach(candidate: &CandidateOverview, server: &Reached) -> String {
    match server {
        Reached::NotAsked => Painted(DIM, "not asked").to_string(),
        Reached::Scripted => Painted(WARN, "scripted: its answers come from a file").to_string(),
        Reached::No(error) => {
            format!(
                "{}\n  {}",
                Painted(BAD, line(&error.to_string())),
                error.hint()
            )
        }
        Reached::Yes(listing) if listing.find(&candidate.model).is_some() => {
            Painted(GOOD, "reached, and it has this model").to_string()
        }
        Reached::Yes(listing) if listing.more || listing.models.is_empty() => {
            Painted(GOOD, "reached").to_string()
        }
        Reached::Yes(_) => {
            Painted(WARN, "reached, but its list has no model of this name").to_string()
        }
    }
}

fn json_of(candidate: &CandidateOverview, server: &Reached) -> Value {
    let (reached, message, listed) = match server {
        Reached::NotAsked => (Value::Null, None, None),
        Reached::Scripted => (true.into(), None, None),
        Reached::No(error) => (false.into(), Some(error.to_string()), None),
        Reached::Yes(listing) => {
            let found = listing.find(&candidate.model).is_some();
            (true.into(), None, (found || !listing.more).then_some(found))
        }
    };
    let size = context(candidate, server);
    let price = candidate
        .price
        .map(|price| serde_json::to_value(price).unwrap_or_default());
    let mut value = json!({
        "name": candidate.name,
        "model": label(candidate),
        "scripted": candidate.kind == Some(Kind::Scripted),
        "expensive": candidate.expensive,
        "price": price,
        "context_tokens": size.map(|(tokens, _)| tokens),
        "reached": reached,
        "listed": listed,
    });
    if let Some(message) = message {
        value["message"] = message.into();
    }
    value
}

/// The roles' first candidates.
pub fn views(models: &llm::Models) -> Vec<ModelView> {
    models
        .view()
        .into_iter()
        .map(|(role, name, model, scripted)| ModelView {
            role: role.as_str().to_owned(),
            name,
            model,
            scripted,
        })
        .collect()
}
