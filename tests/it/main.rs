//! One binary for all integration stories, so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "the set-up of a story has nobody to report to")]

mod config;
mod http;
mod init;
