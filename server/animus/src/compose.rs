//! Compose: puts the crates together for one workspace. Nothing here is made before a command asks for it.

use crate::cli::{Output, Shared};
use crate::config::{self, Loaded, LogFormat, LogLevel, Places, Settings};
use crate::print;
use crate::render::style::clean;
use crate::roster::{Roster, embeddings, no_model};
use crate::spending;
use camino::{Utf8Path, Utf8PathBuf};
use etcetera::BaseStrategy;
use llm::Models;
use protocol::{Code, Failure};
use sandbox::{Sandbox, Tree};
use std::collections::BTreeMap;
use std::sync::Arc;
use workspace::{Disk, Host, Root};

/// The command line and the environment, as far as every command needs them.
pub struct Compose {
    root: Utf8PathBuf,
    named_config: Option<Utf8PathBuf>,
    vars: BTreeMap<String, String>,
    output: Output,
    /// How this program was called.
    itself: String,
    /// How commands in hints begin.
    program: String,
}

impl Compose {
    /// Reads the environment; the folder must exist.
    pub fn new(shared: &Shared) -> Result<Compose, Failure> {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let here = std::env::current_dir().map_err(|error| {
            Failure::new(Code::Io, format!("the current folder is gone: {error}"))
                .hint("change to another one")
        })?;
        let here = Utf8PathBuf::from_path_buf(here).map_err(|path| {
            Failure::new(
                Code::Io,
                format!(
                    "the path of the current folder is not UTF-8: {}",
                    path.display()
                ),
            )
        })?;
        let asked = shared
            .directory
            .as_ref()
            .map_or(here.clone(), |folder| here.join(folder));
        let root = asked.canonicalize_utf8().map_err(|error| {
            Failure::new(Code::NotFound, format!("{asked}: {error}"))
                .hint("name an existing folder with -C")
        })?;
        if !root.is_dir() {
            return Err(
                Failure::new(Code::NotFound, format!("{asked} is not a folder"))
                    .hint("name a folder with -C"),
            );
        }
        let named = shared.config.clone().or_else(|| {
            vars.get("ANIMUS_CONFIG")
                .filter(|path| !path.is_empty())
                .map(Into::into)
        });
        let itself = itself();
        let program = match &shared.directory {
            Some(_) => at(&itself, &root),
            None => itself.clone(),
        };
        let named_config = named.map(|path| here.join(path));
        Ok(Compose {
            root,
            named_config,
            vars,
            output: shared.output(),
            itself,
            program,
        })
    }

    /// The same for another folder.
    pub fn at(&self, root: &Utf8Path) -> Compose {
        Compose {
            root: root.to_owned(),
            named_config: self.named_config.clone(),
            vars: self.vars.clone(),
            output: self.output,
            program: at(&self.itself, root),
            itself: self.itself.clone(),
        }
    }

    /// The environment.
    pub fn vars(&self) -> &BTreeMap<String, String> {
        &self.vars
    }

    /// The workspace, canonical.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// For whom the command answers.
    pub fn output(&self) -> Output {
        self.output
    }

    /// How commands in hints begin: the program, with `-C` where the workspace is not the current folder.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The user's configuration file, which may not exist.
    pub fn user_config(&self) -> Option<Utf8PathBuf> {
        let folders = etcetera::choose_base_strategy().ok()?;
        Some(
            Utf8PathBuf::from_path_buf(folders.config_dir())
                .ok()?
                .join("animus/config.yaml"),
        )
    }

    /// All layers of configuration for this workspace.
    pub fn load(&self) -> Result<Loaded, Failure> {
        self.load_for(&self.root)
    }

    /// All layers of configuration for a workspace.
    pub fn load_for(&self, root: &Utf8Path) -> Result<Loaded, Failure> {
        self.load_with(root, &serde_json::Value::Null)
    }

    /// The same with the settings of an editor, as `initializationOptions.animus.config` has them.
    pub fn load_with(
        &self,
        root: &Utf8Path,
        editor: &serde_json::Value,
    ) -> Result<Loaded, Failure> {
        config::load(&Places {
            named: self.named_config.clone(),
            user: self.user_config(),
            editor,
            root,
            vars: &self.vars,
        })
    }

