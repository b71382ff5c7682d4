//! The outside world on loopback: services that behave as the real ones towards the bot, so that tests, the crash
//! harness and `rekey demo` go through real HTTP. It lives apart from the bot and imports none of it but tools.

pub mod gitlab;
