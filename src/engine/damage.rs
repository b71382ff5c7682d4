//! A rotation that is not as rekey left it is told to people, once by each process: nothing is done about it until one of
//! them mends it.

use super::Engine;
use crate::rotation::ids::{PersonId, RotationId, TokenName};
use crate::rotation::view::prose::{Line, Prose};
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
                self.tell_person(&keeper, &damaged(&id, token.as_ref(), column)).await;
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

/// What those who keep the bot read of a rotation that somebody else changed, or a disk.
fn damaged(id: &RotationId, token: Option<&TokenName>, column: &str) -> Prose {
    let line = Line::text("Rotation ").and_code(id.as_str());
    let line = match token {
        Some(token) => line.and(" of ").and_code(token.as_str()),
        None => line,
    };
    let line = line.and(" is not as rekey left it in its database (").and_code(column);
    let line = line.and(
        "): somebody changed it there, or the disk did. Nothing is done about it until that is mended, and no \
                         new case may begin beside it. See ",
    );
    let line = line.and_code("rekey audit verify").and("; restore the database, or start once with ");
    line.and_code("rekey serve --new").and(" and its whole policy decides.").into()
}
