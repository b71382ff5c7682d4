//! Hosts that quote what they hold or were sent: nothing of it is in a plan, a rotation, the journal, the issue or the log,
//! although nobody had looked at the place before.

use super::setup::Setup;
use crate::server::house::Log;
use crate::spelled;
use crate::store::contract::Bench;
use crate::store::eight_kinds;
use rekey::rotation::view::Action;
use rekey::sandbox::gitlab::Mint;
use rekey::telemetry::{LogSettings, subscriber};

/// Without a known prefix, so that only knowing it helps.
const OLD: &str = "canary-quoted-0123456789";

/// Each host refuses the request after that many others, and says all it could say of the value.
fn refuse(others: &[Box<dyn Bench>], after: usize) {
    let words = format!("so {} indeed", spelled::spellings(OLD).join(", "));
    others.iter().filter_map(|other| other.proxy()).for_each(|proxy| proxy.refuse_after(after, 0, &words));
}

#[tokio::test]
async fn what_hosts_quote_while_a_plan_is_made_is_in_no_plan_rotation_journal_issue_or_log() {
    let log = Log::default();
    let (writer, settings) = (log.clone(), LogSettings { format: None, filter: Some("trace".into()) });
    let _listening = tracing::subscriber::set_default(subscriber(&settings, false, move || writer.clone()).unwrap());
    let (mut others, mut setup) = (eight_kinds().await, Setup::new());
    others.retain(|other| other.proxy().is_some());
    setup.tokens[0].name = "canary".into();
    for other in &others {
        other.meddle(OLD).await;
        setup = setup.also_in(other.store());
    }
    // At once, before anybody has read anything.
    refuse(&others, 0);
    let team = setup.start(|_, _| {}).await;
    let mint = Mint::new(team.stage.account, "canary", &["read_api"]).expires("2026-11-28".parse().unwrap()).value(OLD);
    team.stage.state.with(|world| world.mint(mint));
    team.stage.store(OLD).await;
    let mut quoted = 0;
    let mut kept = String::new();
    let rotation = team.open().await;
    for after in 1..8 {
        quoted += rotation.plan.blockers.len();
        kept += &format!("{:?}", team.rotation().await);
        refuse(&others, after);
        if let Err(refused) = team.click("alice", Action::Approve).await {
            kept += &format!("{refused} {refused:?}");
        }
        team.stage.clock.advance(6 * 3600);
        team.work().await;
    }
    assert!(quoted > 0 && kept.contains("indeed"), "they quoted: {kept}");
    let journal = team.engine.ledger.journal(&rotation.id).await.unwrap();
    kept += &format!("{journal:?} {:?} {} {:?}", team.rotation().await, team.issue(), team.comments());
    kept += &log.text();
    assert_eq!(spelled::find(kept.as_bytes(), OLD), None);
    for (file, bytes) in team.files() {
        assert_eq!(spelled::find(&bytes, OLD), None, "{file}");
    }
}
