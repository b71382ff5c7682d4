//! Log lines: pretty for people, JSON for machines, and never the bodies or statements that libraries print.

use super::masked::Masked;
use std::io::IsTerminal;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{EnvFilter, fmt};

/// What is logged when nobody says otherwise.
const DEFAULT_FILTER: &str = "info,rekey=info";

/// Below a warning these print headers, bodies or SQL, whatever filter a person asks for.
const TALKATIVE: &[&str] = &[
    "aws_*",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "serenity",
    "slack_morphism",
    "sqlx",
    "tokio_tungstenite",
    "tower",
    "tower_http",
    "tungstenite",
];

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people, coloured on a terminal.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    /// `None`: pretty on a terminal, JSON elsewhere.
    pub format: Option<LogFormat>,
    /// Directives such as `info,rekey=debug`; `None`: the default.
    pub filter: Option<String>,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives are not of the form `info,rekey=debug`.
    #[error("the log filter cannot be read; write directives such as info,rekey=debug")]
    Filter,
    /// There is a logger or recorder already.
    #[error("{0} was set up twice in one process")]
    Twice(&'static str),
    /// The recorder refused its own settings.
    #[error("metrics cannot be set up: {0}")]
    Metrics(String),
}

/// The filter that directives describe.
pub fn env_filter(directives: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder().parse(directives).map_err(|_| TelemetryError::Filter)
}

/// Starts logging to standard error for the whole process.
pub fn start_logging(settings: &LogSettings) -> Result<(), TelemetryError> {
    let terminal = std::io::stderr().is_terminal();
    let subscriber = subscriber(settings, terminal, std::io::stderr)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| TelemetryError::Twice("logging"))
}

/// A logger that writes masked lines to `writer`; `terminal` says whether a person watches.
pub fn subscriber<W>(
    settings: &LogSettings,
    terminal: bool,
    writer: W,
) -> Result<impl Subscriber + Send + Sync, TelemetryError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = env_filter(settings.filter.as_deref().unwrap_or(DEFAULT_FILTER))?.and(filter_fn(is_harmless));
    let writer = Masked(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format(settings.format, terminal) {
        LogFormat::Pretty => fmt::layer().with_ansi(terminal).with_target(false).with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(writer).boxed(),
    };
    Ok(tracing_subscriber::registry().with(lines.with_filter(filter)))
}

fn format(asked: Option<LogFormat>, terminal: bool) -> LogFormat {
    asked.unwrap_or(if terminal { LogFormat::Pretty } else { LogFormat::Json })
}

fn is_harmless(event: &Metadata<'_>) -> bool {
    let library = event.target().split("::").next().unwrap_or_default();
    let is = |name: &&str| name.strip_suffix('*').map_or(*name == library, |family| library.starts_with(family));
    *event.level() <= Level::WARN || !TALKATIVE.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(line)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(settings: LogSettings, speak: impl FnOnce()) -> String {
        let page = Page::default();
        let copy = page.clone();
        let subscriber = subscriber(&settings, false, move || copy.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, speak);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    const CANARY: &str = "glpat-CanaryCanaryCanary00";

    #[test]
    fn a_token_that_slipped_into_a_line_is_masked_in_both_formats_and_in_spans() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let settings = LogSettings { format: Some(format), filter: Some("trace".into()) };
            let text = logged(settings, || {
                let _span = tracing::info_span!("rotation", value = CANARY).entered();
                tracing::info!(field = CANARY, "message {CANARY}");
            });
            assert!(text.contains("[MASKED]"), "{text}");
            assert!(!text.contains("Canary"), "{text}");
        }
    }

    #[test]
    fn libraries_that_print_bodies_stay_silent_even_when_everything_is_asked_for() {
        let settings = LogSettings { format: Some(LogFormat::Json), filter: Some("trace,hyper::proto=trace".into()) };
        let text = logged(settings, || {
            tracing::trace!(target: "hyper::proto::h1", "bytes of a body");
            tracing::debug!(target: "sqlx::query", "a statement");
            tracing::trace!(target: "aws_smithy_runtime::client::orchestrator", "another body");
            tracing::warn!(target: "sqlx::pool", "a slow database");
            tracing::trace!(target: "rekey::engine", "our own detail");
        });
        assert!(!text.contains("body") && !text.contains("statement"), "{text}");
        assert!(text.contains("a slow database") && text.contains("our own detail"), "{text}");
    }

    #[test]
    fn json_is_one_object_a_line_with_the_span_beside_the_message() {
        let text = logged(LogSettings::default(), || {
            let _span = tracing::info_span!("rotation", id = "01h").entered();
            tracing::info!(phase = "minting", "next");
            tracing::debug!("not asked for");
        });
        let line: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(line["message"], "next");
        assert_eq!(line["phase"], "minting");
        assert_eq!(line["span"]["id"], "01h");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error_and_not_silence() {
        assert!(env_filter("rekey=loud").is_err());
        assert!(env_filter("info,rekey=debug").is_ok());
    }
}
