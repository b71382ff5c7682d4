//! Where a value lies, so that no two tokens are written to one place.

/// Where a value lies: `whole` is what one write replaces or guards, `part` the way to the value in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// What is shared, in a form in which equal places are equal.
    pub whole: String,
    /// From the outside in; empty if the value is all there is.
    pub part: Vec<String>,
}

impl Place {
    /// A place whose value is all there is.
    pub fn whole(whole: impl Into<String>) -> Self {
        Self { whole: whole.into(), part: Vec::new() }
    }

    /// The part of that name in it.
    #[must_use]
    pub fn part(mut self, part: impl Into<String>) -> Self {
        self.part.push(part.into());
        self
    }

    /// Whether writing one would overwrite the other.
    pub fn clashes(&self, other: &Self) -> bool {
        self.whole == other.whole && (self.part.starts_with(&other.part) || other.part.starts_with(&self.part))
    }
}
