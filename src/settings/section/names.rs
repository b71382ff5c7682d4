//! Names that somebody mistyped, and what was probably meant.

pub(crate) fn unknown(key: &str, keys: &[&str]) -> String {
    match nearest(key, keys.iter().copied()) {
        Some(near) => format!("there is no key \"{key}\"; did you mean \"{near}\"?"),
        None => format!("there is no key \"{key}\"; known are {}", keys.join(", ")),
    }
}

/// The name that someone who typed `given` probably meant.
pub(crate) fn nearest<'n>(given: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|name| (strsim::normalized_damerau_levenshtein(given, name), name));
    let (score, name) = scored.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (score >= 0.5).then_some(name)
}
