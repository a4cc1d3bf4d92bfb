//! `update_plan`: the model states its steps and where they stand.

use super::{Output, Tool, input_of};
use crate::desk::Desk;
use crate::validate::slim;
use futures::future::BoxFuture;
use protocol::{Failure, Plan, Step, ToolKind, Update};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// The tool.
pub struct UpdatePlan;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    /// All steps, in order.
    steps: Vec<StepInput>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepInput {
    content: String,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Pending,
    InProgress,
    Completed,
}

impl Tool for UpdatePlan {
    fn name(&self) -> &'static str {
        "update_plan"
    }

    fn about(&self) -> &'static str {
        "State or update the plan: every step with its status. Replaces the earlier plan."
    }

    fn kind(&self) -> ToolKind {
        ToolKind::Think
    }

    fn schema(&self) -> Value {
        slim::<Input>()
    }

    fn title(&self, input: &Value) -> String {
        let steps = input
            .get("steps")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        match steps {
            1 => "plan of one step".to_owned(),
            _ => format!("plan of {steps} steps"),
        }
    }

    fn run<'a>(
        &'a self,
        input: Value,
        desk: &'a mut Desk<'_>,
    ) -> BoxFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let input: Input = input_of(input)?;
            let entries = input.steps.into_iter().map(step_of).collect();
            desk.emit(Update::Plan {
                plan: Plan {
                    entries,
                    ..Plan::default()
                },
            });
            Ok(Output::from("plan noted".to_owned()))
        })
    }
}

fn step_of(step: StepInput) -> Step {
    let status = match step.status {
        Status::Pending => protocol::StepStatus::Pending,
        Status::InProgress => protocol::StepStatus::InProgress,
        Status::Completed => protocol::StepStatus::Completed,
    };
    Step {
        content: step.content,
        status,
    }
}