    /// The state folder that all workspaces share: `ANIMUS_STATE_DIR`, else `$XDG_STATE_HOME/animus`.
    pub fn home(&self) -> Result<Arc<Tree>, Failure> {
        kept(self.state_top()?)
    }

    /// The state folder of a workspace, below that.
    pub fn state(&self, root: &Utf8Path) -> Result<Arc<Tree>, Failure> {
        let name: String = root
            .file_name()
            .unwrap_or("root")
            .chars()
            .map(|char| {
                if char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.') {
                    char
                } else {
                    '_'
                }
            })
            .take(40)
            .collect();
        let hash = blake3::hash(root.as_str().as_bytes()).to_hex();
        let name = format!("{name}-{}", &hash[..12]);
        kept(self.state_top()?.join("workspaces").join(name))
    }

    fn state_top(&self) -> Result<Utf8PathBuf, Failure> {
        match self
            .vars
            .get("ANIMUS_STATE_DIR")
            .filter(|path| !path.is_empty())
        {
            Some(path) => Ok(Utf8PathBuf::from(path)),
            None => etcetera::choose_base_strategy()
                .ok()
                .and_then(|folders| {
                    Utf8PathBuf::from_path_buf(
                        folders.state_dir().unwrap_or_else(|| folders.data_dir()),
                    )
                    .ok()
                })
                .map(|folder| folder.join("animus"))
                .ok_or_else(|| {
                    Failure::new(Code::Io, "there is no home folder to keep state in")
                        .hint(STATE_HINT)
                }),
        }
    }

    /// What confines commands in a workspace.
    pub fn sandbox(&self, settings: &Settings, root: &Utf8Path) -> Result<Arc<Sandbox>, Failure> {
        Sandbox::new(&settings.sandbox, root)
            .map(Arc::new)
            .map_err(|error| Failure::new(Code::Config, error.to_string()))
    }

    /// The models that are configured, else what lies about: keys in the environment or a local Ollama.
    pub async fn models(&self, settings: &Settings) -> Result<Roster, Failure> {
        let ledger = self
            .home()
            .ok()
            .map(|home| Arc::new(spending::ledger(home)));
        Roster::gather(settings, &self.vars, ledger).await
    }

    /// The user's files in this workspace, as they are on disk. A change that was cut short is finished or taken back first.
    pub fn disk(&self) -> Result<Arc<dyn Host>, Failure> {
        let disk = Root::open(&self.root)
            .and_then(Disk::open)
            .map_err(|error| {
                Failure::new(Code::Io, error.to_string())
                    .hint("name a folder that can be read with -C")
            })?;
        match self.state(&self.root) {
            Ok(state) => journal(&disk, &state),
            Err(failure) => print::warning(&format!(
                "warning: {}; changes are made without a journal, so one that is cut short stays half made",
                failure.message
            )),
        }
        Ok(Arc::new(disk))
    }

    /// An agent over `host`. With a broken configuration there is still an agent: tasks answer with the failure, and status says so.
    pub fn agent(
        &self,
        host: Arc<dyn Host>,
        loaded: Result<&Loaded, Failure>,
        models: Result<Arc<Models>, Failure>,
    ) -> Result<agent::Agent, Failure> {
        let root = host.root().path().to_owned();
        let fallback = Loaded::default();
        let (loaded, models, wrong) = match loaded {
            Ok(loaded) => (loaded, models, None),
            Err(failure) => (&fallback, Err(failure.clone()), Some(failure)),
        };
        let settings = &loaded.settings;
        let effective = || serde_json::to_value(settings).unwrap_or_default();
        let state = self.state(&root)?;
        journal(host.as_ref(), &state);
        Ok(agent::Agent::new(agent::Parts {
            sandbox: self.sandbox(settings, &root)?,
            state,
            home: self.home().ok(),
            host,
            models,
            embeddings: embeddings(settings).unwrap_or_else(|failure| {
                print::warning(&format!("warning: {}", clean(&failure.to_string())));
                None
            }),
            config: settings.agent.clone(),
            wished_test_command: loaded.wished_test_command.clone(),
            tools: settings.tools.clone(),
            completion: settings.completion.clone(),
            memory: settings.memory.clone(),
            effective: wrong.map_or_else(|| Ok(effective()), Err),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }))
    }

    /// An agent for commands that only look at what is there; no model is needed.
    pub fn reader(&self) -> Result<agent::Agent, Failure> {
        let loaded = self.load()?;
        self.agent(self.disk()?, Ok(&loaded), Err(no_model()))
    }
}

