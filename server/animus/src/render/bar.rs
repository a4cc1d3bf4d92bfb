//! Bar: how far an index has come, on a terminal where a person waits; nothing anywhere else.

use agent::{Progress, Stage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
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

    /// Shows how far it is.
    pub fn show(&self, now: Progress) {
        if self.bar.is_hidden() && std::io::stderr().is_terminal() && self.begun.elapsed() > SOON {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_message(match now.stage {
            Stage::History => "Reading the history",
            _ => "Indexing",
        });
        self.bar.set_length(now.total as u64);
        self.bar.set_position(now.done as u64);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
