//! Hours of the week, as in `[rotation] window`, in which approved rotations may start, and in `[reminders]`.

use crate::rotation::window::Window;
use crate::settings::section::Section;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;

pub(super) const KEYS: &[&str] = &["days", "from", "to", "zone"];

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

pub(super) fn read(section: &Section<'_>) -> Option<Window> {
    let (days, zone) = (days(section), zone(section));
    let (from, to) = (time(section, "from"), time(section, "to"));
    checked(section, Window { days: days?, from: from?, to: to?, zone: zone? })
}

/// The same, where what is left out is as usual.
pub(super) fn read_or(section: &Section<'_>, usual: &Window) -> Option<Window> {
    let days = if section.has("days") { days(section) } else { Some(usual.days.clone()) };
    let zone = if section.has("zone") { zone(section) } else { Some(usual.zone.clone()) };
    let from = if section.has("from") { time(section, "from") } else { Some(usual.from) };
    let to = if section.has("to") { time(section, "to") } else { Some(usual.to) };
    checked(section, Window { days: days?, from: from?, to: to?, zone: zone? })
}

fn checked(section: &Section<'_>, window: Window) -> Option<Window> {
    if window.from >= window.to {
        section.complain("to", "to must be later than from, on the same day");
        return None;
    }
    Some(window)
}

fn days(section: &Section<'_>) -> Option<Vec<Weekday>> {
    if !section.has("days") {
        return Some(DAYS.iter().map(|(_, day)| *day).collect());
    }
    let names = section.texts("days");
    if names.is_empty() {
        section
            .complain("days", "days is empty, so nothing would ever start; write [\"mon\", \"tue\"] or leave it out");
        return None;
    }
    let mut days = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match DAYS.iter().find(|(short, _)| *short == name.to_lowercase()) {
            Some((_, day)) => days.push(*day),
            None => section.complain_item("days", index, "days are mon, tue, wed, thu, fri, sat and sun"),
        }
    }
    (days.len() == names.len()).then_some(days)
}

fn time(section: &Section<'_>, key: &str) -> Option<Time> {
    let text = section.required(key, "write a time of day, \"09:00\"")?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        section.complain(key, &format!("{key} is \"{text}\"; write a time of day, \"09:00\""));
    }
    parsed
}

fn zone(section: &Section<'_>) -> Option<TimeZone> {
    let Some(name) = section.text("zone") else { return Some(TimeZone::UTC) };
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        section
            .complain("zone", &format!("zone \"{name}\" is not known; write one such as \"Europe/Berlin\" or \"UTC\""));
    }
    zone
}
