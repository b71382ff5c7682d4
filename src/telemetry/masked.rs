//! A writer that masks whatever looks like a token. Loggers hand over whole lines, so no token is cut in two.

use crate::secret::redact;
use std::io::{self, Write};
use tracing_subscriber::fmt::MakeWriter;

/// Masks each write on its way to another writer.
#[derive(Clone, Debug)]
pub struct Masked<W>(pub W);

impl<W: Write> Write for Masked<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(redact(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Masked<M> {
    type Writer = Masked<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Masked(self.0.make_writer())
    }
}
