//! The hash chain: each line's hash covers the line and the hash before it, so that no line can be edited, moved or
//! taken out without changing every hash after it.

use super::row::digest;

/// One line of the journal exactly as stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct Link {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) rotation: Option<String>,
    pub(super) version: Option<i64>,
    /// SHA-256 of the rotation's row.
    pub(super) digest: Option<String>,
    pub(super) actor: String,
    pub(super) event: String,
    pub(super) detail: String,
}

impl Link {
    /// The hash of this line after a line with the hash `before`; the first line follows the empty text.
    pub(super) fn hash(&self, before: &str) -> String {
        let text = serde_json::to_string(self).expect("a line has only string keys");
        digest(&format!("{before}\n{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            seq: 2,
            at: 1_790_000_000_000,
            rotation: Some("01kcase".into()),
            version: Some(1),
            digest: Some("d1".into()),
            actor: "person:alice".into(),
            event: "approve".into(),
            detail: "{}".into(),
        }
    }

    #[test]
    fn every_field_and_the_line_before_change_the_hash() {
        let hash = link().hash("before");
        let edits: [fn(&mut Link); 8] = [
            |link| link.seq += 1,
            |link| link.at += 1,
            |link| link.rotation = None,
            |link| link.version = Some(2),
            |link| link.digest = None,
            |link| link.actor.push('x'),
            |link| link.event.push('x'),
            |link| link.detail.push(' '),
        ];
        for edit in edits {
            let mut edited = link();
            edit(&mut edited);
            assert_ne!(edited.hash("before"), hash);
        }
        assert_ne!(link().hash("another"), hash);
        assert_eq!(link().hash("before"), hash);
    }
}
