//! The domain: what a rotation is, what may happen to it, and what the world still owes it.
//! Pure: no IO, no clock, no randomness. `next` is the only way forward; `due` is what is owed.

pub mod ids;
pub mod token;
