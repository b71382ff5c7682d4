//! What is said to a program and what it answers, as documented in `docs/stores/command.md`.

use crate::rotation::store::{Capabilities, Idempotency, Rollback, Tag, Undo};
use crate::secret::Secret;
use crate::store::Base;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Which edition of this protocol is spoken.
const EDITION: u32 = 1;

/// How a program says how it went.
pub(super) mod exit {
    pub(in crate::store::command) const DONE: i32 = 0;
    pub(in crate::store::command) const LATER: i32 = 10;
    pub(in crate::store::command) const REFUSED: i32 = 11;
    pub(in crate::store::command) const CHANGED: i32 = 12;
    pub(in crate::store::command) const WAITING: i32 = 13;
    pub(in crate::store::command) const UNSUPPORTED: i32 = 14;
}

/// What a program is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Operation {
    Check,
    Read,
    Write,
    Restore,
    Finish,
}

impl Operation {
    /// The program's last argument.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Read => "read",
            Self::Write => "write",
            Self::Restore => "restore",
            Self::Finish => "finish",
        }
    }

    /// Whether the place is another afterwards, for those who read it.
    pub(super) fn changes(self) -> bool {
        matches!(self, Self::Write | Self::Restore)
    }
}

/// What stands on a program's standard input.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    protocol: u32,
    pub(super) operation: Operation,
    place: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Date>,
}

impl<'a> Request<'a> {
    pub(super) fn new(operation: Operation, place: &'a str) -> Self {
        Self {
            protocol: EDITION,
            operation,
            place,
            value: None,
            version: None,
            undo: None,
            rotation: None,
            attempt: None,
            token_id: None,
            expires_at: None,
        }
    }

    pub(super) fn value(self, value: &'a Secret) -> Self {
        Self { value: Some(value.expose()), ..self }
    }

    pub(super) fn base(self, base: &'a Base) -> Self {
        Self { version: base.version.as_deref(), ..self }
    }

    pub(super) fn undo(self, undo: &'a Undo) -> Self {
        Self { undo: Some(&undo.0), ..self }
    }

    pub(super) fn tag(self, tag: &'a Tag) -> Self {
        let (attempt, token_id) = (Some(tag.attempt), Some(tag.token.0));
        Self { rotation: Some(&tag.rotation.0), attempt, token_id, expires_at: tag.expires_at, ..self }
    }

    /// One line of JSON, in bytes that are wiped on drop.
    pub(super) fn written(&self) -> Zeroizing<Vec<u8>> {
        // Six times: what a control character takes. Growing would leave an unwiped copy behind.
        let room = 6 * self.value.map_or(0, str::len) + 4_096;
        let mut line = Zeroizing::new(Vec::with_capacity(room));
        serde_json::to_writer(&mut *line, self).expect("texts and numbers can always be written as JSON");
        line.push(b'\n');
        line
    }
}

/// What a program answers; which of it counts depends on the operation and on how the program ended.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Answer {
    #[serde(deserialize_with = "secret")]
    pub(super) value: Option<Secret>,
    pub(super) version: Option<String>,
    pub(super) undo: Option<String>,
    /// Which place it is, whatever its name leads to later.
    pub(super) identity: Option<String>,
    pub(super) why: Option<String>,
    pub(super) mend: Option<String>,
    pub(super) retry_after: Option<u64>,
}

/// What a program answers to `check`. Other keys are refused, because a misspelt one would promise less than is meant.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Abilities {
    readable: bool,
    versions: bool,
    compare_and_set: bool,
    staging: bool,
    idempotency: Option<Idempotency>,
    rollback: Option<Rollback>,
    max_bytes: Option<u64>,
    eventual: bool,
}

impl Default for Abilities {
    fn default() -> Self {
        Self {
            readable: true,
            versions: false,
            compare_and_set: false,
            staging: false,
            idempotency: None,
            rollback: None,
            max_bytes: None,
            eventual: false,
        }
    }
}

impl Abilities {
    /// The same as the engine understands it, unless it cannot be true.
    pub(super) fn honest(self) -> Result<Capabilities, &'static str> {
        let plain = Capabilities::plain();
        let usual = if self.readable { plain } else { plain.blind() };
        let rollback = self.rollback.unwrap_or(usual.rollback);
        if rollback == Rollback::Rewrite && !self.readable {
            return Err("it promises rollback = \"rewrite\" for what cannot be read");
        }
        if rollback == Rollback::Native && !self.versions && !self.staging {
            return Err("it promises rollback = \"native\" without versions or staging");
        }
        Ok(Capabilities {
            readable: self.readable,
            versions: self.versions,
            compare_and_set: self.compare_and_set,
            staging: self.staging,
            idempotency: self.idempotency.unwrap_or(usual.idempotency),
            rollback,
            max_bytes: self.max_bytes,
            eventual: self.eventual,
            ..Capabilities::plain()
        })
    }
}

fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Secret::new))
}
