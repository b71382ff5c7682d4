//! Stories of the endpoints, over real HTTP and with a real ledger: what gets in, what does not, and what each is told.

mod crowd;
mod gitlab;
mod health;
pub mod house;
mod limits;
mod mail;
#[cfg(unix)]
mod postfix;
