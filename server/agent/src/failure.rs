//! Failures and figures of the floors below, as the words that cross a wire. The only place where they are mapped (P3).

use protocol::{Code, Failure, ModelCall, Usage};
use workspace::{LandError, Refused};

/// A failure of the workspace.
pub fn of_workspace(error: workspace::Error) -> Failure {
    use workspace::Error;
    let code = match &error {
        Error::Path { .. } | Error::Secret(_) | Error::Owned(_) => Code::PathRefused,
        Error::Missing(_) | Error::NotOpen(_) | Error::NoPatch(_) | Error::NoRepository(_) => {
            Code::NotFound
        }
        Error::Exists(_) | Error::Pattern(_) | Error::Unencodable { .. } => Code::InvalidInput,
        Error::Unreadable { .. } => Code::Unreadable,
        Error::Conflict { .. } => Code::Stale,
        Error::Git(_) | Error::Io { .. } => Code::Io,
    };
    Failure::new(code, error.to_string())
}

/// Hunks that were refused, each with what teaches the model to mend it (W4).
pub fn of_refusals(refused: Vec<Refused>) -> Failure {
    let all: Vec<String> = refused.iter().map(ToString::to_string).collect();
    Failure::new(
        Code::NoMatch,
        format!("nothing was applied.\n{}", all.join("\n")),
    )
}

/// A patch that did not become the user's files.
pub fn of_landing(error: LandError) -> Failure {
    let message = error.to_string();
    match error {
        LandError::Stale { .. } => Failure::new(Code::Stale, message).hint("try again when you have finished typing"),
        LandError::Conflict { .. } => Failure::new(Code::Stale, message)
            .hint("your newer edits and the patch touch the same lines; the patch is kept: accept it after undoing one of them"),
        LandError::Refused(_) => Failure::new(Code::EditRefused, message).hint("the patch is kept; accept it again"),
        LandError::Timeout => {
            Failure::new(Code::EditRefused, message).hint("look at the files, then accept the patch again if it is missing")
        }
        LandError::Io(_) => Failure::new(Code::Io, message).hint("the files are as they were; mend the disk and accept the patch"),
    }
}

/// A decision of a person that did not become the user's files; a conflict is shown with its lines.
pub fn of_decision(error: LandError) -> Failure {
    let LandError::Conflict { details, .. } = &error else {
        return of_landing(error);
    };
    let message = format!("{error}\n{}", details.trim_end());
    Failure::new(Code::Stale, message)
        .hint("change these lines by hand, or decide about the other hunks")
}

/// A model call that gave no reply.
pub fn of_model(error: &llm::Error) -> Failure {
    use llm::Error;
    let code = match error {
        Error::Auth { .. } => Code::Auth,
        Error::RateLimited { .. } => Code::RateLimited,
        Error::Quota { .. } | Error::Expensive { .. } | Error::Budget { .. } => {
            Code::BudgetExhausted
        }
        Error::NoModel(_) | Error::Config(_) => Code::Config,
        Error::Timeout { .. } => Code::Timeout,
        Error::Cancelled => Code::Cancelled,
        Error::Invalid { .. }
        | Error::Overloaded { .. }
        | Error::Broken { .. }
        | Error::TooLong { .. }
        | Error::Refused { .. }
        | Error::Unreachable { .. }
        | Error::ScriptEnded { .. }
        | Error::Script { .. } => Code::Provider,
    };
    Failure::new(code, error.to_string()).hint(error.hint())
}

/// What an attempt used, in the words of the wire; none where nothing was used.
pub fn usage_of(attempt: &llm::Attempt) -> Option<Usage> {
    let used = attempt.usage?;
    Some(Usage {
        role: attempt.role.as_str().to_owned(),
        model: attempt.model.clone(),
        input_tokens: used.input,
        cached_tokens: used.cached,
        cache_write_tokens: used.cache_write,
        output_tokens: used.output,
        cost_micro_usd: attempt.cost_micro_usd,
        estimated: used.estimated,
    })
}

/// An attempt at a model, in the words of the wire.
pub fn call_of(attempt: &llm::Attempt) -> ModelCall {
    let ms = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let (outcome, message) = match &attempt.failure {
        None => ("answered", None),
        Some((class, message)) => (*class, Some(message.clone())),
    };
    ModelCall {
        role: attempt.role.as_str().to_owned(),
        model: attempt.model.clone(),
        attempt: attempt.number,
        outcome: outcome.to_owned(),
        message,
        first_piece_ms: attempt.first_piece.map(ms),
        duration_ms: ms(attempt.took),
    }
}
