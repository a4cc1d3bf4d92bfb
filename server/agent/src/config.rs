//! Config: what a user may set about the agent and its tools. Defaults are the values of `Default`.

use crate::patches::Keep;
use protocol::LandMode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens when the critic finds something critical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReflectionPolicy {
    /// Nothing lands (A4).
    #[default]
    BlockOnCritical,
    /// It is shown, and the patch lands.
    WarnOnly,
    /// The critic's word is recorded only.
    NeverBlock,
}

/// How freely the agent moves between phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A stated plan before any edit, and every patch waits for a person.
    Safe,
    /// A first edit ends the planning by itself.
    #[default]
    Default,
    /// As `default`, but while the tests are red the critic is not asked.
    TestFirst,
}

/// The `agent` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Model turns a task may take; those of the critic and of the planner's help in search are not counted.
    pub max_steps: u32,
    /// Tokens that one answer may have; the model's own setting where absent.
    pub max_tokens: Option<u32>,
    /// Sampling temperature for every role; the model's own setting where absent.
    pub temperature: Option<f32>,
    /// Whether the model states its steps first.
    pub enable_plan: bool,
    /// Whether a critic reads the diff.
    pub enable_reflect: bool,
    /// What a critical finding does.
    pub reflection_policy: ReflectionPolicy,
    /// Whether the critic sees the diff itself, not just the list of files.
    pub enable_self_diff: bool,
    /// Whether the tests run.
    pub enable_test_run: bool,
    /// The test command, as a shell line; found from the project's files where absent.
    pub test_command: Option<String>,
    /// How often failing tests or findings go back to the model.
    pub test_retries: u32,
    /// Seconds that one test run may take.
    pub test_timeout_seconds: u64,
    /// Bytes of file text that the first prompt may carry.
    pub max_context_bytes: usize,
    /// Tokens that a conversation may have, the answer included, for models without `context_tokens`.
    pub max_context_tokens: u64,
    /// What to do with a finished patch.
    pub land: LandMode,
    /// How freely the agent moves.
    pub profile: Profile,
    /// Whether the project's `AGENTS.md` files are told to models.
    pub guides: bool,
    /// Seconds until an unanswered question counts as no.
    pub approval_timeout_seconds: u64,
    /// Whether landed patches become git objects under `refs/animus/*` as well.
    pub patch_refs: bool,
    /// MiB of texts and records of patches that the state folder keeps; the oldest go first.
    pub patch_storage_mb: u64,
    /// How long sessions are kept.
    pub history: HistoryConfig,
}

/// The `agent.history` section: bounds beyond which the oldest sessions are deleted; 0 for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HistoryConfig {
    /// Days since a session was last worked on.
    pub days: u32,
    /// MiB of all sessions of a workspace together.
    pub max_mb: u64,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self {
            days: 90,
            max_mb: 2048,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_steps: 40,
            max_tokens: None,
            temperature: None,
            enable_plan: true,
            enable_reflect: true,
            reflection_policy: ReflectionPolicy::default(),
            enable_self_diff: true,
            enable_test_run: true,
            test_command: None,
            test_retries: 2,
            test_timeout_seconds: 600,
            max_context_bytes: 48 * 1024,
            max_context_tokens: 128_000,
            land: LandMode::Auto,
            profile: Profile::default(),
            guides: true,
            approval_timeout_seconds: 120,
            patch_refs: true,
            patch_storage_mb: 256,
            history: HistoryConfig::default(),
        }
    }
}

impl Config {
    /// How patches are kept.
    pub(crate) fn keep(&self) -> Keep {
        Keep {
            refs: self.patch_refs,
            bound: workspace::Bound {
                bytes: self.patch_storage_mb.saturating_mul(1024 * 1024),
                ..workspace::Bound::default()
            },
        }
    }
}

/// The `tools` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToolsConfig {
    /// Whether commands may run at all.
    pub allow_exec: bool,
    /// Whether git may be read.
    pub allow_git: bool,
    /// Whether the draft may change; off makes every task a dry run.
    pub allow_file_write: bool,
    /// Seconds that one command may take.
    pub exec_timeout_seconds: u64,
    /// Whether code search is offered.
    pub enable_semantic: bool,
    /// Files that the index holds at most.
    pub semantic_max_files: usize,
    /// Bytes of a file above which the index leaves it out.
    pub semantic_max_file_bytes: usize,
    /// Earlier commits whose messages the index knows; 0 for none.
    pub semantic_max_commits: usize,
    /// Threads that build the index; 0 for as many as there are cores.
    pub semantic_threads: usize,
    /// Whether the planner's model rewrites what a task looks for and orders the files that are found.
    pub semantic_rewrite: bool,
    /// Which model makes vectors of the code, so that search finds what has the same meaning; none where absent.
    pub embeddings: Option<EmbeddingsConfig>,
    /// Regions of code that have a vector at most; tests come last.
    pub semantic_max_vectors: usize,
}

/// A model that makes vectors of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingsConfig {
    /// A name of `providers`, of a type that has OpenAI's `/embeddings`.
    pub provider: String,
    /// The server's name for the model.
    pub model: String,
}

impl Default for ToolsConfig {
    fn default() -> Self {
        Self {
            allow_exec: true,
            allow_git: true,
            allow_file_write: true,
            exec_timeout_seconds: 120,
            enable_semantic: true,
            semantic_max_files: 50_000,
            semantic_max_file_bytes: 512 * 1024,
            semantic_max_commits: 4_000,
            semantic_threads: 0,
            semantic_rewrite: false,
            embeddings: None,
            semantic_max_vectors: 20_000,
        }
    }
}

/// The `completion` section: suggestions at the cursor while you type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompletionConfig {
    /// Whether they are made at all; `strategy.completer_model` says by which model.
    pub enabled: bool,
    /// Milliseconds without a key until the model is asked.
    pub debounce_ms: u64,
    /// Milliseconds after which nobody waits any more.
    pub timeout_ms: u64,
    /// Tokens that one suggestion may have.
    pub max_tokens: u32,
    /// Lines that one suggestion may have; 1 for the rest of the line only.
    pub max_lines: u32,
    /// Bytes before the cursor that the model sees.
    pub prefix_bytes: usize,
    /// Bytes behind the cursor that the model sees.
    pub suffix_bytes: usize,
    /// Bytes of other files that the model sees; 0 for none.
    pub related_bytes: usize,
    /// Languages for which they are made, as the editor names them; all where empty.
    pub languages: Vec<String>,
    /// Languages for which they are not made.
    pub except_languages: Vec<String>,
}

impl Default for CompletionConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            debounce_ms: 250,
            timeout_ms: 5_000,
            max_tokens: 128,
            max_lines: 8,
            prefix_bytes: 4_096,
            suffix_bytes: 1_024,
            related_bytes: 1_536,
            languages: Vec::new(),
            except_languages: Vec::new(),
        }
    }
}

/// The `memory` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Whether anything is remembered of a project from one task to the next; off, nothing is kept, read or shown.
    pub enabled: bool,
    /// Memories of a project at most; the least used of what the agent noted by itself go first.
    pub max_items: usize,
    /// Bytes of them at most, likewise.
    pub max_bytes: usize,
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_items: 500,
            max_bytes: 256 * 1024,
        }
    }
}
