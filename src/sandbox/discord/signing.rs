//! The key with which interactions are signed, made independently of how the bot checks it.

use ring::signature::{Ed25519KeyPair, KeyPair as _};

fn pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed).expect("every 32 bytes are a seed")
}

/// What the application's page shows, in hex.
pub(super) fn public_key(seed: &[u8; 32]) -> String {
    hex::encode(pair(seed).public_key().as_ref())
}

/// The signature of a body at a time, in hex.
pub(super) fn sign(seed: &[u8; 32], time: &str, body: &str) -> String {
    hex::encode(pair(seed).sign(format!("{time}{body}").as_bytes()).as_ref())
}
