//! Tables for terminals: aligned by the width that is seen, coloured only where colour is wanted, and safe to print
//! whatever somebody named their token.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::io::IsTerminal;
use unicode_width::UnicodeWidthStr;

/// What a cell says beyond its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Look soon.
    Warning,
    /// Act.
    Bad,
    /// Beside the point.
    Faint,
}

impl Tone {
    fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Good => "32",
            Self::Warning => "33",
            Self::Bad => "31",
            Self::Faint => "2",
        })
    }
}

/// One field of a table. Control characters are shown as `·`, so that no name can command the terminal.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A field with a tone.
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        let text: String = text.into();
        let commands_the_terminal =
            |symbol: char| symbol.is_control() || matches!(symbol, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        Self { text: text.replace(commands_the_terminal, "·"), tone }
    }

    fn painted(&self, colour: bool) -> String {
        match self.tone.code() {
            Some(code) if colour => format!("\u{1b}[{code}m{}\u{1b}[0m", self.text),
            _ => self.text.clone(),
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Rows under a head, in columns two spaces apart.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these columns and no rows.
    pub fn new<const COLUMNS: usize>(head: [&str; COLUMNS]) -> Self {
        Self { rows: vec![head.into_iter().map(|text| Cell::toned(text, Tone::Faint)).collect()] }
    }

    /// Labels and what they say, without a head.
    pub fn headless() -> Self {
        Self { rows: Vec::new() }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a row; cells beyond the head are shown too.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines of text.
    pub fn render(&self, colour: bool) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width =
            |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width()).max();
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        let mut lines = String::new();
        for row in &self.rows {
            let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |index| index + 1);
            for (index, cell) in row.iter().take(last).enumerate() {
                lines.push_str(&cell.painted(colour));
                if index + 1 < last {
                    lines.push_str(&" ".repeat(widths[index] - cell.text.width() + 2));
                }
            }
            lines.push('\n');
        }
        lines
    }
}

/// Whether what is printed to standard output should be coloured: a person watches and has not said no.
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A moment on the clock of `zone`, to the minute, with the zone's short name.
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen_and_lines_have_no_trailing_spaces() {
        let mut table = Table::new(["TOKEN", "DAYS", "STATE"]);
        table.row(["deploy".into(), "7".into(), Cell::toned("Waiting for approval", Tone::Warning)]);
        table.row(["部署".into(), "311".into(), "".into()]);
        insta::assert_snapshot!(table.render(false), @r"
        TOKEN   DAYS  STATE
        deploy  7     Waiting for approval
        部署    311
        ");
    }

    #[test]
    fn colour_surrounds_the_words_and_not_the_gaps() {
        let mut table = Table::new(["A", "B"]);
        table.row([Cell::toned("ok", Tone::Good), "x".into()]);
        assert_eq!(table.render(true), "\u{1b}[2mA\u{1b}[0m   \u{1b}[2mB\u{1b}[0m\n\u{1b}[32mok\u{1b}[0m  x\n");
    }

    #[test]
    fn a_name_cannot_command_the_terminal_or_turn_the_line_around() {
        let mut table = Table::new(["NAME"]);
        table.row(["\u{1b}[2Jgone\r\n\u{202e}x".into()]);
        assert_eq!(table.render(false), "NAME\n·[2Jgone···x\n");
    }

    #[test]
    fn times_are_on_the_readers_clock() {
        let at: Timestamp = "2026-11-20T23:30:00Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(moment(at, &zone), "2026-11-21 00:30 CET");
        assert_eq!(moment(at, &TimeZone::UTC), "2026-11-20 23:30 UTC");
    }
}
