//! `config`: writes a first configuration file, checks the layers that count here, describes every key.

use crate::cli::Output;
use crate::compose::Compose;
use crate::config::Schema;
use crate::print;
use crate::render::style::{DIM, GOOD, Painted, STRONG, WARN, clean, line};
use camino::Utf8PathBuf;
use clap::{Args, Subcommand};
use protocol::{Code, Failure};
use sandbox::Tree;
use serde_json::json;

const EXAMPLE: &str = include_str!("../../../../configs/config.example.yaml");

/// Write, check and describe the configuration
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Write a first configuration file with every key explained
    Init(Init),
    /// Check every layer that counts in this folder
    Check,
    /// Print the JSON Schema of the configuration file
    Schema,
}

/// Write a first configuration file
#[derive(Debug, Args)]
pub struct Init {
    /// Where (default: the user's configuration file)
    path: Option<Utf8PathBuf>,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// Runs it. `check` ends with 11 where something is wrong.
pub fn run(args: &Config, compose: &Compose) -> Result<u8, Failure> {
    match args {
        Config::Init(init) => write(init, compose),
        Config::Check => check(compose),
        Config::Schema => {
            let schema = Schema::new();
            match compose.output() {
                Output::Json => print::json(schema.json()),
                Output::Text => print::text(&format!("{:#}\n", schema.json())),
            }
            Ok(0)
        }
    }
}

fn write(init: &Init, compose: &Compose) -> Result<u8, Failure> {
    let path = match &init.path {
        Some(path) => compose.root().join(path),
        None => compose.user_config().ok_or_else(|| {
            Failure::new(Code::Io, "there is no home folder")
                .hint("name a file: animus config init FILE")
        })?,
    };
    let failed = |error: std::io::Error| {
        Failure::new(Code::Io, format!("{path}: {error}")).hint("name a file that can be written")
    };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Failure::new(
            Code::InvalidInput,
            format!("{path} is no file name"),
        ));
    };
    let tree = Tree::create(folder).map_err(failed)?;
    if tree.stat(name).map_err(failed)?.is_some() && !init.force {
        return Err(
            Failure::new(Code::InvalidInput, format!("{path} is there already"))
                .hint("--force replaces it"),
        );
    }
    // It may come to hold a key: for its owner alone.
    tree.write(name, first_file().as_bytes(), Some(0o600))
        .map_err(failed)?;
    match compose.output() {
        Output::Json => print::json(&json!({ "written": path })),
        Output::Text => print::text(&format!(
            "{} {}\n",
            Painted(GOOD, "✔ written:"),
            Painted(STRONG, &path)
        )),
    }
    Ok(0)
}

/// The example with the sections about models commented out: a first file must not hide the keys in the environment.
fn first_file() -> String {
    let mut text = String::new();
    let mut about_models = false;
    for line in EXAMPLE.lines() {
        if line.starts_with(|c: char| c.is_ascii_lowercase()) {
            about_models = ["providers:", "models:", "strategy:"]
                .iter()
                .any(|key| line.starts_with(key));
        }
        let quiet = about_models && !line.is_empty() && !line.starts_with('#');
        text.push_str(if quiet { "# " } else { "" });
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn check(compose: &Compose) -> Result<u8, Failure> {
    let mut loaded = compose.load()?;
    if let Err(error) = rpc::permitted(&loaded.settings.server) {
        let note = format!("`animus serve` will not listen: {error}");
        loaded.notes.push(note);
    }
    match compose.output() {
        Output::Json => {
            let ignored: Vec<_> = loaded
                .ignored
                .iter()
                .map(|problem| {
                    json!({
                        "source": &*problem.origin.source, "line": problem.origin.line, "column": problem.origin.column,
                        "key": problem.key, "message": problem.message,
                    })
                })
                .collect();
            print::json(&json!({
                "ok": true, "files": loaded.files, "ignored": ignored, "notes": loaded.notes, "effective": loaded.settings,
            }));
        }
        Output::Text => {
            match loaded.files.is_empty() {
                true => {
                    print::text("no configuration file here; defaults and the environment count\n")
                }
                false => loaded
                    .files
                    .iter()
                    .for_each(|file| print::text(&format!("{} {file}\n", Painted(GOOD, "✔")))),
            }
            for problem in &loaded.ignored {
                print::text(&format!(
                    "{} {}\n",
                    Painted(WARN, "!"),
                    clean(&problem.to_string())
                ));
            }
            for note in &loaded.notes {
                print::text(&format!("{}\n", Painted(DIM, line(note))));
            }
        }
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_file_names_no_model_and_keeps_the_rest() {
        let file: serde_json::Value = serde_saphyr::from_str(&first_file()).unwrap();
        let keys: Vec<&str> = file
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            keys,
            [
                "agent",
                "budget",
                "completion",
                "logging",
                "memory",
                "projects",
                "sandbox",
                "server",
                "telemetry",
                "tools",
                "version"
            ]
        );
        assert!(first_file().contains("# models:"));
    }
}
