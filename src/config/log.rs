//! `[log]`: the form of log lines and which of them are written.

use crate::settings::section::Section;
use crate::telemetry::{self, LogFormat};

pub(super) const KEYS: &[&str] = &["format", "filter"];

/// How the bot logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// `None`: pretty on a terminal, JSON elsewhere.
    pub format: Option<LogFormat>,
    /// Directives such as `info,rekey=debug`; the environment variable `RUST_LOG` wins over it.
    pub filter: Option<String>,
}

pub(super) fn read(section: Option<Section<'_>>) -> Log {
    let Some(section) = section else { return Log::default() };
    let formats = [("auto", None), ("pretty", Some(LogFormat::Pretty)), ("json", Some(LogFormat::Json))];
    let filter = section.text("filter");
    if filter.as_deref().is_some_and(|filter| telemetry::env_filter(filter).is_err()) {
        section.complain("filter", "filter cannot be read; write directives such as \"info,rekey=debug\"");
    }
    Log { format: section.choice("format", &formats).flatten(), filter }
}
