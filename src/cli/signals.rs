//! The signals that ask a command to end: SIGTERM, SIGINT and SIGHUP mean the same.

use super::CliError;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Heard from the moment on that it is made.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, CliError> {
        let heard = |kind| signal(kind).map_err(unheard);
        Ok(Self {
            terminate: heard(SignalKind::terminate())?,
            interrupt: heard(SignalKind::interrupt())?,
            hangup: heard(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one.
    pub(super) async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

fn unheard(source: io::Error) -> CliError {
    CliError::Io { what: "signals cannot be received".into(), source }
}
