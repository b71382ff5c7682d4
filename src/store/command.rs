//! A program of the user's, for stores that nobody else knows: started for each operation, told what to do in one JSON
//! object on its standard input, answering with one on its standard output. The value is never in its arguments or its
//! environment, and nothing it says is shown but its own explanations, masked.

pub(super) mod config;
mod kin;
mod orphans;
mod process;
mod protocol;
mod said;

pub use orphans::adopt;
pub use process::{Program, Settings};

use super::adapter::Adapter;
use super::place::Place;
use super::{Base, Seen, StoreError, Written};
use crate::rotation::identity::Identity;
use crate::rotation::ids::StoreId;
use crate::rotation::store::{Capabilities, Rollback, Tag, Undo};
use crate::rotation::view::text::{cut, line};
use crate::secret::Secret;
use process::{Ended, Failed};
use protocol::{Abilities, Answer, Operation, Request, exit};
use said::{explanation, may_keep};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The longest explanation that is passed on, in characters.
const LONGEST: usize = 200;

/// A place as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spec {
    /// Which `[command.<name>]` knows it.
    pub at: String,
    /// The program behind that name with its arguments: two names for one program do not make two places.
    pub program: String,
    /// What the program calls it.
    pub place: String,
}

impl Spec {
    pub(super) fn id(&self) -> String {
        format!("command {} {}", self.at, self.place)
    }

    pub(super) fn place(&self) -> Place {
        Place::whole(format!("command {} {}", self.program, self.place))
    }
}

/// One place that a program keeps.
pub(super) struct Command {
    id: StoreId,
    program: Arc<Program>,
    at: String,
    place: String,
    /// What the program said last that it can do.
    told: Mutex<Option<Capabilities>>,
}

#[async_trait::async_trait]
impl Adapter for Command {
    fn id(&self) -> &StoreId {
        &self.id
    }

    fn capabilities(&self) -> Capabilities {
        self.told().unwrap_or_else(|| Capabilities::plain().blind())
    }

    async fn preflight(&self) -> Result<(), StoreError> {
        self.check().await?;
        self.look().await.map(drop)
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        let can = match self.told() {
            Some(can) => can,
            None => self.check().await?,
        };
        let answer: Answer = self.ask(&Request::new(Operation::Read, &self.place)).await?;
        if answer.value.is_some() != can.readable {
            return Err(self.breach("what it answers to read does not fit what it said of readable"));
        }
        if can.compare_and_set && answer.version.is_none() {
            return Err(self.breach("it promises compare_and_set and names no version"));
        }
        let undo = answer.undo.filter(|_| can.rollback == Rollback::Native);
        if can.rollback == Rollback::Native && !undo.as_ref().is_some_and(|undo| may_keep(undo, answer.value.as_ref()))
        {
            return Err(self.breach("it promises to restore and names no undo that may be kept"));
        }
        let identity = answer.identity;
        if identity.as_ref().is_some_and(|identity| !may_keep(identity, answer.value.as_ref())) {
            return Err(self.breach("the identity that it names may not be kept"));
        }
        let identity = identity.map(|identity| Identity(format!("{} {}", self.at, line(&identity))));
        let base = match (answer.version, &answer.value) {
            (Some(version), _) => Base::version(version),
            (None, Some(value)) => Base::of(value),
            (None, None) => Base::default(),
        };
        Ok(Seen { identity, ..Seen::new(answer.value, base, undo.map(Undo)) })
    }

    async fn write(&self, value: &Secret, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        self.fits(value)?;
        let seen = self.look().await?;
        if seen.value.is_some_and(|held| held.digest() == value.digest()) {
            return Ok(Written::Done);
        }
        if seen.base != *base {
            return Err(StoreError::conflict(&self.id, "it holds something else than before"));
        }
        let request = Request::new(Operation::Write, &self.place).value(value).base(base).tag(tag);
        self.change(&request).await
    }

    async fn roll_back(&self, undo: &Undo, base: &Base, tag: &Tag) -> Result<Written, StoreError> {
        let seen = self.look().await?;
        if seen.base != *base {
            return Err(StoreError::conflict(&self.id, "it holds something else than before"));
        }
        let request = Request::new(Operation::Restore, &self.place).undo(undo).base(base).tag(tag);
        self.change(&request).await
    }

    async fn finish(&self, tag: &Tag, _undo: Option<&Undo>) -> Result<(), StoreError> {
        let request = Request::new(Operation::Finish, &self.place).tag(tag);
        match self.run(&request).await? {
            Ended::Exit(exit::UNSUPPORTED, _) => Ok(()),
            ended => self.understand::<Answer>(Operation::Finish, ended).map(drop),
        }
    }
}

impl Command {
    pub(super) fn new(id: StoreId, program: Arc<Program>, spec: &Spec) -> Self {
        Self { id, program, at: spec.at.clone(), place: spec.place.clone(), told: Mutex::new(None) }
    }

