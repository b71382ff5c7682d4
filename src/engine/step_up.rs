//! The step up: a decision on a token that asks for it counts only with a one-time code of whoever decides. The secret of
//! the codes is shown once, kept sealed, and opened only to compare.

mod locks;
pub mod picture;
mod seal;
mod totp;
mod words;

pub use seal::{BadKey, Seal};

use super::rights::Visitor;
use super::{Engine, EngineError};
use crate::ledger::{Enrollment, Guesses, Line, Lock};
use crate::rotation::ids::{PersonId, SurfaceName, TokenName};
use crate::rotation::refusal::Refusal;
use crate::rotation::view::prose::Prose;
use crate::secret::Secret;
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use totp::Codes;
use zeroize::Zeroizing;

/// How often somebody may guess: of a million codes three are right at any moment.
pub const GUESSES: Guesses = Guesses { most: 5, within: SignedDuration::from_mins(15), locks: 5 };
/// How long a secret that was shown waits for its first code.
const SHOWN: SignedDuration = SignedDuration::from_mins(30);

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is right, and used up.
    Right,
    /// It is not; so many guesses are left.
    Wrong {
        /// How many.
        left: u32,
    },
    /// It was right, and used before.
    Used,
    /// There were too many guesses.
    Locked {
        /// Until then.
        until: Timestamp,
    },
    /// There were too many of them too often: somebody else must let them be tried again.
    LockedForGood,
    /// There is nothing to compare it with: no secret in use, or none shown of late.
    Nothing,
}

/// A new secret, to be shown once: the one secret that is no [`Secret`], or it would be hidden from whoever it is for.
pub struct Invitation {
    /// To be typed into an app.
    pub secret: Zeroizing<String>,
    /// The address that apps understand, as in the picture.
    pub address: Zeroizing<String>,
}

/// One-time codes, as the desk needs them.
#[async_trait]
pub trait StepUp: Send + Sync {
    /// Whether any token asks for codes, and whether this one does: from the configuration alone.
    fn is_asked_for(&self, token: Option<&TokenName>) -> bool;
    /// Whether the person has a secret in use.
    async fn is_enrolled(&self, person: &PersonId) -> Result<bool, EngineError>;
    /// A new secret for the person; the one in use stays in use until the new one is confirmed.
    async fn invite(&self, person: &PersonId, via: &str) -> Result<Invitation, EngineError>;
    /// Puts the secret that was shown into use if this is a code of it.
    async fn confirm(&self, person: &PersonId, via: &str, code: &Secret, key: &str) -> Result<Verdict, EngineError>;
    /// Lets a person try codes again, if another person says so who may; false if there was nothing to unlock.
    async fn unlock(&self, person: &PersonId, by: &Visitor, via: &str) -> Result<bool, EngineError>;
    /// Uses a code up. The same request may come twice.
    async fn spend(&self, person: &PersonId, via: &str, code: &Secret, key: &str) -> Result<Verdict, EngineError>;
}

#[async_trait]
impl StepUp for Engine {
    fn is_asked_for(&self, token: Option<&TokenName>) -> bool {
        match token {
            Some(token) => self.catalog.tokens.get(token).is_some_and(|managed| managed.step_up),
            None => self.catalog.tokens.values().any(|managed| managed.step_up),
        }
    }

    async fn is_enrolled(&self, person: &PersonId) -> Result<bool, EngineError> {
        Ok(self.known(person).await?.is_some_and(|known| known.secret.is_some()))
    }

    async fn invite(&self, person: &PersonId, via: &str) -> Result<Invitation, EngineError> {
        let seal = self.seal()?;
        let (mut secret, mut nonce) = (Zeroizing::new([0; totp::BYTES]), [0; 24]);
        self.dice.fill(secret.as_mut_slice());
        self.dice.fill(&mut nonce);
        let codes = Codes::new(person, secret.as_slice()).expect("the secret is as long as it should be");
        let sealed = seal.seal(person, secret.as_slice(), nonce);
        self.ledger.enrollments().offer(person, &sealed, &self.told(person, via, "code_offered")).await?;
        Ok(Invitation { secret: Zeroizing::new(codes.to_type()), address: Zeroizing::new(codes.address()) })
    }

    async fn confirm(&self, person: &PersonId, via: &str, code: &Secret, key: &str) -> Result<Verdict, EngineError> {
        let Some(known) = self.known(person).await? else { return Ok(Verdict::Nothing) };
        let now = self.clock.now();
        let offered = known.offered.as_ref().filter(|(_, at)| now.duration_since(*at) < SHOWN);
        let Some((sealed, _)) = offered else {
            let again = known.secret.is_some() && known.last_key == key;
            return Ok(if again { Verdict::Right } else { Verdict::Nothing });
        };
        let step = match self.compare(&known, sealed, via, code).await? {
            Ok(step) => step,
            Err(verdict) => return Ok(verdict),
        };
        let line = self.told(person, via, "code_enrolled");
        let confirmed = self.ledger.enrollments().confirm(person, sealed, step, key, &line).await?;
        if confirmed {
            self.tell_person(person, &words::enrolled(person, via, now)).await;
        }
        Ok(if confirmed { Verdict::Right } else { Verdict::Nothing })
    }

