//! Stories of Discord: what people see, what they press, and what is lost on the way.

mod house;
mod messenger;
mod words;
