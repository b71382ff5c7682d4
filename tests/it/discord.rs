//! Stories of Discord: what people see, what they press, and what is lost on the way.

pub mod door;
mod gateway;
pub mod house;
mod messenger;
mod words;