    async fn unlock(&self, person: &PersonId, by: &Visitor, via: &str) -> Result<bool, EngineError> {
        if !self.may_unlock(person, by).await? {
            return Err(Refusal::MayNotUnlock.into());
        }
        self.unlock_code(person, &format!("{} via {via}", by.person)).await
    }

    async fn spend(&self, person: &PersonId, via: &str, code: &Secret, key: &str) -> Result<Verdict, EngineError> {
        let Some(known) = self.known(person).await? else { return Ok(Verdict::Nothing) };
        let Some(sealed) = &known.secret else { return Ok(Verdict::Nothing) };
        let step = match self.compare(&known, sealed, via, code).await? {
            Ok(step) => step,
            Err(verdict) => return Ok(verdict),
        };
        let spent = self.ledger.enrollments().spend(person, sealed, step, key, self.clock.now()).await?;
        Ok(if spent { Verdict::Right } else { Verdict::Used })
    }
}

impl Engine {
    /// Forgets a person's codes, so that they can enroll anew without the old ones. True if there was something.
    pub async fn reset_code(&self, person: &PersonId, via: &str) -> Result<bool, EngineError> {
        let reset = self
            .ledger
            .enrollments()
            .reset(person, &Line { actor: self.actor(via), ..self.told(person, via, "code_reset") })
            .await?;
        if reset {
            self.tell_person(person, &words::codes_reset(self.clock.now())).await;
        }
        Ok(reset)
    }

    /// Says it to a person alone, wherever a messenger knows them. What cannot be said is only logged.
    pub(super) async fn tell_person(&self, person: &PersonId, prose: &Prose) {
        for (service, id) in self.catalog.accounts(person) {
            let Some(messenger) = self.surfaces.get(&SurfaceName::from(service.word())) else { continue };
            if let Err(error) = messenger.whisper(None, &id, prose).await {
                tracing::warn!(%error, %person, "they could not be told what concerns them");
            }
        }
    }

    /// Everybody who has codes, or was shown a secret.
    pub async fn enrolled(&self) -> Result<Vec<Enrollment>, EngineError> {
        Ok(self.ledger.enrollments().enrollments().await?)
    }

    /// Whether a secret in use opens with the key of the configuration.
    pub fn can_open(&self, known: &Enrollment) -> bool {
        let sealed = known.secret.as_ref();
        sealed.is_none_or(|sealed| self.step_up.as_ref().is_some_and(|seal| seal.open(&known.person, sealed).is_some()))
    }

    async fn known(&self, person: &PersonId) -> Result<Option<Enrollment>, EngineError> {
        Ok(self.ledger.enrollments().enrollment(person).await?)
    }

    fn seal(&self) -> Result<&Seal, EngineError> {
        self.step_up.as_ref().ok_or_else(|| {
            EngineError::Broken("one-time codes are not set up here; add [step_up] to the configuration".into())
        })
    }

    /// The step whose code it is. The guess is counted before it is looked at, so that many at once are no more.
    async fn compare(
        &self,
        known: &Enrollment,
        sealed: &str,
        via: &str,
        code: &Secret,
    ) -> Result<Result<u64, Verdict>, EngineError> {
        let (person, now) = (&known.person, self.clock.now());
        let secret = self.seal()?.open(person, sealed).ok_or_else(|| unreadable(person))?;
        let codes = Codes::new(person, &secret).ok_or_else(|| unreadable(person))?;
        if !self.ledger.enrollments().guess(person, now, GUESSES).await? {
            let lock = self.known(person).await?.and_then(|known| known.lock(GUESSES, now));
            return Ok(Err(match lock {
                Some(Lock::ForGood) => Verdict::LockedForGood,
                Some(Lock::Until(until)) => Verdict::Locked { until },
                None => Verdict::Locked { until: now },
            }));
        }
        if let Some(step) = codes.step_of(code.expose(), now) {
            return Ok(Ok(step));
        }
        let counted = self.known(person).await?;
        let left = GUESSES.most.saturating_sub(counted.as_ref().map_or(GUESSES.most, |known| known.tries));
        self.note_wrong_code(person, via, left).await;
        let Some(lock) = counted.and_then(|known| known.lock(GUESSES, now)) else {
            return Ok(Err(Verdict::Wrong { left }));
        };
        self.tell_of_lock(person, via, lock).await;
        Ok(Err(if lock == Lock::ForGood { Verdict::LockedForGood } else { Verdict::Wrong { left } }))
    }

    async fn note_wrong_code(&self, person: &PersonId, via: &str, left: u32) {
        tracing::warn!(%person, via, left, "a wrong one-time code");
        let line = Line { detail: serde_json::json!({ "left": left }), ..self.told(person, via, "code_wrong") };
        if let Err(error) = self.ledger.note(None, &line).await {
            tracing::warn!(%error, "a wrong one-time code was not journalled");
        }
    }

    fn told(&self, person: &PersonId, via: &str, event: &str) -> Line {
        Line {
            at: self.clock.now(),
            actor: self.actor(&format!("{person} via {via}")),
            event: event.to_owned(),
            detail: serde_json::json!({ "person": person }),
        }
    }
}

fn unreadable(person: &PersonId) -> EngineError {
    EngineError::Broken(format!(
        "the one-time codes of {person} cannot be read: the key of [step_up] changed. An administrator can put the old key \
         beside the new one, or run `rekey people reset-code {person}`"
    ))
}
