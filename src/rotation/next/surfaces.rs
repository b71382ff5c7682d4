//! What people see has caught up, or is gone.

use crate::rotation::ids::SurfaceName;
use crate::rotation::record::{Audience, Rotation};
use crate::rotation::refusal::Refusal;
use jiff::Timestamp;

/// A surface shows a revision. A late report of an older one changes nothing.
pub fn published(
    rotation: &mut Rotation,
    surface: &SurfaceName,
    reference: &str,
    url: Option<&str>,
    revision: u64,
    announced: u32,
) -> Result<(), Refusal> {
    let told = u32::try_from(rotation.announcements.len()).unwrap_or(u32::MAX);
    if revision > rotation.revision || announced > told {
        return Err(Refusal::Stale);
    }
    let Some(state) = rotation.surfaces.get_mut(surface) else { return Err(Refusal::Stale) };
    if state.reference.is_some() && (revision, announced) <= (state.shown, state.announced) {
        return Err(Refusal::Stale);
    }
    state.exposed = false;
    state.reference = Some(reference.to_owned());
    state.url = url.map(str::to_owned).or(state.url.take());
    state.shown = state.shown.max(revision);
    state.announced = state.announced.max(announced);
    Ok(())
}

/// Others than its readers see it. Where that could not be put right it is silent, and the other surfaces say so.
pub fn exposed(rotation: &mut Rotation, surface: &SurfaceName, mended: bool, now: Timestamp) -> Result<(), Refusal> {
    let Some(state) = rotation.surfaces.get_mut(surface) else { return Err(Refusal::Stale) };
    if state.gone || (state.exposed && !mended) {
        return Err(Refusal::Stale);
    }
    state.exposed = !mended;
    let (what, text) = if mended {
        (
            "was made public by somebody; made confidential again",
            format!(
                "Somebody had made the {surface} public. It is confidential again; what stood there may have been read."
            ),
        )
    } else {
        (
            "is public and cannot be made confidential; nothing more is written there",
            format!(
                "The {surface} is public, and rekey cannot make it confidential: nothing more is written there. Somebody with \
             the Reporter role or more should make it confidential; rekey goes on then."
            ),
        )
    };
    rotation.saw(now, surface.as_str(), what, None);
    rotation.announce(now, Audience::Approvers, text);
    Ok(())
}

/// People removed it: it is no longer fed, and the others say so.
pub fn gone(rotation: &mut Rotation, surface: &SurfaceName, now: Timestamp) -> Result<(), Refusal> {
    let Some(state) = rotation.surfaces.get_mut(surface) else { return Err(Refusal::Stale) };
    if state.gone {
        return Err(Refusal::Stale);
    }
    state.gone = true;
    rotation.saw(now, surface.as_str(), "no longer there; not updated any more", None);
    Ok(())
}
