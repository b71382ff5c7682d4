//! The HTTP endpoints: authenticate, parse, hand over, answer; nothing else.

pub mod slack;
