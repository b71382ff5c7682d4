//! A token whose value leaked. If an approver says so, an open case that has done nothing yet turns into one that revokes
//! first, or a new one is opened; if somebody else does, the approvers are asked whether it should. Nothing is revoked
//! without an approval of exactly that plan.

use super::directory::Age;
use super::rights::Visitor;
use super::{Engine, EngineError, OpenedRotation};
use crate::rotation::account::Apart;
use crate::rotation::event::Event;
use crate::rotation::ids::PersonId;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::token::{LiveToken, ManagedToken, Strategy};

/// Who says that a value leaked, where, and what happened.
#[derive(Clone, Copy)]
struct Report<'a> {
    by: &'a Visitor,
    via: &'a str,
    reason: &'a str,
}

impl Engine {
    /// Opens, or turns an open case into, one that revokes first, or asks those who may say so. May be repeated.
    pub async fn open_incident(
        &self,
        token: &str,
        by: &Visitor,
        via: &str,
        reason: &str,
    ) -> Result<OpenedRotation, EngineError> {
        let managed = self.managed(token)?;
        let live = self.live_token(managed).await?;
        let report = Report { by, via, reason };
        // Whom nobody can prove at present is heard all the same, and the approvers are asked.
        let policy = self.rights().policy(&managed.id, std::slice::from_ref(by), Age::Recent).await;
        match policy.is_ok_and(|policy| policy.allows(&by.person)) {
            true => self.incident_of_approver(managed, &live, report).await,
            false => self.leak_reported(managed, &live, report).await,
        }
    }

    async fn incident_of_approver(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        report: Report<'_>,
    ) -> Result<OpenedRotation, EngineError> {
        let (person, reason) = (report.by.person.clone(), report.reason.to_owned());
        let by = Origin::Incident { person, reason, asked_by: None };
        match self.consider_live(managed, live, by, true, Some(Strategy::RevokeFirst)).await? {
            OpenedRotation::Existing(rotation) if !rotation.phase.is_closed() => {
                let turned = self.turn(managed, live, &rotation, report).await?;
                Ok(OpenedRotation::Existing(Box::new(turned)))
            }
            opened => Ok(opened),
        }
    }

    /// The gentle plan stays, or is the one to begin with.
    async fn leak_reported(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        report: Report<'_>,
    ) -> Result<OpenedRotation, EngineError> {
        let (person, via) = (report.by.person.clone(), report.via.to_owned());
        let event = Event::LeakReported { person: person.clone(), via, reason: report.reason.to_owned() };
        let told = async |rotation: Box<Rotation>| -> Result<Box<Rotation>, EngineError> {
            Ok(Box::new(self.advance(&rotation.id, &event, None).await?))
        };
        match self.consider_live(managed, live, Origin::Person { person }, true, None).await? {
            OpenedRotation::New(rotation) => Ok(OpenedRotation::New(told(rotation).await?)),
            OpenedRotation::Existing(rotation) if !rotation.phase.is_closed() => {
                Ok(OpenedRotation::Existing(told(rotation).await?))
            }
            opened => Ok(opened),
        }
    }

    async fn turn(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        rotation: &Rotation,
        report: Report<'_>,
    ) -> Result<Rotation, EngineError> {
        let before = Some(&rotation.plan).filter(|_| rotation.is_incident());
        let plan = Box::new(self.plan(managed, live, Some(Strategy::RevokeFirst), before).await?);
        let own = self.may_have_asked(managed, rotation, &report.by.person);
        let (person, via) = (report.by.person.clone(), report.via.to_owned());
        let event = Event::Incident { person, via, reason: report.reason.to_owned(), own, plan };
        Ok(self.advance(&rotation.id, &event, None).await?)
    }

    /// Whether the person may be the one who asked for this rotation. Nobody is asked: a leak waits for no service.
    fn may_have_asked(&self, managed: &ManagedToken, rotation: &Rotation, person: &PersonId) -> bool {
        let Some(requester) = rotation.requester() else { return false };
        let about = [person, requester].map(|person| Visitor::named(person.clone()));
        self.rights().on_paper(managed, &about).tell_apart(person, requester) != Apart::Different
    }
}
