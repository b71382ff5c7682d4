//! Permissions, as bits.

/// See the channel.
pub const VIEW: u64 = 1 << 10;
/// Write in it.
pub const SEND: u64 = 1 << 11;
/// Show embeds.
pub const EMBED: u64 = 1 << 14;
/// Read what was said before.
pub const HISTORY: u64 = 1 << 16;
/// Notify everybody.
pub const MENTION_EVERYONE: u64 = 1 << 17;
/// Begin public threads.
pub const CREATE_THREADS: u64 = 1 << 35;
/// Write in threads.
pub const SEND_IN_THREADS: u64 = 1 << 38;

/// What everybody's role allows unless changed.
pub(super) const USUAL: u64 = VIEW | SEND | EMBED | HISTORY | CREATE_THREADS | SEND_IN_THREADS;
