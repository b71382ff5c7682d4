//! What is being done at the moment, for a person who waits; on standard error, so that what is piped stays clean.

use std::io::{self, IsTerminal, Write};

/// A line that comes and goes.
pub(super) struct Progress {
    watched: bool,
}

impl Progress {
    pub(super) fn on_a_terminal() -> Self {
        Self { watched: io::stderr().is_terminal() && io::stdout().is_terminal() }
    }

    pub(super) fn show(&self, text: &str) {
        self.write(text);
    }

    pub(super) fn clear(&self) {
        self.write("");
    }

    /// If the terminal is gone, nobody misses it.
    fn write(&self, text: &str) {
        if self.watched {
            let mut terminal = io::stderr().lock();
            let _unseen = write!(terminal, "\r\u{1b}[2K{text}").and_then(|()| terminal.flush());
        }
    }
}
