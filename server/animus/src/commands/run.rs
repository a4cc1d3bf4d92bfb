//! `run`: one task, from words to a tested patch in the files.

use crate::compose::{self, Compose};
use crate::follow::follow;
use crate::print;
use crate::render::style::{Painted, WARN};
use camino::Utf8Path;
use clap::{Args, ValueEnum};
use protocol::{Code, Failure, LandMode, SessionId, TaskRequest};

/// Give the agent a task and watch it work
#[derive(Debug, Args)]
pub struct Run {
    /// What to do, in plain words (`-` reads them from stdin; put `--` before words that begin with a dash)
    #[arg(required = true, value_name = "TASK")]
    words: Vec<String>,
    /// Model that writes the patch: a name of the configuration's `models`, or provider/model
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Model that plans
    #[arg(long, value_name = "NAME")]
    planner_model: Option<String>,
    /// Model that reviews
    #[arg(long, value_name = "NAME")]
    critic_model: Option<String>,
    /// File or folder that the model should see (repeatable, or comma-separated)
    #[arg(long, value_name = "PATH", value_delimiter = ',')]
    context: Vec<String>,
    /// What to do with the finished patch
    #[arg(long, value_enum)]
    land: Option<Land>,
    /// Command that runs the tests, instead of the configured or discovered one
    #[arg(long, value_name = "LINE")]
    test_command: Option<String>,
    /// Go on in this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

/// What to do with a finished patch.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Land {
    /// Bring it into the files; it can be undone
    Auto,
    /// Leave it proposed until it is accepted
    Review,
}

impl Run {
    /// The words of the task.
    pub fn task(&self) -> String {
        self.words.join(" ")
    }

    fn request(&self, root: &Utf8Path) -> Result<TaskRequest, Failure> {
        let prompt = match self.task().as_str() {
            "-" => super::stdin()?,
            words => words.to_owned(),
        };
        if prompt.trim().is_empty() {
            return Err(Failure::new(Code::InvalidInput, "the task has no words")
                .hint("say what to do: animus run \"…\""));
        }
        Ok(TaskRequest {
            prompt,
            context: self
                .context
                .iter()
                .filter(|path| !path.is_empty())
                .map(|path| below(root, path))
                .collect(),
            session: self.session.clone().map(SessionId),
            land: self.land.map(|land| match land {
                Land::Auto => LandMode::Auto,
                Land::Review => LandMode::Review,
            }),
            model: self.model.clone(),
            planner_model: self.planner_model.clone(),
            critic_model: self.critic_model.clone(),
            test_command: self.test_command.clone(),
            ..TaskRequest::default()
        })
    }
}

/// A path of the workspace, relative; any other is left to the agent, which refuses it by name.
fn below(root: &Utf8Path, path: &str) -> String {
    Utf8Path::new(path)
        .strip_prefix(root)
        .map_or_else(|_| path.to_owned(), |path| path.to_string())
}

/// Runs it. The exit code is the finish reason's.
pub fn run(args: &Run, compose: &Compose) -> Result<u8, Failure> {
    let mut request = args.request(compose.root())?;
    let loaded = compose.load()?;
    compose::log(&loaded.settings, compose.output().into());
    for note in loaded
        .ignored
        .iter()
        .map(ToString::to_string)
        .chain(loaded.notes.iter().cloned())
    {
        print::warning(&Painted(WARN, note).to_string());
    }
    compose::runtime()?.block_on(async {
        let roster = compose.models(&loaded.settings).await?;
        request.model = roster.choice("--model", request.model.take())?;
        request.planner_model = roster.choice("--planner-model", request.planner_model.take())?;
        request.critic_model = roster.choice("--critic-model", request.critic_model.take())?;
        let agent = compose.agent(compose.disk()?, Ok(&loaded.settings), Ok(roster.models))?;
        let feed = agent.feed();
        let started = agent.start(request)?;
        Ok(follow(&agent, feed, started, compose.output(), compose.program()).await)
    })
}
