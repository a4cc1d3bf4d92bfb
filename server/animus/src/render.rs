//! Renderer: the terminal's fold of one task's events. It keeps only what is on the screen, never a second truth.

pub mod bar;
mod blocks;
pub mod diff;
mod ending;
pub mod figure;
mod plan;
mod section;
pub mod style;
mod verdict;
pub mod wrap;

use ending::Ending;
use protocol::{
    CallId, Event, Level, PatchId, PatchState, Plan, Speaker, ToolCall, ToolKind, ToolResult,
    ToolStatus, Update, Wait,
};
use section::Section;
use std::fmt::Write as _;
use std::io::{self, Write};
use style::{BAD, DIM, HEAD, Painted, WARN, clean, line};
use wrap::Wrap;

const INDENT: &str = "  ";
/// To the start of the line above, which is cleared (ECMA-48: CUU, EL).
const LINE_ABOVE: &str = "\u{1b}[1A\r\u{1b}[2K";
/// Text wider than this is hard to read, however wide the terminal.
const WIDEST: usize = 100;

/// Draws events on a stream, escape codes included.
pub struct Renderer<W> {
    out: W,
    width: usize,
    program: String,
    section: Section,
    headed: Section,
    text: Option<Voice>,
    wrap: Wrap,
    open: Option<CallId>,
    /// Calls without a result, in the order they were made.
    calls: Vec<ToolCall>,
    held: Vec<String>,
    plan: Option<Plan>,
    patch: Option<(PatchId, PatchState)>,
    redraws: Redraws,
    /// Whether the model had its first message, which is the task.
    opened: bool,
    /// Seconds of the countdown that is the last line, if one is.
    counting: Option<u64>,
}

/// Whether a line that was written can be written over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redraws {
    /// On a screen.
    Yes,
    /// In a pipe or a file.
    No,
}

/// Who is speaking in the text that streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Message,
    Thought,
}

impl<W: Write> Renderer<W> {
    /// A renderer for a terminal of `columns`. `program` is how the commands in hints begin, as `animus` or `animus -C DIR`.
    pub fn new(out: W, columns: usize, redraws: Redraws, program: impl Into<String>) -> Self {
        let width = columns.clamp(40, WIDEST + INDENT.len()) - INDENT.len();
        Renderer {
            out,
            width,
            program: program.into(),
            section: Section::None,
            headed: Section::None,
            text: None,
            wrap: Wrap::new(width, INDENT),
            open: None,
            calls: Vec::new(),
            held: Vec::new(),
            plan: None,
            patch: None,
            redraws,
            opened: false,
            counting: None,
        }
    }

