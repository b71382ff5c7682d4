//! Stories of Slack and of the issue: what people see, what they press, and what is lost on the way.

pub mod door;
mod forms;
pub mod judged;
pub mod messenger;
mod refusals;
pub mod rotations;
mod samples;
mod socket;
mod words;