    fn told(&self) -> Option<Capabilities> {
        self.told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    async fn check(&self) -> Result<Capabilities, StoreError> {
        let abilities: Abilities = self.ask(&Request::new(Operation::Check, &self.place)).await?;
        let can = abilities.honest().map_err(|why| self.breach(why))?;
        *self.told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(can.clone());
        Ok(can)
    }

    async fn change(&self, request: &Request<'_>) -> Result<Written, StoreError> {
        match self.run(request).await? {
            Ended::Exit(exit::WAITING, output) => {
                let why = explanation(&output).why;
                Ok(Written::Waiting { why: self.shown(why, "its own people must agree first") })
            }
            ended => self.understand::<Answer>(request.operation, ended).map(|_| Written::Done),
        }
    }

    async fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, StoreError> {
        let ended = self.run(request).await?;
        self.understand(request.operation, ended)
    }

    async fn run(&self, request: &Request<'_>) -> Result<Ended, StoreError> {
        let operation = request.operation;
        self.program.run(operation.name(), request.written()).await.map_err(|failed| match failed {
            Failed::NotStarted(kind @ (ErrorKind::NotFound | ErrorKind::PermissionDenied)) => {
                let mend = format!("put an executable program at {}", self.program.path().display());
                StoreError::refused(&self.id, format!("its program cannot be started ({kind})"), mend)
            }
            Failed::NotStarted(kind) => {
                StoreError::unavailable(&self.id, format!("its program cannot be started ({kind})"))
            }
            Failed::Unfit(unfit) => StoreError::refused(&self.id, unfit.why, unfit.mend),
            Failed::Busy => StoreError::unavailable(&self.id, "its program is busy with other places"),
            Failed::TooLong(limit) => {
                self.open(operation, format!("its program was stopped after {} s", limit.as_secs_f32()))
            }
            Failed::TooMuch(most) => self.open(operation, format!("its program said more than {} KiB", most >> 10)),
        })
    }

    fn understand<T: DeserializeOwned>(&self, operation: Operation, ended: Ended) -> Result<T, StoreError> {
        let (code, output) = match ended {
            Ended::Exit(exit::DONE, output) => return self.answer(operation, &output),
            Ended::Exit(code, output) => (code, output),
            Ended::Signal(number) => {
                return Err(self.open(operation, format!("its program was ended by signal {number}")));
            }
        };
        let said = explanation(&output);
        Err(match code {
            exit::LATER => StoreError::Unavailable {
                store: self.id.clone(),
                retry_after: said.retry_after.map(Duration::from_secs),
                why: self.shown(said.why, "its program asks to try again later"),
            },
            exit::REFUSED => {
                let mend = self.shown(said.mend, "ask whoever runs the store behind the program");
                StoreError::refused(&self.id, self.shown(said.why, "its program refuses"), mend)
            }
            exit::CHANGED => StoreError::conflict(&self.id, self.shown(said.why, "its program saw another change")),
            exit::UNSUPPORTED => self.breach(&format!("it does not know the operation {}", operation.name())),
            code => self.open(operation, format!("its program ended with exit code {code}")),
        })
    }

    fn answer<T: DeserializeOwned>(&self, operation: Operation, output: &[u8]) -> Result<T, StoreError> {
        let text = if output.iter().all(u8::is_ascii_whitespace) { b"{}".as_slice() } else { output };
        // The parser's own words may quote what the program said.
        serde_json::from_slice(text).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            self.open(operation, format!("its program did not answer with the expected JSON ({place})"))
        })
    }

    fn fits(&self, value: &Secret) -> Result<(), StoreError> {
        let (length, most) = (value.expose().len() as u64, self.capabilities().max_bytes.unwrap_or(u64::MAX));
        if length == 0 || length > most {
            let why = format!("the value has {length} bytes, and it takes 1 to {most}");
            return Err(StoreError::refused(&self.id, why, "store the value elsewhere"));
        }
        Ok(())
    }

    /// Nobody knows what became of the operation, which only matters if it changes something.
    fn open(&self, operation: Operation, why: String) -> StoreError {
        if operation.changes() {
            StoreError::Unknown { store: self.id.clone(), why }
        } else {
            StoreError::unavailable(&self.id, why)
        }
    }

    /// The program does not keep to the protocol.
    fn breach(&self, why: &str) -> StoreError {
        StoreError::refused(&self.id, format!("its program: {why}"), "mend the program (docs/stores/command.md)")
    }

    /// The program's own words, if it has any, fit for people who must not see a value.
    fn shown(&self, said: Option<String>, otherwise: &str) -> String {
        let Some(said) = said else { return otherwise.to_owned() };
        cut(&line(&said), LONGEST)
    }
}