    /// Draws one event.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut out = String::new();
        self.draw(&event.update, &mut out);
        let counts = matches!(
            &event.update,
            Update::Waiting {
                wait: Wait::RateLimit,
                ..
            }
        );
        if !counts && !out.is_empty() {
            self.counting = None;
        }
        self.out.write_all(out.as_bytes())?;
        self.out.flush()
    }

    /// Ends a line that is still open, so that something else may be written.
    pub fn pause(&mut self) -> io::Result<()> {
        let mut out = String::new();
        self.break_line(&mut out);
        self.out.write_all(out.as_bytes())?;
        self.out.flush()
    }

    fn draw(&mut self, update: &Update, out: &mut String) {
        match update {
            Update::Phase { phase, .. } => {
                self.break_text(out);
                self.section = self.section.then(*phase);
            }
            Update::Message { text } => self.speak(Voice::Message, text, out),
            Update::Thought { text } => self.speak(Voice::Thought, text, out),
            Update::Turn { .. } => self.break_text(out),
            Update::ToolCall { call } => self.call(call, out),
            Update::ToolResult { result } => self.result(result, out),
            Update::Draft { diff, .. } => {
                let drawn = diff::colour(diff, diff::Fold::Long, "    ");
                match self.calls.is_empty() {
                    true => self.block(&drawn, out),
                    // It shows below the call that made it, once that has its time.
                    false => self.held.push(drawn),
                }
            }
            Update::Plan { plan } => {
                let drawn = plan::changes(self.plan.as_ref(), plan, INDENT);
                self.plan = Some(plan.clone());
                self.block(&drawn, out);
            }
            Update::Patch { patch } => {
                self.patch = Some((patch.id.clone(), patch.state));
                self.block(&blocks::patch(patch, INDENT), out);
            }
            Update::PatchState { state, paths } => {
                if let Some((_, known)) = &mut self.patch {
                    *known = *state;
                }
                self.block(&blocks::state(*state, paths, INDENT), out);
            }
            Update::Finished {
                reason,
                summary,
                failure,
                usage,
                duration_ms,
                ..
            } => {
                self.break_line(out);
                let (reason, duration_ms, failure) = (*reason, *duration_ms, failure.as_ref());
                let ending = Ending {
                    reason,
                    summary,
                    failure,
                    usage,
                    duration_ms,
                };
                out.push_str(&ending.lines(self.width, INDENT));
                if let Some((id, state)) = &self.patch {
                    out.push_str(&ending::next_steps(id, *state, &self.program, INDENT));
                }
            }
            Update::Started {
                request,
                root,
                model,
                scripted,
            } => {
                out.push_str(&blocks::started(
                    request, root, model, *scripted, self.width,
                ));
            }
            Update::Critique { critique } => self.block(&verdict::critique(critique, INDENT), out),
            Update::Test { report } => self.block(&verdict::test(report, INDENT), out),
            Update::Approval { approval } => self.block(&blocks::question(approval, INDENT), out),
            Update::ApprovalResolved { state, .. } => {
                self.block(&blocks::answered(*state, INDENT), out)
            }
            Update::Prompt {
                by: Speaker::User,
                text,
            } => {
                // The first is the task with all that is known of it.
                if std::mem::replace(&mut self.opened, true) {
                    self.block(&blocks::said(text, self.width, INDENT), out);
                }
            }
            Update::Prompt {
                by: Speaker::Agent,
                text,
            } => self.block(&blocks::nudge(text, self.width, INDENT), out),
            Update::Notice {
                level,
                message,
                hint,
            } => {
                self.block(
                    &blocks::notice(*level, message, hint.as_deref(), INDENT),
                    out,
                );
            }
            Update::Compacted { compaction } => {
                let message = format!(
                    "the conversation was shortened from about {} to {} tokens",
                    compaction.tokens_before, compaction.tokens_after
                );
                self.block(&blocks::notice(Level::Info, &message, None, INDENT), out);
            }
            // Of an approval, the question itself is on the screen.
            Update::Waiting {
                wait: Wait::Approval,
                ..
            } => {}
            Update::Waiting {
                wait: Wait::RateLimit,
                seconds,
                message,
            } => self.count_down(seconds.unwrap_or(0), message, out),
            Update::Waiting {
                seconds, message, ..
            } => self.block(&blocks::waiting(*seconds, message, INDENT), out),
            // The sum of tokens comes at the end.
            Update::ModelCall { .. }
            // A notice or a question beside them says the same in words.
            | Update::Fallback { .. }
            | Update::Breaker { .. }
            | Update::Budget { .. }
            | Update::EditReply { .. }
            | Update::Usage { .. } => {}
        }
    }

    /// One line for a whole countdown: written over where that is possible, else written once.
    fn count_down(&mut self, seconds: u64, message: &str, out: &mut String) {
        let goes_on = self
            .counting
            .replace(seconds)
            .is_some_and(|last| seconds < last);
        let message = style::clip(message, self.width.saturating_sub(2));
        let drawn = blocks::waiting(None, &message, INDENT);
        match (goes_on, self.redraws) {
            (false, _) => self.block(&drawn, out),
            (true, Redraws::Yes) => {
                out.push_str(LINE_ABOVE);
                out.push_str(&drawn);
            }
            (true, Redraws::No) => {}
        }
    }

    /// Whole lines under the heading that is due.
    fn block(&mut self, lines: &str, out: &mut String) {
        if !lines.is_empty() {
            self.begin(out);
            out.push_str(lines);
        }
    }

    /// Makes room for a block: ends an open line and writes the heading that is due.
    fn begin(&mut self, out: &mut String) {
        self.break_line(out);
        if self.headed != self.section {
            self.headed = self.section;
            if let Some(title) = self.section.title() {
                let _ = writeln!(out, "\n{}", Painted(HEAD, format!("◆ {title}")));
            }
        }
    }

    fn break_line(&mut self, out: &mut String) {
        self.break_text(out);
        if self.open.take().is_some() {
            out.push('\n');
        }
    }

    fn break_text(&mut self, out: &mut String) {
        if self.text.take().is_some() {
            let mut rest = String::new();
            if self.wrap.finish(&mut rest) {
                rest.push('\n');
            }
            out.push_str(&rest);
        }
    }

    fn speak(&mut self, voice: Voice, text: &str, out: &mut String) {
        if text.is_empty() || (self.text != Some(voice) && text.trim().is_empty()) {
            return;
        }
        let mut text = clean(text);
        if self.text != Some(voice) {
            self.begin(out);
            self.text = Some(voice);
            text = text.trim_start_matches('\n').to_owned();
        }
        let mut piece = String::new();
        self.wrap.push(&text, &mut piece);
        match voice {
            Voice::Message => out.push_str(&piece),
            Voice::Thought if piece.is_empty() => {}
            Voice::Thought => {
                let _ = write!(out, "{}", Painted(DIM, piece));
            }
        }
    }

    /// A call is one line: its head now, its measured time when it ends. Of calls made together the first shows, and each
    /// other when it is its turn. Noting a plan shows as the plan alone.
    fn call(&mut self, call: &ToolCall, out: &mut String) {
        self.calls.push(call.clone());
        self.open_next(out);
    }

    fn open_next(&mut self, out: &mut String) {
        let Some(call) = self
            .calls
            .first()
            .filter(|call| self.open.is_none() && call.kind != ToolKind::Think)
            .cloned()
        else {
            return;
        };
        self.begin(out);
        out.push_str(&head(&call));
        self.open = Some(call.id);
    }

    fn result(&mut self, result: &ToolResult, out: &mut String) {
        let Some(at) = self.calls.iter().position(|call| call.id == result.id) else {
            return;
        };
        let call = self.calls.remove(at);
        let quiet = call.kind == ToolKind::Think && result.status != ToolStatus::Failed;
        if !quiet {
            if self.open.as_ref() != Some(&result.id) {
                self.begin(out);
                out.push_str(&head(&call));
            }
            self.open = None;
            let exit = match result.exit_code {
                Some(0) | None => String::new(),
                Some(code) => format!("  {}", Painted(WARN, format!("exit {code}"))),
            };
            let took = Painted(DIM, figure::time(result.duration_ms));
            let _ = match result.status {
                ToolStatus::Failed => writeln!(out, "  {}{exit}  {took}", Painted(BAD, "failed")),
                _ => writeln!(out, "{exit}  {took}"),
            };
            if let Some(failure) = &result.failure {
                let _ = writeln!(out, "{INDENT}  {}", Painted(BAD, line(&failure.message)));
            }
        }
        for drawn in self.held.drain(..) {
            out.push_str(&drawn);
        }
        self.open_next(out);
    }
}

fn head(call: &ToolCall) -> String {
    let title = match call.title.trim() {
        "" => call.name.as_str(),
        title => title,
    };
    let sign = match call.kind {
        ToolKind::Edit => "✎",
        ToolKind::Execute => "$",
        ToolKind::Search => "⌕",
        ToolKind::Read | ToolKind::Think | ToolKind::Other => "→",
    };
    let title = title.strip_prefix(sign).unwrap_or(title);
    let healed = match call.healed.is_empty() {
        true => String::new(),
        false => format!("  {}", Painted(DIM, "(arguments put right)")),
    };
    format!("{INDENT}{} {}{healed}", Painted(DIM, sign), line(title))
}

#[cfg(test)]
mod tests;
