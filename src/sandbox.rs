//! Stand-ins for the outside world, over real HTTP on loopback: what tests talk to and what `rekey demo` shows. They
//! model the systems, not the bot, and import nothing of it but the clock and the tools for secrets. Not in the image.

pub mod discord;
pub mod faults;
mod gate;
pub mod gitlab;
pub mod holds;
mod port;
pub mod slack;
