//! A writer that hides what must not be shown. It hides whole lines, however they are handed over.

use crate::secret::hide;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// More is written before its line has ended.
const LONGEST: usize = 1 << 20;

/// Hides what must not be shown in whatever goes to another writer.
#[derive(Clone, Debug)]
pub struct Masked<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Masked<M> {
    type Writer = Lines<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Lines { writer: self.0.make_writer(), kept: Vec::new() }
    }
}

/// Keeps what was written until it is flushed or everything is said.
pub struct Lines<W: Write> {
    writer: W,
    kept: Vec<u8>,
}

impl<W: Write> Lines<W> {
    fn hand_over(&mut self) -> io::Result<()> {
        let kept = std::mem::take(&mut self.kept);
        if kept.is_empty() { Ok(()) } else { self.writer.write_all(hide(&String::from_utf8_lossy(&kept)).as_bytes()) }
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.kept.extend_from_slice(piece);
        if self.kept.len() > LONGEST {
            self.hand_over()?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hand_over()?;
        self.writer.flush()
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        // A log that cannot be written has nobody who could be told.
        let _unheard = self.hand_over();
    }
}
