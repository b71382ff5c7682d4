//! A campaign: a hundred thousand clicks that must not count, each a right one with one thing wrong, and among them a few
//! right ones that must. Seeded, so that a failure comes again. No HTTP and no database: the functions behind the
//! endpoints, the desk, and the pure rules.

mod desk;
mod signatures;
mod town;
