//! Stories of Discord: what people see, what they press, and what is lost on the way.

mod commands;
mod directory;
pub mod door;
mod gateway;
pub mod house;
mod judged;
mod messenger;
mod refusals;
mod samples;
mod words;
