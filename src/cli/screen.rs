//! Where a command prints: in colour or not, on the reader's clock, and never anything that looks like a token.

use super::CliError;
use super::table::{self, Table};
use crate::secret::hide;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// The reader's terminal, file or pipe.
pub(super) struct Screen<'a> {
    output: &'a mut dyn Write,
    pub(super) colour: bool,
    pub(super) zone: TimeZone,
}

impl<'a> Screen<'a> {
    /// Standard output as this process has it.
    pub(super) fn standard(output: &'a mut std::io::Stdout) -> Self {
        Self { output, colour: table::wants_colour(), zone: TimeZone::system() }
    }

    /// Prints at once. A reader who has gone away has seen enough.
    pub(super) fn print(&mut self, text: &str) -> Result<(), CliError> {
        let printed = self.output.write_all(hide(text).as_bytes()).and_then(|()| self.output.flush());
        match printed {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(source) => Err(CliError::Io { what: "the result cannot be printed".into(), source }),
            Ok(()) => Ok(()),
        }
    }

    pub(super) fn table(&mut self, table: &Table) -> Result<(), CliError> {
        self.print(&table.render(self.colour))
    }

    /// For programs.
    pub(super) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).expect("what we print has only string keys");
        self.print(&format!("{text}\n"))
    }

    /// A moment on the reader's clock.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        table::moment(at, &self.zone)
    }

    /// The same to the second, where the order of things matters.
    pub(super) fn second(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}
