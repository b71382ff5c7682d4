//! What is measured stays true while GitLab cannot be asked: what was seen long ago is no number, and failures count.

use super::team::Team;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rekey::sandbox::gitlab::{Fault, Rule};

const DAYS_LEFT: &str = "rekey_token_days_left{token=\"deploy\"}";
const SCANNED: &str = "rekey_last_success_timestamp_seconds{part=\"scan\"}";
const FAILED: &str = "rekey_failures_total{part=\"scan\"}";

/// The number that Prometheus would read, if any.
fn number(metrics: &PrometheusHandle, name: &str) -> Option<f64> {
    metrics.render().lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn state(metrics: &PrometheusHandle, state: &str) -> Option<f64> {
    number(metrics, &format!("rekey_managed_tokens{{state=\"{state}\"}}"))
}

#[tokio::test]
async fn a_scan_that_saw_nothing_is_a_failure_and_no_gauge_stands_still() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let team = Team::new().await;
    assert!(team.engine.scan_and_tell().await);
    team.engine.measure_tokens();
    let scanned = number(&metrics, SCANNED).unwrap();
    assert!(number(&metrics, DAYS_LEFT).unwrap() > 0.0, "{}", metrics.render());
    assert_eq!((state(&metrics, "near"), state(&metrics, "unseen")), (Some(1.0), Some(0.0)));

    let away = Rule::new("GET", "*/service_accounts*", Fault::ErrorBefore { status: 503 });
    team.stage.state.fault(away.times(0));
    assert!(!team.engine.scan_and_tell().await);
    team.engine.measure_tokens();
    assert_eq!(number(&metrics, SCANNED), Some(scanned), "it did not succeed again");
    assert!(number(&metrics, FAILED).unwrap() >= 1.0, "{}", metrics.render());
    assert!(number(&metrics, DAYS_LEFT).unwrap().is_nan(), "{}", metrics.render());
    assert_eq!(state(&metrics, "unseen"), Some(1.0));
    team.engine.ledger.ping().await.unwrap();

    team.stage.state.clear_faults();
    assert!(team.engine.scan_and_tell().await);
    team.engine.measure_tokens();
    assert!(number(&metrics, DAYS_LEFT).unwrap() > 0.0);
}
