//! `rekey` rotates GitLab access tokens: a notice arrives, a person approves one exact plan, the new token is
//! minted, stored, proven and the old one revoked.
//!
//! # The house
//! Imports go downwards only; siblings on floor 1 never import each other (`tests/architecture.rs` checks).
//!
//! | floor | modules | what |
//! |---|---|---|
//! | 4 | [`app`], [`cli`], `demo` | wiring, commands, the demo's stage and page |
//! | 3 | [`config`], [`server`] | the configuration file, the HTTP endpoints |
//! | 2 | [`engine`] | the only place where the domain meets IO |
//! | 1 | [`ledger`], [`gitlab`], [`chat`], [`store`] | adapters |
//! | 1 | `sandbox` | stand-ins for the outside world |
//! | 0 | [`rotation`], [`notice`] | pure: no IO, no clock, no randomness |
//! | 0 | [`secret`], [`clock`], [`http`], [`settings`], [`telemetry`] | tools |
//!
//! # How to add a store
//! A folder beside its siblings (say `store/vault`, with `store/vault.rs` as its face) that holds the adapter and
//! `config.rs`, its sections of the configuration; its lines in `store/registry.rs` and `store/sections.rs`; one line in
//! the contract suite under `tests/it`; and a page in `docs/stores`, whose example a test reads.

pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod engine;
pub mod gitlab;
pub mod http;
pub mod ledger;
pub mod notice;
pub mod rotation;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod server;
pub mod settings;
pub mod store;
pub mod telemetry;
