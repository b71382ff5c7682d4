//! The same value in other places of a document, which no write of ours reaches: there it would stay when it is dead.

use super::Part;
use crate::secret::Secret;
use crate::secret_store::caution::Caution;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// Shorter ones stand in a text by chance.
const SHORTEST: usize = 12;

static ENCODED: LazyLock<Regex> = LazyLock::new(|| Regex::new("[A-Za-z0-9+/]{16,}={0,2}").expect("a constant pattern"));

pub(super) fn found(text: &str, parts: &[Part], value: &Secret) -> Option<Caution> {
    let value = value.expose();
    if value.len() < SHORTEST {
        return None;
    }
    let ours = |at: usize| parts.iter().any(|part| part.range.contains(&at));
    let plain = text.match_indices(value).filter(|(at, _)| !ours(*at)).count();
    let holds = |encoded: &str| {
        let decoded = Zeroizing::new(STANDARD.decode(encoded).unwrap_or_default());
        decoded.windows(value.len()).any(|window| window == value.as_bytes())
    };
    let encoded = ENCODED.find_iter(text).filter(|found| !ours(found.start()) && holds(found.as_str())).count();
    let times = match plain + encoded {
        0 => return None,
        1 => "in one more place".to_owned(),
        more => format!("in {more} more places"),
    };
    Some(Caution::new(
        format!("holds the same value {times}, where this store does not write it"),
        "make each such place a store of its own, unless it is one",
    ))
}
