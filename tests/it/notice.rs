//! Notices: every mail, webhook and signature that reaches us, good and bad, read by the real parsers.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the exemption for tests does not reach the functions they share"
)]

mod border;
mod forwarded;
mod gateways;
mod hostile;
mod mail;
mod random;
mod refused;
mod samples;
mod signatures;
mod webhooks;
mod wording;
