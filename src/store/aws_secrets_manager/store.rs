//! The adapter: looks, stages, makes current, brings back, tidies up.

use super::account::Account;
use super::calls::{CURRENT, Calls, Described, Held, Move, PENDING};
use super::{Format, Spec};
use crate::http::Backoff;
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Idempotency, Rollback, Tag, Undo};
use crate::secret::Secret;
use crate::store::adapter::Adapter;
use crate::store::template::{Misfit, Template};
use crate::store::{Base, Seen, StoreError, Written};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// AWS's limit on a secret's text, in bytes.
const LONGEST: usize = 65_536;

/// The label of what the bot wrote last; by it the bot knows its own.
const OURS: &str = "rekey";

/// How often AWS is asked until its answers agree, and readers see a change; about six seconds in all.
const LOOKS: u32 = 8;

/// What names of versions are derived from, besides what they are for.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f0c_5d3e_9d1b_4b6e_8b6a_3d3b_5a0e_7c41);

/// One secret.
pub(super) struct AwsSecretsManager {
    calls: Calls,
    format: Format,
}

#[async_trait::async_trait]
impl Adapter for AwsSecretsManager {
    fn id(&self) -> &StoreId {
        &self.calls.id
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            readable: true,
            versions: true,
            compare_and_set: true,
            staging: true,
            idempotency: Idempotency::Native,
            rollback: Rollback::Native,
            max_bytes: Some(LONGEST as u64),
            eventual: true,
            ..Capabilities::plain()
        }
    }

    /// Writing is proven by two calls that change nothing: putting the present version once more, and taking off a label
    /// that is not there.
    async fn preflight(&self) -> Result<(), StoreError> {
        let (_, held) = self.current().await?;
        self.value_in(&held.text)?;
        self.calls.put(&held.version, &held.text, &[CURRENT]).await?;
        let nothing = Move { label: "rekey-preflight", from: Some(&held.version), to: None };
        self.calls.move_label(&nothing).await.map(drop)
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let (described, Held { version, text }) = self.current().await?;
        let value = Some(self.value_in(&text)?);
        let identity = described.arn.map(Identity);
        Ok(Seen { identity, ..Seen::new(value, Base::version(&version), Some(Undo(version))) })
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let (described, held) = self.current().await?;
        if self.value_in(&held.text)?.digest() == value.digest() {
            return Ok(Written::Done);
        }
        self.unchanged(&held, base)?;
        let text = self.with_value(&held.text, value, tag)?;
        let version = self.version_for(tag, &held.version);
        if !self.calls.put(&version, &text, &[PENDING, OURS]).await? {
            let why = format!("it has a version {version} with another text");
            return Err(self.refused(&why, "take all labels off that version, and approve the rotation anew"));
        }
        self.keep(&described, &held.version, tag).await?;
        self.make_current(&held.version, &version).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, _tag: &Tag) -> Result<Written, StoreError> {
        let (described, held) = self.current().await?;
        if held.version == undo.0 {
            return Ok(Written::Done);
        }
        self.unchanged(&held, base)?;
        if !described.labels.contains_key(&undo.0) {
            let why = format!("its version {} is gone", undo.0);
            return Err(self.refused(&why, "put the previous value there by hand"));
        }
        self.make_current(&held.version, &undo.0).await
    }

    /// Takes off every label of ours, and the one for what is pending where it was ours.
    async fn finish(&self, _tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        let described = self.calls.describe().await?;
        for (version, labels) in &described.labels {
            let ours = labels.iter().any(|label| label == OURS);
            let of_ours = |label: &&String| is_ours(label) || (ours && *label == PENDING);
            for label in labels.iter().filter(of_ours) {
                self.calls.move_label(&Move { label, from: Some(version), to: None }).await?;
            }
        }
        Ok(())
    }
}

impl AwsSecretsManager {
    pub(super) fn new(id: StoreId, account: Arc<Account>, spec: &Spec) -> Self {
        Self { calls: Calls::new(id, account, spec), format: spec.format }
    }

    /// What the secret is, if it is ours to write.
    async fn described(&self) -> Result<Described, StoreError> {
        let described = self.calls.describe().await?;
        if let Some((why, mend)) = &described.off_limits {
            return Err(self.refused(why, mend));
        }
        if described.holder(CURRENT).is_none() {
            return Err(self.refused("it has no value yet", "put the present value there once by hand"));
        }
        match described.holder(PENDING) {
            Some(version) if !described.has(version, CURRENT) && !described.has(version, OURS) => {
                let mend = "let that rotation end, or take the label AWSPENDING off";
                Err(self.refused("somebody else's rotation has a version waiting in it (AWSPENDING)", mend))
            }
            _ => Ok(described),
        }
    }

