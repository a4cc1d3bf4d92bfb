//! Stage: a small workspace on disk with an agent on it, and what came of a task there.
#![allow(clippy::disallowed_methods, reason = "fixtures are written here")]

use agent::{Agent, Config, Parts, Signal, Started, ToolsConfig};
use camino::{Utf8Path, Utf8PathBuf};
use protocol::{Event, FinishReason, TaskRequest, ToolResult, Update};
use std::sync::Arc;
use std::time::Duration;
use workspace::{Disk, Host, Root};

/// A workspace and the state folder beside it; both go when it goes.
pub struct Stage {
    _folder: tempfile::TempDir,
    pub root: Utf8PathBuf,
    pub state: Utf8PathBuf,
}

/// What a task did.
pub struct Run {
    pub events: Vec<Event>,
}

impl Stage {
    /// A workspace whose tests pass once `greet.txt` says goodbye and `count.txt` says 2.
    pub fn new() -> Stage {
        let stage = Stage::empty();
        stage.write("greet.txt", "hello\nworld\n");
        stage.write("count.txt", "one\n1\n");
        stage.write("check.sh", "grep -q goodbye greet.txt || { echo 'test greet ... FAILED'; exit 1; }\ngrep -q 2 count.txt\n");
        stage
    }

    pub fn empty() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let base = Utf8Path::from_path(folder.path())
            .unwrap()
            .canonicalize_utf8()
            .unwrap();
        let (root, state) = (base.join("work"), base.join("state"));
        std::fs::create_dir(&root).unwrap();
        Stage {
            _folder: folder,
            root,
            state,
        }
    }

    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root.join(path), text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root.join(path)).unwrap()
    }

    pub fn agent(&self, script: &str) -> Agent {
        self.agent_with(script, |_| {})
    }

    /// An agent whose tests are `sh check.sh` and whose critic is off, unless `set` says otherwise.
    pub fn agent_with(&self, script: &str, set: impl FnOnce(&mut Config)) -> Agent {
        self.agent_over(Arc::new(self.disk()), script, ToolsConfig::default(), set)
    }

    pub fn disk(&self) -> Disk {
        Disk::open(Root::open(&self.root).unwrap()).unwrap()
    }

    /// An agent without a planning phase that shares a state folder with those of other workspaces.
    pub fn agent_at_home(&self, script: &str, home: Arc<sandbox::Tree>) -> Agent {
        let set = |config: &mut Config| config.enable_plan = false;
        let (host, tools) = (Arc::new(self.disk()), ToolsConfig::default());
        self.agent_of(host, script, tools, (Some(home), None), set)
    }

    /// An agent without a test command, in a workspace whose own configuration asks for one.
    pub fn agent_wishing(&self, script: &str, command: &str) -> Agent {
        let set = |config: &mut Config| config.test_command = None;
        let (host, tools) = (Arc::new(self.disk()), ToolsConfig::default());
        self.agent_of(host, script, tools, (None, Some(command.to_owned())), set)
    }

    pub fn agent_over(
        &self,
        host: Arc<dyn Host>,
        script: &str,
        tools: ToolsConfig,
        set: impl FnOnce(&mut Config),
    ) -> Agent {
        self.agent_of(host, script, tools, (None, None), set)
    }

    /// An agent that asks these models, not a script.
    pub fn agent_asking(&self, models: llm::Models, set: impl FnOnce(&mut Config)) -> Agent {
        let (host, tools) = (Arc::new(self.disk()), ToolsConfig::default());
        self.agent_from(host, models, tools, (None, None), set)
    }

    fn agent_of(
        &self,
        host: Arc<dyn Host>,
        script: &str,
        tools: ToolsConfig,
        beside: (Option<Arc<sandbox::Tree>>, Option<String>),
        set: impl FnOnce(&mut Config),
    ) -> Agent {
        let models = llm::Models::scripted(script).unwrap();
        self.agent_from(host, models, tools, beside, set)
    }

    fn agent_from(
        &self,
        host: Arc<dyn Host>,
        models: llm::Models,
        tools: ToolsConfig,
        (home, wished_test_command): (Option<Arc<sandbox::Tree>>, Option<String>),
        set: impl FnOnce(&mut Config),
    ) -> Agent {
        let mut config = Config {
            enable_reflect: false,
            test_command: Some("sh check.sh".to_owned()),
            approval_timeout_seconds: 20,
            ..Config::default()
        };
        set(&mut config);
        let sandbox = sandbox::Sandbox::new(&sandbox::Config::default(), &self.root).unwrap();
        Agent::new(Parts {
            host,
            sandbox: Arc::new(sandbox),
            models: Ok(Arc::new(models)),
            embeddings: None,
            state: Arc::new(sandbox::Tree::create(&self.state).unwrap()),
            home,
            config,
            wished_test_command,
            tools,
            completion: agent::CompletionConfig::default(),
            memory: agent::MemoryConfig::default(),
            effective: Ok(serde_json::json!({})),
            version: "test".to_owned(),
        })
    }
}

