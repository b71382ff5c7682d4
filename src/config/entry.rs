//! One managed token as it was read, with the place in the file for what is told later.

use crate::rotation::token::ManagedToken;
use crate::settings::problem::Place;
use crate::store::StoreSpec;

/// A token as it was read, and where, for checks that look at several of them.
pub(super) struct Entry {
    pub(super) token: ManagedToken,
    pub(super) stores: Vec<StoreSpec>,
    pub(super) place: Place,
}
