//! `[reminders]`: when and how loudly people are reminded of a decision that is awaited.

use super::people::People;
use super::{slack, window};
use crate::rotation::ids::{PersonId, SurfaceName};
use crate::rotation::record::Audience;
use crate::rotation::remind::{Reminders, Step};
use crate::rotation::window::Window;
use crate::settings::section::Section;
use jiff::civil::{Weekday, time};
use jiff::tz::TimeZone;

pub(super) const KEYS: &[&str] = &["days", "from", "to", "zone", "steps"];
pub(super) const STEP: &[&str] = &["days_left", "to"];

/// More than anybody would bear.
const MOST: usize = 10;

/// Working days in UTC; a week before expiry in the thread, then mentions.
pub(super) fn usual() -> Reminders {
    use Weekday::{Friday, Monday, Thursday, Tuesday, Wednesday};
    let hours = Window {
        days: vec![Monday, Tuesday, Wednesday, Thursday, Friday],
        from: time(9, 0, 0, 0),
        to: time(17, 0, 0, 0),
        zone: TimeZone::UTC,
    };
    let steps = [(7, Audience::Followers), (3, Audience::Approvers), (1, Audience::Approvers)];
    Reminders { hours, steps: steps.map(|(days_left, to)| Step { days_left, to }).into() }
}

/// `has` says whether the configuration has a section, such as `slack`.
pub(super) fn read(section: Option<Section<'_>>, people: &People, has: impl Fn(&str) -> bool) -> Reminders {
    let usual = usual();
    let Some(section) = section else { return usual };
    let hours = window::read_or(&section, &usual.hours).unwrap_or(usual.hours);
    let steps = if section.has("steps") { steps(&section, people, &has) } else { usual.steps };
    Reminders { hours, steps }
}

fn steps(section: &Section<'_>, people: &People, has: &dyn Fn(&str) -> bool) -> Vec<Step> {
    let written = section.sections("steps", "[reminders] step", STEP);
    if written.len() > MOST {
        section.complain("steps", &format!("there are {} steps; {MOST} are enough", written.len()));
    }
    let steps: Vec<Step> = written.iter().filter_map(|entry| step(entry, people, has)).collect();
    let falling = steps.windows(2).all(|pair| pair[0].days_left > pair[1].days_left);
    if !falling {
        section.complain("steps", "each step must come with fewer days_left than the one before");
    }
    steps
}

fn step(entry: &Section<'_>, people: &People, has: &dyn Fn(&str) -> bool) -> Option<Step> {
    if !entry.has("days_left") {
        entry.complain("", "days_left is missing; say how many days before the expiry");
    }
    let days_left = entry.number("days_left", 1..=364).and_then(|days| u16::try_from(days).ok());
    let to = match entry.text("to") {
        Some(to) => audience(entry, &to, people, has),
        None => Some(Audience::Followers).filter(|_| !entry.has("to")),
    };
    Some(Step { days_left: days_left?, to: to? })
}

fn audience(entry: &Section<'_>, text: &str, people: &People, has: &dyn Fn(&str) -> bool) -> Option<Audience> {
    let channel = |surface: &str, channel: &str| {
        Some(Audience::Channel { surface: SurfaceName::from(surface), channel: channel.to_owned() })
    };
    match text.split_once(':') {
        None if text == "thread" => return Some(Audience::Followers),
        None if text == "approvers" => return Some(Audience::Approvers),
        Some(("person", id)) if people.contains_key(&PersonId::from(id)) => {
            return Some(Audience::Person { person: PersonId::from(id) });
        }
        Some(("person", id)) => entry.complain("to", &format!("there is no person \"{id}\" under [people]")),
        Some((surface @ ("slack" | "discord"), _)) if !has(surface) => {
            entry.complain("to", &format!("there is no [{surface}], so nobody would read it there"));
        }
        Some(("slack", id)) if slack::is_id(id, &['C', 'G']) => return channel("slack", id),
        Some(("discord", id)) if !id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit()) => {
            return channel("discord", id);
        }
        _ => entry.complain(
            "to",
            &format!(
                "to is \"{text}\"; write \"thread\", \"approvers\", \"person:ada\", \"slack:C0123ABCD\" or \
                 \"discord:123456789012345678\""
            ),
        ),
    }
    None
}