/// Starts a task with these words and waits for its end.
pub async fn run(agent: &Agent, prompt: &str) -> Run {
    let started = agent.start(ask(prompt)).unwrap();
    finish(agent, &started).await
}

pub fn ask(prompt: &str) -> TaskRequest {
    TaskRequest {
        prompt: prompt.to_owned(),
        ..TaskRequest::default()
    }
}

/// Waits for a task's end; checks what holds for every task (P1, A5).
pub async fn finish(agent: &Agent, started: &Started) -> Run {
    until(agent, started, |update| {
        matches!(update, Update::Finished { .. })
    })
    .await;
    let events: Vec<Event> = agent
        .replay(&started.task, None)
        .unwrap()
        .iter()
        .map(|event| (**event).clone())
        .collect();
    let run = Run { events };
    for (seq, event) in run.events.iter().enumerate() {
        assert_eq!(event.seq, seq as u64, "P1: no gaps");
    }
    let ends = run
        .events
        .iter()
        .filter(|event| matches!(event.update, Update::Finished { .. }))
        .count();
    assert_eq!(ends, 1, "P1: one finished");
    for event in &run.events {
        let Update::ToolCall { call } = &event.update else {
            continue;
        };
        let results = run.results().filter(|result| result.id == call.id).count();
        assert_eq!(results, 1, "A5: one result for {}", call.title);
    }
    run
}

/// Waits until the task has said something that fits.
pub async fn until(agent: &Agent, started: &Started, fits: impl Fn(&Update) -> bool) {
    let mut feed = agent.feed();
    let said = agent.replay(&started.task, None).unwrap();
    if said.iter().any(|event| fits(&event.update)) {
        return;
    }
    let wait = async {
        loop {
            if let Signal::Event(event) = feed.next().await
                && event.task == started.task
                && fits(&event.update)
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("the task says it within a minute");
}

impl Run {
    pub fn reason(&self) -> FinishReason {
        match &self.events.last().unwrap().update {
            Update::Finished { reason, .. } => *reason,
            other => panic!("{other:?} is last"),
        }
    }

    pub fn summary(&self) -> String {
        match &self.events.last().unwrap().update {
            Update::Finished {
                summary, failure, ..
            } => format!("{summary} {failure:?}"),
            other => panic!("{other:?} is last"),
        }
    }

    pub fn results(&self) -> impl Iterator<Item = &ToolResult> {
        self.events.iter().filter_map(|event| match &event.update {
            Update::ToolResult { result } => Some(result),
            _ => None,
        })
    }

    /// The phases in the order they were entered, without the tool phase.
    pub fn phases(&self) -> String {
        let entered = self.events.iter().filter_map(|event| match &event.update {
            Update::Phase { phase, .. } => Some(phase.as_str()),
            _ => None,
        });
        let mut phases: Vec<&str> = entered.filter(|phase| *phase != "tool").collect();
        phases.dedup();
        phases.join(" ")
    }
}

/// A call of `apply_patch` as a turn of the script.
pub fn patch_turn(patch: &str) -> String {
    let indented = patch.trim().replace('\n', "\n            ");
    format!(
        "  - calls:\n      - name: apply_patch\n        arguments:\n          patch: |\n            {indented}\n"
    )
}

/// The patch that makes the stage's tests pass.
pub const GOOD: &str = "*** Begin Patch
*** Update File: greet.txt
@@
-hello
+goodbye
*** Update File: count.txt
@@
-1
+2
*** End Patch";

/// A patch that leaves the tests red.
pub const BAD: &str = "*** Begin Patch
*** Update File: greet.txt
@@
-hello
+good evening
*** End Patch";