const STATE_HINT: &str = "set ANIMUS_STATE_DIR to a folder that can be written";

/// A state folder, made where it is missing.
fn kept(folder: Utf8PathBuf) -> Result<Arc<Tree>, Failure> {
    let folder = std::path::absolute(folder)
        .ok()
        .and_then(|path| Utf8PathBuf::from_path_buf(path).ok())
        .ok_or_else(|| {
            Failure::new(Code::Io, "the state folder has no usable path").hint(STATE_HINT)
        })?;
    let tree = Tree::create(&folder)
        .map_err(|error| Failure::new(Code::Io, format!("{folder}: {error}")).hint(STATE_HINT))?;
    Ok(Arc::new(tree))
}

/// From now on landings on disk are kept in a journal; what became of one that was cut short is said.
fn journal(host: &dyn Host, state: &Arc<Tree>) {
    match host.journal(state) {
        Ok(done) if done.is_empty() => {}
        Ok(done) => print::warning(&format!("warning: {}", clean(&done.to_string()))),
        Err(error) => print::warning(&format!("warning: {}", clean(&error.to_string()))),
    }
}

/// The program as a person can call it again: by name where it was called so, else by its whole path.
fn itself() -> String {
    let by_path = std::env::args_os()
        .next()
        .is_some_and(|name| name.to_string_lossy().contains('/'));
    let path = std::env::current_exe()
        .ok()
        .and_then(|path| path.into_os_string().into_string().ok());
    match path.filter(|_| by_path) {
        Some(path) => quoted(&path),
        None => "animus".to_owned(),
    }
}

fn at(program: &str, root: &Utf8Path) -> String {
    format!("{program} -C {}", quoted(root.as_str()))
}

/// A word that a shell takes as it is.
pub fn quoted(word: &str) -> String {
    let plain = |char: char| {
        char.is_alphanumeric()
            || matches!(char, '/' | '.' | '-' | '_' | '+' | ':' | '@' | '%' | ',')
    };
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// The runtime of a command that waits for something.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                Code::Internal,
                format!("the runtime did not start: {error}"),
            )
        })
}

/// Where the log goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Something that keeps stderr: an editor, a program, a service.
    Program,
    /// A person who is shown what matters already; only what was asked for beyond warnings is logged too.
    Person,
}

/// Sends log lines to stderr from now on.
pub fn log(settings: &Settings, reader: Reader) {
    use tracing::level_filters::LevelFilter;
    let level = match (settings.logging.level, reader) {
        (LogLevel::Warn, Reader::Program) => LevelFilter::WARN,
        (LogLevel::Error, _) | (LogLevel::Warn, Reader::Person) => LevelFilter::ERROR,
        (LogLevel::Info, _) => LevelFilter::INFO,
        (LogLevel::Debug, _) => LevelFilter::DEBUG,
        (LogLevel::Trace, _) => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // Fails only where somebody logs already.
    let _ = match settings.logging.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}

impl From<Output> for Reader {
    fn from(output: Output) -> Reader {
        match output {
            Output::Text => Reader::Person,
            Output::Json => Reader::Program,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_for_a_shell() {
        assert_eq!(quoted("/tmp/a-b.c"), "/tmp/a-b.c");
        assert_eq!(quoted("/tmp/it's here"), r"'/tmp/it'\''s here'");
        assert_eq!(quoted("$(x)"), "'$(x)'");
    }
}
