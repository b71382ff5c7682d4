//! On from a stop.

use super::ending;
use crate::rotation::phase::Phase;
use crate::rotation::record::Rotation;
use jiff::Timestamp;

/// Back to where it stood.
pub fn go_on(rotation: &mut Rotation, at: Phase, now: Timestamp) {
    rotation.phase = at;
    rotation.asks_anew = false;
    rotation.overwrite.append(&mut rotation.contested);
    rotation.uses.clear();
    ending::watch_again(rotation, now);
    if let Phase::Distributing { down, .. } = &mut rotation.phase {
        down.clear();
    }
}
