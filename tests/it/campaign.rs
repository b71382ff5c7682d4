//! A campaign: a hundred thousand clicks that must not count, each a right one with one thing wrong, and among them a few
//! right ones that must. Seeded, so that a failure comes again. Most without HTTP and database: the functions behind the
//! endpoints, the desk, and the pure rules; a last part with the engine and its ledger.

mod desk;
mod discord;
mod engine;
mod hostile;
mod request;
mod signatures;
mod stripped;
mod town;
