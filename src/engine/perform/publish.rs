//! Bringing a surface up to date: the card first, then what it has not announced, one at a time.

use crate::chat::ChatError;
use crate::engine::Engine;
use crate::engine::report::Stop;
use crate::engine::worker::{Hold, Performed};
use crate::rotation::event::Event;
use crate::rotation::ids::SurfaceName;
use crate::rotation::phase::Phase;
use crate::rotation::record::{Rotation, Surface};
use crate::rotation::view::card;
use jiff::SignedDuration;

/// How long after its end a rotation still tries to show it where it is refused.
const LAST_WORDS: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Engine {
    pub(super) async fn publish(
        &self,
        hold: &Hold<'_>,
        rotation: &Rotation,
        surface: &SurfaceName,
    ) -> Result<Performed, Stop> {
        let Some(messenger) = self.surfaces.get(surface) else {
            return hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await;
        };
        let state = rotation.surfaces.get(surface).cloned().unwrap_or_default();
        let mut card = card(rotation);
        card.warnings.extend(self.clock_warning());
        let published = if state.reference.is_none() || state.shown < rotation.revision {
            messenger.show(&card, state.reference.as_deref()).await.map(|posted| Event::Published {
                surface: surface.clone(),
                reference: posted.reference,
                url: posted.url,
                revision: card.revision,
                announced: state.announced,
            })
        } else {
            self.announce_next(messenger.as_ref(), &card, &state, surface).await
        };
        match published {
            Ok(event) => hold.report(rotation, &event).await,
            Err(ChatError::Gone { .. }) => {
                hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await
            }
            Err(ChatError::Refused { .. }) if self.is_long_over(rotation) => {
                hold.report(rotation, &Event::SurfaceGone { surface: surface.clone() }).await
            }
            Err(error) => Ok(trouble(&error)),
        }
    }

    /// Nobody mended in all that time what refuses the last words about it.
    fn is_long_over(&self, rotation: &Rotation) -> bool {
        matches!(rotation.phase, Phase::Closed { at, .. } if self.clock.now().duration_since(at) >= LAST_WORDS)
    }

    async fn announce_next(
        &self,
        messenger: &dyn crate::chat::Messenger,
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
    Performed::Trouble { why: error.to_string(), after }
}
