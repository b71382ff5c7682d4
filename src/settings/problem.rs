//! What is wrong with a configuration, and where. Problems are gathered, so that a person mends all of them in one go.

use crate::secret::{Secret, hide};
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// A position in a file that a person can jump to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as named by whoever asked for it.
    pub file: Arc<str>,
    /// Line and column, from 1; `None` when the file as a whole is meant.
    pub at: Option<(usize, usize)>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// One mistake and the way out. Its text never carries a secret, even if the file does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What it is and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Everything that keeps a configuration from being used, in the order of files and lines.
#[derive(Debug, thiserror::Error)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}")?;
        }
        f.write_str(&self.summary())
    }
}

impl ConfigErrors {
    /// How many there are.
    pub fn summary(&self) -> String {
        match self.0.len() {
            1 => "1 problem in the configuration".into(),
            many => format!("{many} problems in the configuration"),
        }
    }
}

/// Where problems are gathered while the sections are read.
#[derive(Default)]
pub(crate) struct Problems {
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    /// What was read so far: a mistake may quote what only a later line says to be secret.
    secrets: RefCell<Vec<Secret>>,
}

impl Problems {
    pub(crate) fn error(&self, place: Place, message: impl AsRef<str>) {
        self.errors.borrow_mut().push(Problem { place, message: message.as_ref().to_owned() });
    }

    pub(crate) fn warning(&self, place: Place, message: impl AsRef<str>) {
        self.warnings.borrow_mut().push(Problem { place, message: message.as_ref().to_owned() });
    }

    pub(crate) fn keep_quiet_about(&self, secret: &Secret) {
        self.secrets.borrow_mut().push(secret.duplicate());
    }

    /// The warnings if nothing is wrong, else all that is wrong.
    pub(crate) fn verdict(self) -> Result<Vec<Problem>, ConfigErrors> {
        let hidden = |problems: RefCell<Vec<Problem>>| -> Vec<Problem> {
            problems.into_inner().into_iter().map(|told| Problem { message: hide(&told.message), ..told }).collect()
        };
        let (mut errors, warnings) = (hidden(self.errors), hidden(self.warnings));
        if errors.is_empty() {
            return Ok(warnings);
        }
        errors.sort();
        errors.dedup();
        Err(ConfigErrors(errors))
    }
}
