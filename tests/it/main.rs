//! One binary for all integration stories, so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "the set-up of a story has nobody to report to")]

mod gitlab;
mod http;
mod notice;
mod sandbox;
mod secret_store;
