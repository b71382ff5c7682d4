//! A rotation that is not as rekey left it is told to people, once by each process: nothing is done about it until one of
//! them mends it.

use super::Engine;
use super::desk::words;
use crate::rotation::ids::{PersonId, TokenName};
use std::collections::BTreeSet;

impl Engine {
    /// Tells of what was found since.
    pub async fn tell_of_damage(&self) {
        for (id, column) in self.ledger.take_damaged() {
            // What it was opened for; the row itself is anybody's word.
            let lines = self.ledger.journal(&id).await.unwrap_or_default();
            let opened = lines.iter().find_map(|told| told.line.detail["plan"]["token"].as_str());
            let token = opened.map(TokenName::from);
            for keeper in self.keepers_of(token.as_ref()) {
                self.tell_person(&keeper, &words::damaged(&id, token.as_ref(), column)).await;
            }
        }
    }

    /// Administrators; without any, who may approve this token, or any if it is not known which.
    fn keepers_of(&self, token: Option<&TokenName>) -> BTreeSet<PersonId> {
        let people = self.catalog.people.iter();
        let keepers: BTreeSet<_> = people.filter(|(_, known)| known.administrator).map(|(id, _)| id.clone()).collect();
        if !keepers.is_empty() {
            return keepers;
        }
        let tokens = self.catalog.tokens.keys().filter(|known| token.is_none_or(|token| token == *known));
        tokens.flat_map(|token| self.catalog.named(token)).collect()
    }
}
