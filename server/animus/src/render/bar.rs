//! Bar: how far an index has come, on a terminal where a person waits; nothing anywhere else.

use agent::{Progress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::MeaningView;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A build that is over within this shows no bar.
const SOON: Duration = Duration::from_millis(300);

/// The bar. It is wiped off when dropped.
pub struct Bar {
    bar: ProgressBar,
    begun: Instant,
}

impl Bar {
    /// A bar that shows nothing yet.
    pub fn new() -> Bar {
        let bar = match std::io::stderr().is_terminal() {
            true => ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            false => ProgressBar::hidden(),
        };
        let style = "{msg} {wide_bar} {pos}/{len}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Bar {
            bar,
            begun: Instant::now(),
        }
    }

    /// Shows how far the index is.
    pub fn show(&self, now: Progress) {
        let what = match now.stage {
            Stage::History => "Reading the history",
            _ => "Indexing",
        };
        self.draw(what, now.done as u64, now.total as u64);
    }

    /// Shows how far its vectors are.
    pub fn show_meaning(&self, now: MeaningView) {
        self.draw("Asking for embeddings", now.done, now.total);
    }

    fn draw(&self, what: &'static str, done: u64, total: u64) {
        if self.bar.is_hidden() && std::io::stderr().is_terminal() && self.begun.elapsed() > SOON {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(what);
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
