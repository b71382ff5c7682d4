//! The hash chain: each line's hash covers the line and the hash before it, so that no line can be edited, moved or
//! taken out without changing every hash after it.

use super::row::digest;

/// The key in a line's detail under which it says what holds from now on.
pub(super) const HOLDS: &str = "holds";
/// The key under which a line that begins the journal again says what was before it.
pub(super) const BEHIND: &str = "behind";
/// And under which it says which kind of entries is void that came before it.
pub(super) const VOIDS: &str = "voids";

/// The key under which a line says what it used up, so that it counts once.
pub(super) const SPENDS: &str = "spends";

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

/// What a line says that tells of a gap.
pub(super) struct Gap {
    pub(super) number: u64,
    /// Gaps and size of the end that was known and is lost.
    pub(super) lost: Option<(u64, u64)>,
}

impl Link {
    /// The line as it is hashed, byte for byte.
    pub(super) fn canonical(&self) -> String {
        serde_json::to_string(self).expect("a line has only string keys")
    }

    /// The hash of this line after a line with the hash `before`; the first line follows the empty text.
    pub(super) fn hash(&self, before: &str) -> String {
        digest(&format!("{before}\n{}", self.canonical()))
    }

    /// What the line says of something that is no rotation: its name, and what it is now; `None`: it is gone.
    pub(super) fn fact(&self) -> Option<(String, Option<String>)> {
        let detail: serde_json::Value = serde_json::from_str(&self.detail).ok()?;
        serde_json::from_value(detail.get(HOLDS)?.clone()).ok()
    }

    /// What the line used up.
    pub(super) fn spends(&self) -> Option<String> {
        if !self.detail.contains(SPENDS) {
            return None;
        }
        let detail: serde_json::Value = serde_json::from_str(&self.detail).ok()?;
        detail.get(SPENDS)?.as_str().map(str::to_owned)
    }

    /// What the line says of everything before it, if it begins the journal again.
    pub(super) fn behind(&self) -> Option<String> {
        let detail: serde_json::Value = serde_json::from_str(&self.detail).ok()?;
        detail.get(BEHIND)?.as_str().map(str::to_owned)
    }

    /// Which kind of entries is void that came before the line.
    pub(super) fn voids(&self) -> Option<String> {
        let detail: serde_json::Value = serde_json::from_str(&self.detail).ok()?;
        detail.get(VOIDS)?.as_str().map(str::to_owned)
    }

    pub(super) fn gap(&self) -> Option<Gap> {
        let detail: serde_json::Value = serde_json::from_str(&self.detail).ok()?;
        let lost = serde_json::from_value(detail.get("lost")?.clone()).ok()?;
        Some(Gap { number: detail.get("gaps")?.as_u64()?, lost })
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
