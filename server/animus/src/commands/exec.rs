//! `exec`: runs a command exactly as a tool of a phase would run it, with the same policy and the same confinement.

use super::policy::{CommandLine, word};
use crate::cli::Output;
use crate::compose::{self, Compose};
use crate::print;
use crate::render::style::{BAD, DIM, Painted, clean};
use clap::Args;
use clap::builder::PossibleValuesParser;
use protocol::{Code, Failure, Phase};
use sandbox::{Access, Approval, Limits, Stream};
use serde_json::json;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use workspace::{Draft, Scratch, Snapshot};

/// Exit code of a command that may not run.
const REFUSED: u8 = 126;
/// Exit code of a command that is not there.
const NOT_FOUND: u8 = 127;
/// Exit code of a command that took too long.
const TIMED_OUT: u8 = 124;
/// Exit code of a command that a limit on memory, output, processes or disk ended: as if killed.
const OVER_LIMIT: u8 = 137;

/// Run a command as a tool of a phase would run it
#[derive(Debug, Args)]
pub struct Exec {
    /// The phase: what may be written differs
    #[arg(long, value_parser = PossibleValuesParser::new(Phase::ALL.map(Phase::as_str)))]
    phase: String,
    #[command(flatten)]
    line: CommandLine,
}

/// Runs it. The exit code is the command's; 126 where it may not run, 127 where there is no such program, 124 after the timeout,
/// 137 where another limit ended it.
pub fn run(args: &Exec, compose: &Compose) -> Result<u8, Failure> {
    let settings = compose.load()?.settings;
    let phase = Phase::parse(&args.phase).ok_or_else(|| {
        Failure::new(
            Code::InvalidInput,
            format!("there is no phase {}", args.phase),
        )
    })?;
    let root = compose.root().to_owned();
    let seconds = match phase {
        Phase::Test => settings.agent.test_timeout_seconds,
        _ => settings.tools.exec_timeout_seconds,
    };
    let sandbox = compose.sandbox(&settings, &root)?;
    let verdict = sandbox.policy().judge(&args.line.line(), &root);
    // Kept until the command is over: it holds the lock of the tree.
    let scratch = match phase {
        Phase::Act | Phase::Repair if agent::reads_git(&verdict) => None,
        Phase::Act | Phase::Repair | Phase::Test => Some(prepare(compose)?),
        Phase::Context | Phase::Plan | Phase::Reflect => None,
        other => {
            let why = format!(
                "no command runs in phase {other}; phases with commands: context, plan, act, repair, reflect, test"
            );
            return Ok(refused(compose, "deny", &[why]));
        }
    };
    let (access, cwd) = match &scratch {
        Some(scratch) => {
            let tree = scratch.path().to_owned();
            let access = match phase {
                Phase::Test => Access::Tests(tree.clone()),
                _ => Access::Scratch(tree.clone()),
            };
            (access, tree)
        }
        None => (Access::ReadOnly, root.clone()),
    };
    if !settings.tools.allow_exec {
        return Ok(refused(
            compose,
            "deny",
            &["commands are switched off (tools.allow_exec)".to_owned()],
        ));
    }
    let limits = Limits {
        timeout: Duration::from_secs(seconds.max(1)),
        ..Limits::default()
    };
    let permit = match sandbox.permit(args.line.line(), access, Approval::None, limits, &cwd, &[]) {
        Ok(permit) => permit,
        Err(refusal) => return Ok(refused(compose, word(refusal.decision), &refusal.reasons)),
    };
    let output = compose.output();
    let outcome = compose::runtime()?.block_on(async {
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                stop.cancel();
            }
        });
        sandbox::exec(permit, cancel, move |stream, text| {
            if output == Output::Text {
                pass(stream, text);
            }
        })
        .await
    });
    match outcome {
        Ok(outcome) => Ok(ended(compose, &outcome)),
        Err(error @ sandbox::Error::NotFound { .. }) => {
            print::warning(&format!("{} {error}", Painted(BAD.bold(), "error:")));
            Ok(NOT_FOUND)
        }
        Err(error) => Err(Failure::new(Code::CommandFailed, error.to_string())),
    }
}

/// The files as they are, in a tree that no test runs in.
fn prepare(compose: &Compose) -> Result<Scratch, Failure> {
    let snapshot = Arc::new(Snapshot::new(compose.disk()?));
    let state = compose.state(compose.root())?;
    Scratch::commands(&state, &snapshot, &Draft::new(snapshot.clone()))
        .map_err(|error| Failure::new(Code::Io, error.to_string()))
}

/// What the command says, as it is; on a terminal its escape codes are shown and not obeyed.
fn pass(stream: Stream, text: &str) {
    let shown = |is_terminal: bool| match is_terminal {
        true => clean(text),
        false => text.to_owned(),
    };
    match stream {
        Stream::Stdout => {
            let mut out = std::io::stdout().lock();
            let text = shown(out.is_terminal());
            if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                print::lost(&error);
            }
        }
        Stream::Stderr => {
            let mut err = std::io::stderr().lock();
            let text = shown(err.is_terminal());
            let _ = err.write_all(text.as_bytes());
        }
    }
}

fn ended(compose: &Compose, outcome: &sandbox::Outcome) -> u8 {
    use sandbox::End;
    let end = outcome.end.word();
    let code = match outcome.end {
        End::Exit(code) => u8::try_from(code).unwrap_or(1),
        End::Signal(signal) => 128u8.saturating_add(u8::try_from(signal).unwrap_or(0)),
        End::Timeout => TIMED_OUT,
        End::Cancelled => 130,
        End::Memory(_) | End::Output(_) | End::Processes(_) | End::Disk(_) => OVER_LIMIT,
    };
    match compose.output() {
        Output::Json => print::json(&json!({
            "end": end, "exit_code": code, "stdout": outcome.stdout, "stderr": outcome.stderr,
            "enforced_by": outcome.enforced_by, "duration_ms": u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        })),
        Output::Text => {
            if end != "exit" {
                let why = outcome.end.limit();
                let why = why.unwrap_or_else(|| format!("ended by {end}"));
                print::warning(&Painted(DIM, why).to_string());
            }
        }
    }
    code
}

fn refused(compose: &Compose, decision: &str, reasons: &[String]) -> u8 {
    match compose.output() {
        Output::Json => print::json(
            &json!({ "end": "refused", "exit_code": REFUSED, "decision": decision, "reasons": reasons, "enforced_by": [] }),
        ),
        Output::Text => {
            print::warning(&format!(
                "{} policy says {decision}",
                Painted(BAD.bold(), "refused:")
            ));
            reasons
                .iter()
                .for_each(|reason| print::warning(&format!("  {}", clean(reason))));
        }
    }
    REFUSED
}
