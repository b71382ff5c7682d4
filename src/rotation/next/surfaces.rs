//! What people see has caught up, or is gone.

use crate::rotation::ids::SurfaceName;
use crate::rotation::record::Rotation;
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
    state.reference = Some(reference.to_owned());
    state.url = url.map(str::to_owned).or(state.url.take());
    state.shown = state.shown.max(revision);
    state.announced = state.announced.max(announced);
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
