//! `run`: one task, from words to a tested patch in the files.

use crate::compose::{self, Compose};
use crate::print;
use crate::render::style::{Painted, WARN};
use crate::work::{By, Wish, work};
use camino::Utf8Path;
use clap::{Args, ValueEnum};
use protocol::{AskedCall, Code, Failure, LandMode, TaskRequest};

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
    /// Most that this run may cost, in US dollars, as far as prices are known
    #[arg(long, value_name = "USD", value_parser = micro_usd)]
    budget: Option<u64>,
    /// Tools to run before the model is asked: a JSON array of `{"name", "args"}`
    #[arg(long, value_name = "JSON", value_parser = calls)]
    tools: Option<Calls>,
    /// Go on in this session: its id, or the beginning or the end of it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Work in this process even where a server has the workspace open
    #[arg(long)]
    here: bool,
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
        if self
            .test_command
            .as_deref()
            .is_some_and(|line| line.trim().is_empty())
        {
            return Err(
                Failure::new(Code::InvalidInput, "--test-command: the line is empty")
                    .hint("leave it away to run the configured or discovered tests"),
            );
        }
        Ok(TaskRequest {
            prompt,
            context: self
                .context
                .iter()
                .filter(|path| !path.is_empty())
                .map(|path| below(root, path))
                .collect(),
            land: self.land.map(|land| match land {
                Land::Auto => LandMode::Auto,
                Land::Review => LandMode::Review,
            }),
            model: self.model.clone(),
            planner_model: self.planner_model.clone(),
            critic_model: self.critic_model.clone(),
            test_command: self.test_command.clone(),
            budget_micro_usd: self.budget,
            tools: self.tools.clone().map(|calls| calls.0).unwrap_or_default(),
            ..TaskRequest::default()
        })
    }
}

/// Calls as the command line has them: one value.
#[derive(Debug, Clone)]
struct Calls(Vec<AskedCall>);

fn calls(text: &str) -> Result<Calls, String> {
    serde_json::from_str(text)
        .map(Calls)
        .map_err(|error| format!("not a JSON array of {{\"name\", \"args\"}}: {error}"))
}

/// Dollars as micro-dollars.
fn micro_usd(text: &str) -> Result<u64, String> {
    let usd: f64 = text
        .trim_start_matches('$')
        .parse()
        .map_err(|_| "write dollars, such as 0.50")?;
    match (0.0..=1e9).contains(&usd) {
        // Exact: far below the largest whole number of a double.
        true => Ok((usd * 1e6).round() as u64),
        false => Err("from 0 to 1000000000 dollars".to_owned()),
    }
}

/// A path of the workspace, relative; any other is left to the agent, which refuses it by name.
pub fn below(root: &Utf8Path, path: &str) -> String {
    Utf8Path::new(path)
        .strip_prefix(root)
        .map_or_else(|_| path.to_owned(), |path| path.to_string())
}

/// Runs it. The exit code is the finish reason's.
pub fn run(args: &Run, compose: &Compose) -> Result<u8, Failure> {
    let mut request = args.request(compose.root())?;
    if let Some(id) = &args.session {
        request.session = Some(super::session::named(&compose.reader()?, Some(id))?);
    }
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
        let by = if args.here { By::Us } else { By::Anyone };
        let wish = Wish::Start(Box::new(request));
        work(compose, &loaded, roster, wish, by).await
    })
}
