//! `[rotation]`: what holds for every token that does not say otherwise, and the bot's own pace.

use super::{step_up, window};
use crate::rotation::window::Window;
use crate::settings::section::Section;

pub(super) const KEYS: &[&str] = &[
    "lifetime_days",
    "rotate_before_days",
    "grace",
    "horizon",
    "use_timeout",
    "approval_ttl",
    "step_up",
    "scan_every",
    "give_up_after",
    "keep_days",
    "paused",
    "decide_as",
    "window",
    "demo",
];

/// Defaults and pace.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Days that a new token lives.
    pub lifetime_days: u16,
    /// Days before expiry from which a rotation is opened.
    pub rotate_before_days: u16,
    /// Seconds an old token must stay silent before it is revoked.
    pub grace_seconds: u64,
    /// Seconds after which no request that we sent can still land.
    pub horizon_seconds: u64,
    /// Seconds a new token may take to be seen in use after its consumers passed.
    pub use_seconds: u64,
    /// Seconds an approval, or the request for one, stays valid.
    pub approval_seconds: u64,
    /// Whether decisions need a one-time code.
    pub step_up: bool,
    /// Seconds between two looks at all managed tokens.
    pub scan_seconds: u64,
    /// Seconds that trouble outside is waited out before a person is asked.
    pub give_up_seconds: u64,
    /// Days that closed rotations are kept; the journal stays.
    pub keep_days: u16,
    /// People may look, but nothing is begun.
    pub paused: bool,
    /// Whether `--as` on the command line may decide for people.
    pub decide_as: bool,
    /// When rotations may start; `None`: always.
    pub window: Option<Window>,
    /// Allows times too short for a real GitLab, for trying out.
    pub demo: bool,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            lifetime_days: 365,
            rotate_before_days: 14,
            grace_seconds: 15 * 60,
            horizon_seconds: 10 * 60,
            use_seconds: 30 * 60,
            approval_seconds: 3 * 86_400,
            step_up: false,
            scan_seconds: 3_600,
            give_up_seconds: 86_400,
            keep_days: 400,
            paused: false,
            decide_as: true,
            window: None,
            demo: false,
        }
    }
}

pub(super) fn read(section: Option<Section<'_>>) -> Rotation {
    let default = Rotation::default();
    let Some(section) = section else { return default };
    let demo = section.flag("demo").unwrap_or(default.demo);
    let window = section.section("window", "[rotation] window".into(), window::KEYS);
    let read = Rotation {
        lifetime_days: lifetime(&section, "lifetime_days").unwrap_or(default.lifetime_days),
        rotate_before_days: days_before(&section).unwrap_or(default.rotate_before_days),
        grace_seconds: grace(&section, demo).unwrap_or(default.grace_seconds),
        horizon_seconds: horizon(&section, demo).unwrap_or(default.horizon_seconds),
        use_seconds: section.duration("use_timeout").unwrap_or(default.use_seconds),
        approval_seconds: section.duration("approval_ttl").unwrap_or(default.approval_seconds),
        step_up: section.choice("step_up", &step_up::CHOICES).unwrap_or(default.step_up),
        scan_seconds: section.duration("scan_every").unwrap_or(default.scan_seconds),
        give_up_seconds: section.duration("give_up_after").unwrap_or(default.give_up_seconds),
        keep_days: keep_days(&section).unwrap_or(default.keep_days),
        paused: section.flag("paused").unwrap_or(default.paused),
        decide_as: section.flag("decide_as").unwrap_or(default.decide_as),
        window: window.and_then(|section| window::read(&section)),
        demo,
    };
    check_pace(&section, "rotate_before_days", read.rotate_before_days, read.lifetime_days);
    read
}

/// Days a token lives; GitLab allows no more than a year.
pub(super) fn lifetime(section: &Section<'_>, key: &str) -> Option<u16> {
    let days = section.number(key, 0..=u64::from(u16::MAX))?;
    match days {
        0 => section.complain(key, &format!("{key} is 0; a token lives at least a day")),
        366.. => section.complain(key, &format!("{key} is {days}; GitLab allows at most 365")),
        _ => return u16::try_from(days).ok(),
    }
    None
}

/// How long before expiry a rotation is opened.
pub(super) fn days_before(section: &Section<'_>) -> Option<u16> {
    section.number("rotate_before_days", 1..=364).and_then(|days| u16::try_from(days).ok())
}

/// Silence that can be observed: GitLab refreshes the last use only every ten minutes.
pub(super) fn grace(section: &Section<'_>, demo: bool) -> Option<u64> {
    let seconds = section.duration("grace")?;
    if seconds < 11 * 60 && !demo {
        let why = "GitLab notes the last use of a token only every 10 minutes, so silence cannot be seen";
        section.complain("grace", &format!("grace is too short: {why}; write at least \"11m\""));
        return None;
    }
    Some(seconds)
}

/// A new token must not be due for rotation on its first day.
pub(super) fn check_pace(section: &Section<'_>, key: &str, rotate_before_days: u16, lifetime_days: u16) {
    if rotate_before_days >= lifetime_days {
        let message = format!(
            "a token that lives {lifetime_days} days and is rotated {rotate_before_days} days before expiry is never \
             at rest; lower rotate_before_days"
        );
        section.complain(key, &message);
    }
}

/// Long enough that no notice about a token of then can still come.
fn keep_days(section: &Section<'_>) -> Option<u16> {
    section.number("keep_days", 30..=36_500).and_then(|days| u16::try_from(days).ok())
}

fn horizon(section: &Section<'_>, demo: bool) -> Option<u64> {
    let seconds = section.duration("horizon")?;
    if seconds < 60 && !demo {
        section.complain("horizon", "horizon is too short: a request may land a minute late; keep it at \"10m\"");
        return None;
    }
    Some(seconds)
}
