//! Checks that look at all tokens at once: nothing may be named, owned or written twice.

use super::entry::Entry;
use crate::rotation::window::Window;
use crate::settings::problem::Problems;
use crate::store::{Place, StoreSpec};
use std::collections::HashMap;
use std::hash::Hash;

/// Notes every token that shares its id, its place in GitLab, or a store with an earlier one.
pub(super) fn check(entries: &[Entry], problems: &Problems) {
    let (mut ids, mut names) = (First::default(), First::default());
    let mut places: HashMap<String, Vec<(Place, &Entry)>> = HashMap::new();
    for entry in entries {
        let token = &entry.token;
        let complain = |message: String| {
            problems.error(entry.place.clone(), format!("token \"{}\": {message}", token.id));
        };
        if let Some(other) = ids.other(token.id.as_str(), entry) {
            complain(format!("the id is taken at {}; choose another", other.place));
            continue;
        }
        let owned = (token.owner.to_string().to_lowercase(), token.name.as_str());
        if let Some(other) = names.other(owned, entry) {
            let (id, at) = (&other.token.id, &other.place);
            complain(format!(
                "\"{}\" of {} is already managed as \"{id}\" ({at}); remove one",
                token.name, token.owner
            ));
        }
        for (index, store) in entry.stores.iter().enumerate() {
            let own = store.places();
            let clashes = |place: &Place| own.iter().any(|own| own.clashes(place));
            if entry.stores[..index].iter().flat_map(StoreSpec::places).any(|earlier| clashes(&earlier)) {
                complain(format!("{} is there twice; remove one", store.id()));
            }
            let earlier = own.iter().filter_map(|place| places.get(&place.whole)).flatten();
            let other = earlier.filter(|(_, other)| !std::ptr::eq(*other, entry)).find(|(at, _)| clashes(at));
            if let Some((_, other)) = other {
                let (id, at) = (&other.token.id, &other.place);
                complain(format!("{} is also written by \"{id}\" ({at}); a store holds one token", store.id()));
            }
            for place in own {
                places.entry(place.whole.clone()).or_default().push((place, entry));
            }
        }
    }
}

/// Notes every token whose approvals may be too old when the window opens: such a click would have to be refused. And
/// every token that may come due and expire while the window is closed.
pub(super) fn check_window(entries: &[Entry], window: Option<&Window>, problems: &Problems) {
    let Some(closed) = window.map(Window::longest_closed_hours) else { return };
    for entry in entries.iter().filter(|entry| u64::from(entry.token.rotate_before_days) * 24 <= closed) {
        let message = format!(
            "token \"{}\": [rotation.window] stays closed for up to {closed} hours, longer than rotate_before_days: the token \
             may come due and expire before it opens; write rotate_before_days = {} or open the window more often",
            entry.token.id,
            closed / 24 + 2
        );
        problems.warning(entry.place.clone(), message);
    }
    for entry in entries.iter().filter(|entry| entry.token.approval_seconds <= closed * 3_600) {
        let days = closed / 24 + 1;
        let message = format!(
            "token \"{}\": [rotation.window] stays closed for up to {closed} hours, longer than approval_ttl: an approval \
             would be too old when it opens, so it is refused until then; write approval_ttl = \"{days}d\" or open the \
             window more often",
            entry.token.id
        );
        problems.warning(entry.place.clone(), message);
    }
}

/// Who was first to claim a thing.
struct First<'e, K>(HashMap<K, &'e Entry>);

impl<K> Default for First<'_, K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'e, K: Hash + Eq> First<'e, K> {
    /// Who claimed it earlier, if anybody did.
    fn other(&mut self, thing: K, entry: &'e Entry) -> Option<&'e Entry> {
        let first = *self.0.entry(thing).or_insert(entry);
        let is_new = std::ptr::eq(first, entry);
        (!is_new).then_some(first)
    }
}
