//! One binary for all integration stories, so that linking is paid once.
#![expect(clippy::unwrap_used, reason = "the set-up of a story has nobody to report to")]
#![expect(clippy::large_futures, reason = "a story holds its whole world, and there is one at a time")]

mod authorities;
mod campaign;
mod cli;
mod config;
mod crash;
mod databases;
mod demo;
mod discord;
mod flow;
mod gitlab;
mod http;
mod init;
mod ledger;
mod left_out;
mod notice;
mod postgres;
mod python;
mod reminders;
mod sandbox;
mod server;
mod simulation;
mod slack;
mod socket;
mod spelled;
mod store;
mod surfaces;
mod until;
