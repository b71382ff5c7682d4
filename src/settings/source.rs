//! One file of the configuration: its text, and how offsets in it become lines and columns.

use super::problem::{Place, Problems};
use super::surroundings::Surroundings;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;

/// A file while it is read.
pub(crate) struct Source<'a> {
    /// As shown to people.
    pub(crate) name: Arc<str>,
    /// Relative paths in the file start here.
    pub(crate) folder: &'a Path,
    pub(crate) problems: &'a Problems,
    pub(crate) surroundings: &'a dyn Surroundings,
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(
        name: &str,
        text: &'a str,
        folder: &'a Path,
        problems: &'a Problems,
        surroundings: &'a dyn Surroundings,
    ) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(offset, _)| offset + 1);
        let line_starts = std::iter::once(0).chain(after_breaks).collect();
        Self { name: name.into(), folder, problems, surroundings, text, line_starts }
    }

    /// The file as TOML, or `None` after all its syntax errors were noted.
    pub(crate) fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            self.problems.error(self.place(&span), format!("this is not TOML: {}", error.message()));
        }
        errors.is_empty().then_some(table)
    }

    /// Where a span begins.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let line = self.line_starts.partition_point(|start| *start <= span.start);
        let start = self.line_starts[line - 1];
        let column = self.text.get(start..span.start).map_or(0, |before| before.chars().count()) + 1;
        Place { file: self.name.clone(), at: Some((line, column)) }
    }
}
