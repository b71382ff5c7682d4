//! A token whose value leaked: an open case that has done nothing yet turns into one that revokes first, or a new one
//! is opened. Nothing is revoked without an approval of exactly that plan.

use super::rights::Visitor;
use super::{Engine, EngineError, OpenedRotation};
use crate::rotation::account::Apart;
use crate::rotation::event::Event;
use crate::rotation::ids::PersonId;
use crate::rotation::record::{Origin, Rotation};
use crate::rotation::token::{LiveToken, ManagedToken, Strategy};

impl Engine {
    /// Opens, or turns an open case into, one that revokes first. May be repeated.
    pub async fn open_incident(
        &self,
        token: &str,
        person: PersonId,
        via: &str,
        reason: &str,
    ) -> Result<OpenedRotation, EngineError> {
        let managed = self.managed(token)?;
        let live = self.live_token(managed).await?;
        let by = Origin::Incident { person: person.clone(), reason: reason.to_owned(), asked_by: None };
        let opened = self.consider_live(managed, &live, by, true, Some(Strategy::RevokeFirst)).await?;
        match opened {
            OpenedRotation::Existing(rotation) if !rotation.phase.is_closed() => {
                let turned = self.turn(managed, &live, &rotation, person, via, reason).await?;
                Ok(OpenedRotation::Existing(Box::new(turned)))
            }
            opened => Ok(opened),
        }
    }

    async fn turn(
        &self,
        managed: &ManagedToken,
        live: &LiveToken,
        rotation: &Rotation,
        person: PersonId,
        via: &str,
        reason: &str,
    ) -> Result<Rotation, EngineError> {
        let before = Some(&rotation.plan).filter(|_| rotation.is_incident());
        let plan = Box::new(self.plan(managed, live, Some(Strategy::RevokeFirst), before).await?);
        let own = self.may_have_asked(managed, rotation, &person);
        let event = Event::Incident { person, via: via.to_owned(), reason: reason.to_owned(), own, plan };
        Ok(self.advance(&rotation.id, &event, None).await?)
    }

    /// Whether the person may be the one who asked for this rotation. Nobody is asked: a leak waits for no service.
    fn may_have_asked(&self, managed: &ManagedToken, rotation: &Rotation, person: &PersonId) -> bool {
        let Some(requester) = rotation.requester() else { return false };
        let about = [person, requester].map(|person| Visitor::named(person.clone()));
        self.rights().on_paper(managed, &about).tell_apart(person, requester) != Apart::Different
    }
}
