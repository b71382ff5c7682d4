//! A table of the configuration while it is read: typed look-ups that note what is wrong and go on.

mod names;

pub(crate) use names::nearest;

use super::duration;
use super::problem::Place;
use super::source::Source;
use names::unknown;
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, its position, and the name by which messages call it.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    pub(crate) source: &'a Source<'a>,
    table: &'a DeTable<'a>,
    span: Range<usize>,
    label: String,
    keys: &'static [&'static str],
}

impl<'a> Section<'a> {
    /// Wraps a table and notes every key that is not among `keys`.
    pub(crate) fn new(
        source: &'a Source<'a>,
        table: &'a DeTable<'a>,
        span: Range<usize>,
        label: String,
        keys: &'static [&'static str],
    ) -> Self {
        let section = Self { source, table, span, label, keys };
        for key in table.keys().filter(|key| !keys.contains(&key.get_ref().as_ref())) {
            section.note(&key.span(), &unknown(key.get_ref(), keys));
        }
        section
    }

    /// The same table under a name that says which one of many it is.
    pub(crate) fn called(mut self, label: String) -> Self {
        self.label = label;
        self
    }

    /// Where the table begins.
    pub(crate) fn place(&self) -> Place {
        self.source.place(&self.span)
    }

    /// The keys of a table whose keys are names that people chose.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.table.keys().map(|key| key.get_ref().as_ref())
    }

    /// The name by which messages call the table.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Notes keys that exist but have no meaning beside `because`.
    pub(crate) fn refuse_others(&self, common: &[&str], wanted: &[&str], because: &str) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if self.keys.contains(&name) && !common.contains(&name) && !wanted.contains(&name) {
                self.note(&key.span(), &format!("{name} has no meaning with {because}; remove it"));
            }
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Notes that something is wrong with the value of a key, or with the table if the key is missing.
    pub(crate) fn complain(&self, key: &str, message: &str) {
        self.note(&self.span_of(key), message);
    }

    /// Notes that a name that people chose is wrong.
    pub(crate) fn complain_name(&self, name: &str, message: &str) {
        let key = self.table.keys().find(|key| key.get_ref() == name);
        self.note(&key.map_or_else(|| self.span.clone(), Spanned::span), message);
    }

    /// Notes that one element of a list is wrong.
    pub(crate) fn complain_item(&self, key: &str, index: usize, message: &str) {
        let list = self.table.get(key).and_then(|value| value.get_ref().as_array());
        let span = list.and_then(|list| list.get(index)).map_or_else(|| self.span_of(key), Spanned::span);
        self.note(&span, message);
    }

    /// Notes something that is allowed but hardly meant.
    pub(crate) fn warn(&self, key: &str, message: &str) {
        let place = self.source.place(&self.span_of(key));
        self.source.problems.warning(place, format!("{}: {message}", self.label));
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let text = self.typed(key, "text in quotes", |value| value.as_str().map(str::to_owned))?;
        if text.trim().is_empty() {
            self.complain(key, &format!("{key} is empty; give it a value or remove the line"));
            return None;
        }
        Some(text)
    }

    /// A text that must be there; `hint` completes the sentence "... is missing; ".
    pub(crate) fn required(&self, key: &str, hint: &str) -> Option<String> {
        if !self.has(key) {
            self.complain(key, &format!("{key} is missing; {hint}"));
        }
        self.text(key)
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.complain(key, &format!("{key} must be one of {}", words.join(", ")));
        }
        found
    }

    /// A list of texts; an empty vector if the key is missing.
    pub(crate) fn texts(&self, key: &str) -> Vec<String> {
        let texts = |value: &DeValue<'_>| {
            let items = value.as_array()?.iter();
            items.map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        };
        self.typed(key, "a list of texts, [\"…\", \"…\"]", texts).unwrap_or_default()
    }

    /// One text or a list of them.
    pub(crate) fn one_or_many(&self, key: &str) -> Vec<String> {
        match self.table.get(key).map(Spanned::get_ref) {
            Some(DeValue::Array(_)) => self.texts(key),
            _ => self.text(key).into_iter().collect(),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", DeValue::as_bool)
    }

    /// A whole number within a range.
    pub(crate) fn number(&self, key: &str, range: RangeInclusive<u64>) -> Option<u64> {
        let whole = |value: &DeValue<'_>| {
            let integer = value.as_integer()?;
            i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
        };
        let number = self.typed(key, "a whole number", whole)?;
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                let (low, high) = (range.start(), range.end());
                self.complain(key, &format!("{key} is {number}; it must be between {low} and {high}"));
                None
            }
        }
    }

    /// A length of time in seconds, longer than none.
    pub(crate) fn duration(&self, key: &str) -> Option<u64> {
        let text = self.text(key)?;
        let seconds = duration::seconds(&text).filter(|seconds| *seconds > 0);
        if seconds.is_none() {
            let message =
                format!("{key} is \"{text}\", which is no length of time; write \"15m\", \"1h 30m\" or \"3d\"");
            self.complain(key, &message);
        }
        seconds
    }

    /// A table under a key.
    pub(crate) fn section(&self, key: &str, label: String, keys: &'static [&'static str]) -> Option<Section<'a>> {
        let value = self.table.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.complain(key, &format!("{key} must be a table, {{ … }}"));
            return None;
        };
        Some(Section::new(self.source, table, value.span(), label, keys))
    }

    /// A table whose keys are names that people chose.
    pub(crate) fn section_of_names(&self, key: &str) -> Option<Section<'a>> {
        let value = self.table.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.complain(key, &format!("{key} must be written as [{key}.name] tables, one for each"));
            return None;
        };
        let label = format!("[{key}]");
        Some(Self { source: self.source, table, span: value.span(), label, keys: &[] })
    }

    /// The tables of an array such as `[[token.store]]`.
    pub(crate) fn sections(&self, key: &str, label: &str, keys: &'static [&'static str]) -> Vec<Section<'a>> {
        let Some(value) = self.table.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.complain(key, &format!("{key} must be written as [[…]] tables, one for each"));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.complain_item(key, index, &format!("{key} must be written as [[…]] tables, one for each"));
                continue;
            };
            let label = format!("{label} {}", index + 1);
            found.push(Section::new(self.source, table, item.span(), label.trim_start().to_owned(), keys));
        }
        found
    }

    fn typed<T>(&self, key: &str, wanted: &str, read: impl Fn(&DeValue<'a>) -> Option<T>) -> Option<T> {
        let value = self.table.get(key)?.get_ref();
        let read = read(value);
        if read.is_none() {
            self.complain(key, &format!("{key} must be {wanted}, not {}", kind(value)));
        }
        read
    }

    fn span_of(&self, key: &str) -> Range<usize> {
        self.table.get(key).map_or_else(|| self.span.clone(), Spanned::span)
    }

    fn note(&self, span: &Range<usize>, message: &str) {
        let message = if self.label.is_empty() { message.to_owned() } else { format!("{}: {message}", self.label) };
        self.source.problems.error(self.source.place(span), message);
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list with something else in it",
        DeValue::Table(_) => "a table",
    }
}
