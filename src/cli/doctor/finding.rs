//! One thing that was looked at, and how it is shown.

use crate::cli::table::{Cell, Table, Tone};
use crate::cli::words::count;
use serde::Serialize;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Area {
    Database,
    Configuration,
    GitLab,
    Tokens,
    Stores,
    Consumers,
    Issues,
    People,
    Webhooks,
    Mail,
    Slack,
    Discord,
}

impl Area {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Database => "Database",
            Self::Configuration => "Configuration",
            Self::GitLab => "GitLab",
            Self::Tokens => "Tokens",
            Self::Stores => "Stores",
            Self::Consumers => "Consumers",
            Self::Issues => "Issues",
            Self::People => "People",
            Self::Webhooks => "Webhooks",
            Self::Mail => "Mail",
            Self::Slack => "Slack",
            Self::Discord => "Discord",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and could be better or will stop working.
    Warn,
    /// A rotation would fail.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) subject: String,
    pub(super) verdict: Verdict,
    /// What was seen.
    pub(super) what: String,
    /// What a person can do about it; empty if nothing needs doing.
    pub(super) mend: String,
}

impl Finding {
    pub(super) fn ok(subject: impl Into<String>, what: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Ok, what: what.into(), mend: String::new() }
    }

    pub(super) fn warn(subject: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Warn, what: what.into(), mend: mend.into() }
    }

    pub(super) fn fail(subject: impl Into<String>, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Fail, what: what.into(), mend: mend.into() }
    }
}

/// How much was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tally {
    #[serde(rename = "ok")]
    fine: u64,
    warnings: u64,
    pub(super) failures: u64,
}

impl Tally {
    pub(super) fn count(&mut self, findings: &[Finding]) {
        for finding in findings {
            match finding.verdict {
                Verdict::Ok => self.fine += 1,
                Verdict::Warn => self.warnings += 1,
                Verdict::Fail => self.failures += 1,
            }
        }
    }

    pub(super) fn summary(&self) -> String {
        let (warnings, failures) = (count(self.warnings, "warning"), count(self.failures, "failure"));
        format!("\n{} ok, {warnings}, {failures}\n", self.fine)
    }
}

/// A finding and its area, as programs read it.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) area: Area,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

/// All of them, as programs read it.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    #[serde(flatten)]
    pub(super) tally: &'a Tally,
    pub(super) findings: &'a [Line],
}

/// The findings of one area under its title.
pub(super) fn render(area: Area, findings: &[Finding], colour: bool) -> String {
    let mut table = Table::headless();
    for finding in findings {
        let (word, tone) = match finding.verdict {
            Verdict::Ok => ("ok", Tone::Good),
            Verdict::Warn => ("warn", Tone::Warning),
            Verdict::Fail => ("FAIL", Tone::Bad),
        };
        let padded = format!("{word:<4}");
        table.row([Cell::toned(padded, tone), finding.subject.as_str().into(), finding.what.as_str().into()]);
        if !finding.mend.is_empty() {
            table.row(["".into(), "".into(), format!("→ {}", finding.mend).into()]);
        }
    }
    let start = if area == Area::Database { "" } else { "\n" };
    let lines = table.render(colour).lines().map(|line| format!("  {line}\n")).collect::<String>();
    format!("{start}{}\n{lines}", area.title())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_aligned_and_what_must_be_done_stands_below_what_is_wrong() {
        let findings = [
            Finding::ok("address", "gitlab.example answers"),
            Finding::fail("bot", "its token expired", "make a new one"),
        ];
        insta::assert_snapshot!(render(Area::GitLab, &findings, false), @r"
        GitLab
          ok    address  gitlab.example answers
          FAIL  bot      its token expired
                         → make a new one
        ");
        let mut tally = Tally::default();
        tally.count(&findings);
        assert_eq!(tally.summary(), "\n1 ok, 0 warnings, 1 failure\n");
    }
}
