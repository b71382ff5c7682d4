//! The real binary, run as a person runs it, against the sandboxes.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the exemption for tests does not reach the functions they share"
)]

mod commands;
mod crowd;
mod discord;
mod doctor;
mod machine;
mod office;
mod people;
mod serve;
