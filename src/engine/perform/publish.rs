//! Bringing a surface up to date: the card first, then what it has not announced, one at a time. A card that cannot be
//! shown keeps nothing back that people must hear.

use crate::chat::{ChatError, Messenger, Privacy};
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::SurfaceName;
use crate::rotation::phase::Phase;
use crate::rotation::record::{Audience, Rotation, Surface};
use crate::rotation::view::card;
use jiff::SignedDuration;

/// How long after its end a rotation still tries to show it where it is refused.
const LAST_WORDS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often whoever lost a lane looks for the card of whoever has it, each a quarter of a lease apart.
const LOOKS_FOR_ANOTHER: u32 = 8;

impl Engine {
    pub(super) async fn publish(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        surface: &SurfaceName,
    ) -> Result<Performed, Stop> {
        if let Some(pause) = hold.unsettled().await {
            return Ok(Performed::Later(pause));
        }
        let state = rotation.surfaces.get(surface).cloned().unwrap_or_default();
        if state.gone {
            return self.say_without_card(hold, rotation, surface, &state).await;
        }
        let Some(messenger) = self.surfaces.get(surface) else {
            return hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await;
        };
        if let Some(reference) = &state.reference {
            match messenger.privacy(reference).await {
                Ok(Privacy::Kept) => {}
                Ok(Privacy::Exposed) if state.exposed && self.is_long_over(rotation) => {
                    return hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await;
                }
                Ok(Privacy::Exposed) if state.exposed => {
                    let why = format!("the {surface} is public, so nothing more is written there");
                    return Ok(Performed::Trouble { why, after: None, refused: None });
                }
                Ok(privacy) => {
                    let mended = privacy == Privacy::Mended;
                    return hold.report(rotation, &Event::SurfaceExposed { surface: surface.clone(), mended }).await;
                }
                // Writing finds out what is wrong, and says it better; a passing trouble must not let it through.
                Err(error @ ChatError::Unavailable { .. }) => return Ok(trouble(&error)),
                Err(_) => {}
            }
        }
        let mut card = card(rotation);
        card.warnings.extend(self.clock_warning());
        let published = if state.reference.is_none() || state.shown < rotation.revision {
            let showing = messenger.show(&card, state.reference.as_deref());
            let shown = match state.reference {
                // A post that is given up half-way may land all the same.
                None => hold.seeing_through(showing).await,
                Some(_) => hold.keeping(showing).await?,
            };
            let shown = shown.map(|posted| Event::Published {
                surface: surface.clone(),
                reference: posted.reference,
                url: posted.url,
                revision: card.revision,
                announced: state.announced,
            });
            let unsaid = state.reference.is_some() && (state.announced as usize) < card.announcements.len();
            match shown {
                // An edit may be refused for an hour, or for good, where a new message is taken.
                Err(error) if unsaid && !matches!(error, ChatError::Gone { .. }) => {
                    let announced = self.announce_next(messenger.as_ref(), &card, &state, surface);
                    hold.keeping(announced).await?.map_err(|_| error)
                }
                shown => shown,
            }
        } else {
            hold.keeping(self.announce_next(messenger.as_ref(), &card, &state, surface)).await?
        };
        match published {
            Ok(event) => {
                let reported = hold.report(rotation, &event).await;
                if let (Err(Stop::Fenced), None, Event::Published { reference, .. }) =
                    (&reported, &state.reference, &event)
                {
                    self.withdraw_double(messenger.as_ref(), rotation, surface, reference).await;
                }
                reported
            }
            Err(ChatError::Gone { .. }) => {
                hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await
            }
            Err(ChatError::Refused { .. } | ChatError::Frozen { .. }) if self.is_long_over(rotation) => {
                hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// The lease was lost while a first card was posted. If another worker's card counts by now, ours is one too many,
    /// however slow the messenger was and however short the lease.
    async fn withdraw_double(&self, messenger: &dyn Messenger, rotation: &Rotation, surface: &SurfaceName, ours: &str) {
        for _ in 0..LOOKS_FOR_ANOTHER {
            let row = self.ledger.load(&rotation.id).await.ok().flatten();
            let counts = row.and_then(|row| row.surfaces.get(surface)?.reference.clone());
            match counts {
                // Whoever has the lane looked before posting, and found it.
                Some(counts) if counts == ours => return,
                Some(counts) => {
                    if let Err(error) = messenger.withdraw(ours, &counts).await {
                        tracing::warn!(%error, ours, "a second card was posted after its lease was lost, and stays");
                    }
                    return;
                }
                None => tokio::time::sleep(self.settings.lease / 4).await,
            }
        }
    }

    /// People removed the card. What stops for a person is said all the same, once, in its channel.
    async fn say_without_card(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        surface: &SurfaceName,
        state: &Surface,
    ) -> Result<Performed, Stop> {
        let card = card(rotation);
        let asks = |index: &usize| card.announcements.get(*index).is_some_and(|told| told.to == Audience::Approvers);
        let last = (state.announced as usize..card.announcements.len()).rev().find(asks);
        let reference = state.reference.clone().unwrap_or_default();
        let messenger = self.surfaces.get(surface).filter(|_| !state.exposed);
        if let (Some(index), Some(messenger)) = (last, messenger)
            && let Err(error @ ChatError::Unavailable { .. }) =
                hold.keeping(messenger.announce(&card, &reference, index)).await?
        {
            return Ok(trouble(&error));
        }
        let announced = u32::try_from(card.announcements.len()).unwrap_or(u32::MAX);
        let (surface, revision) = (surface.clone(), state.shown);
        hold.report(rotation, &Event::Published { surface, reference, url: None, revision, announced }).await
    }

    /// Nobody mended in all that time what refuses the last words about it.
    fn is_long_over(&self, rotation: &Rotation) -> bool {
        matches!(rotation.phase, Phase::Closed { at, .. } if self.clock.now().duration_since(at) >= LAST_WORDS)
    }

    async fn announce_next(
        &self,
        messenger: &dyn Messenger,
        card: &crate::rotation::view::Card,
        state: &Surface,
        surface: &SurfaceName,
    ) -> Result<Event, ChatError> {
        let reference = state.reference.clone().unwrap_or_default();
        messenger.announce(card, &reference, state.announced as usize).await?;
        Ok(Event::Published {
            surface: surface.clone(),
            reference,
            url: None,
            revision: state.shown,
            announced: state.announced + 1,
        })
    }
}

fn trouble(error: &ChatError) -> Performed {
    let after = match error {
        ChatError::Unavailable { retry_after, .. } => *retry_after,
        _ => None,
    };
    Performed::Trouble { why: error.to_string(), after, refused: None }
}
