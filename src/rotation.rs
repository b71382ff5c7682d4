//! The domain: what a rotation is, what may happen to it, and what the world still owes it.
//! Pure: no IO, no clock, no randomness. [`next::next`] is the only way forward; [`due::due`] is what is owed.

pub mod account;
pub mod decider;
pub mod due;
pub mod duty;
pub mod effect;
pub mod event;
pub mod group;
pub mod identity;
pub mod ids;
pub mod next;
pub mod opening;
pub mod phase;
pub mod plan;
pub mod policy;
pub mod record;
pub mod refusal;
pub mod remind;
pub mod store;
pub mod token;
pub mod traces;
pub mod view;
pub mod window;
pub mod wish;
