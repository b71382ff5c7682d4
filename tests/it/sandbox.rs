//! The sandbox GitLab must behave as the real one, or everything that is tested against it is worth nothing.

mod client;
mod faults;
mod hooks;
mod pipelines;
pub mod stage;
mod tokens;
mod variables;
mod work;
