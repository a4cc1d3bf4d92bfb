//! The words of Animus: everything that crosses a wire, as serde types without I/O.
//!
//! One [`Event`] value is one NDJSON line, one Connect message and one entry of `$/animus/event` (invariant P2).
//! Fields are camelCase; optional fields are left out when absent.

mod approval;
mod compaction;
mod edit_reply;
mod event;
mod failure;
mod finding;
mod ids;
mod memory;
mod model_call;
mod patch;
mod phase;
mod plan;
mod status;
mod task;
mod test_report;
mod tool;
mod usage;

pub use approval::{Approval, ApprovalOption, ApprovalState, Covered, PermissionOption, Scope};
pub use compaction::{Compaction, CompactionStep, ShortOutput, ShortPrompt};
pub use edit_reply::{EditForm, EditOutcome, EditReply};
pub use event::{Event, Level, PROTOCOL_VERSION, Speaker, Update, Wait};
pub use failure::{Code, Failure};
pub use finding::{Critique, Finding, Severity};
pub use ids::{ApprovalId, CallId, PatchId, SessionId, TaskId};
pub use memory::{Memory, MemoryAuthor, MemoryKind, Recalled};
pub use model_call::{BreakerState, BudgetState, ModelCall};
pub use patch::{
    Choice, FileChange, FileOp, Hunk, HunkState, PatchKind, PatchState, PatchView, Place,
    Resolution, Undoing,
};
pub use phase::Phase;
pub use plan::{Plan, Step, StepStatus};
pub use status::{CompletionView, IndexState, IndexView, MeaningView, ModelView, StatusView};
pub use task::{AskedCall, FinishReason, Intent, LandMode, Target, TaskRequest, TaskView};
pub use test_report::{Standing, Standings, TestFailure, TestReport, TestVerdict};
pub use tool::{ToolCall, ToolKind, ToolResult, ToolStatus};
pub use usage::Usage;
