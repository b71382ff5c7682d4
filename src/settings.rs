//! Reading what people configure, section by section, so that all mistakes are told at once with their place. Every part
//! of the bot that has a section of its own reads it by these.

pub(crate) mod address;
pub(crate) mod authority;
pub(crate) mod duration;
pub(crate) mod headers;
pub(crate) mod naming;
pub(crate) mod problem;
pub(crate) mod secret_ref;
pub(crate) mod section;
pub(crate) mod source;
pub(crate) mod surroundings;

pub use problem::{ConfigErrors, Place, Problem};
pub use secret_ref::SecretRef;
pub use surroundings::{Machine, Surroundings, WithoutSecrets};