    /// The current version. AWS promises that a change is seen in the end, not at once and not by all its answers at the
    /// same time, so it is believed only once what describes the secret and what reads it say the same.
    async fn current(&self) -> Result<(Described, Held), StoreError> {
        let mut pauses = pauses();
        loop {
            let described = self.described().await?;
            let held = self.calls.get(CURRENT).await?;
            if described.has(&held.version, CURRENT) {
                return Ok((described, held));
            }
            let Some(pause) = pauses.next() else {
                let why = "AWS does not agree with itself yet about which version is current";
                return Err(StoreError::unavailable(&self.calls.id, why));
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn unchanged(&self, held: &Held, base: &Base) -> Result<(), StoreError> {
        if Base::version(&held.version) == *base {
            return Ok(());
        }
        Err(StoreError::conflict(&self.calls.id, format!("its current version is {} now", held.version)))
    }

    /// The version that the rotation found keeps a label, so AWS does not remove it however many attempts there are.
    async fn keep(&self, described: &Described, version: &str, tag: &Tag) -> Result<(), StoreError> {
        let label = format!("{OURS}-{}", tag.rotation);
        if described.holder(&label).is_some() {
            return Ok(());
        }
        self.calls.move_label(&Move { label: &label, from: None, to: Some(version) }).await.map(drop)
    }

    /// The name of the version that this write makes: the same for the same write from the same state, whoever repeats it.
    fn version_for(&self, tag: &Tag, from: &str) -> String {
        let Tag { rotation, attempt, token, .. } = tag;
        let what = format!("{rotation} {attempt} {} {} {from}", token.0, self.calls.id);
        Uuid::new_v5(&NAMESPACE, what.as_bytes()).to_string()
    }

    /// Compare and set: AWS refuses if `from` is not the current version any more.
    async fn make_current(&self, from: &str, to: &str) -> Result<Written, StoreError> {
        let moved = self.calls.move_label(&Move { label: CURRENT, from: Some(from), to: Some(to) }).await?;
        let mut pauses = pauses();
        loop {
            let shown = self.shown().await?;
            match shown {
                Some(now) if now == to => return Ok(Written::Done),
                Some(now) if now != from => {
                    let why = "somebody else has made another version current";
                    return Err(StoreError::conflict(&self.calls.id, why));
                }
                _ => {}
            }
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None if moved => return Err(self.open("the new version is current, and readers do not get it yet")),
                None => return Err(self.open("AWS did not make the new version current, and does not show why")),
            }
        }
    }

    /// The version that is current, if AWS agrees with itself.
    async fn shown(&self) -> Result<Option<String>, StoreError> {
        let described = self.calls.describe().await.map_err(StoreError::once_written)?;
        let held = self.calls.get(CURRENT).await.map_err(StoreError::once_written)?;
        Ok(described.has(&held.version, CURRENT).then_some(held.version))
    }

    fn open(&self, why: &str) -> StoreError {
        StoreError::Unknown { store: self.calls.id.clone(), why: why.to_owned() }
    }

    fn value_in(&self, text: &Secret) -> Result<Secret, StoreError> {
        match self.format {
            Format::Plain => Ok(text.duplicate()),
            Format::GitlabAccessToken => {
                let number = field("tokenId").extract(text);
                number.and_then(|_| field("token").extract(text)).map_err(|misfit| self.misfit(&misfit))
            }
        }
    }

    fn with_value(&self, text: &Secret, value: &Secret, tag: &Tag) -> Result<Secret, StoreError> {
        let text = match self.format {
            Format::Plain => value.duplicate(),
            Format::GitlabAccessToken => {
                let id = Secret::new(tag.token.0.to_string());
                let with_token = field("token").replace(text, value);
                let with_both = with_token.and_then(|text| field("tokenId").replace(&text, &id));
                with_both.map_err(|misfit| self.misfit(&misfit))?
            }
        };
        let length = text.expose().len();
        if value.expose().is_empty() || length > LONGEST {
            let why = format!("the new text has {length} bytes, and AWS takes 1 to {LONGEST}");
            return Err(self.refused(&why, "store the value elsewhere"));
        }
        Ok(text)
    }

    fn misfit(&self, misfit: &Misfit) -> StoreError {
        self.refused(&misfit.why, &misfit.mend)
    }

    fn refused(&self, why: &str, mend: &str) -> StoreError {
        StoreError::refused(&self.calls.id, why, mend)
    }
}

/// Longer and longer, as many as there are looks.
fn pauses() -> impl Iterator<Item = Duration> {
    let pauses = Backoff::jittered(Duration::from_millis(100), Duration::from_secs(2));
    (0..LOOKS).map(move |look| pauses.delay(look))
}

fn field(name: &str) -> Template {
    Template::Json { key: vec![name.to_owned()] }
}

fn is_ours(label: &str) -> bool {
    label.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}
