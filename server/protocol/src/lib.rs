//! The words of Animus: everything that crosses a wire, as serde types without I/O.
//!
//! One [`Event`] value is one NDJSON line, one Connect message and one entry of `$/animus/event` (invariant P2).
//! Fields are camelCase; optional fields are left out when absent.

mod approval;
mod event;
mod failure;
mod finding;
mod ids;
mod patch;
mod phase;
mod plan;
mod status;
mod task;
mod test_report;
mod tool;
mod usage;

pub use approval::{Approval, ApprovalState, PermissionOption};
pub use event::{Event, Level, PROTOCOL_VERSION, Speaker, Update, Wait};
pub use failure::{Code, Failure};
pub use finding::{Critique, Finding, Severity};
pub use ids::{ApprovalId, CallId, PatchId, SessionId, TaskId};
pub use patch::{
    Choice, FileChange, FileOp, Hunk, HunkState, PatchKind, PatchState, PatchView, Place,
    Resolution, Undoing,
};
pub use phase::Phase;
pub use plan::{Plan, Step, StepStatus};
pub use status::{IndexState, IndexView, MeaningView, ModelView, StatusView};
pub use task::{FinishReason, Intent, LandMode, Target, TaskRequest, TaskView};
pub use test_report::{TestReport, TestVerdict};
pub use tool::{ToolCall, ToolKind, ToolResult, ToolStatus};
pub use usage::Usage;
