//! `models`: which model does what.

use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::style::{DIM, Painted, STRONG, WARN, line};
use clap::Args;
use protocol::{Failure, ModelView};
use serde_json::json;

/// List which model does what
#[derive(Debug, Args)]
pub struct Models {}

/// Prints them; nothing is asked of any server but a local Ollama, and that only where nothing else is set up.
pub fn run(_: &Models, compose: &Compose) -> Result<u8, Failure> {
    let loaded = compose.load()?;
    let roster = compose::runtime()?.block_on(compose.models(&loaded.settings))?;
    let views = views(&roster.models);
    match compose.output() {
        Output::Json => print::json(&json!({ "models": views })),
        Output::Text => {
            for view in views {
                let script = if view.scripted {
                    Painted(WARN, "  scripted").to_string()
                } else {
                    String::new()
                };
                let role = Painted(DIM, format!("{:<11}", view.role));
                print::text(&format!(
                    "{role} {}  {}{script}\n",
                    Painted(STRONG, line(&view.model)),
                    line(&view.name)
                ));
            }
        }
    }
    Ok(0)
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
