//! The sample mails, whole.

use super::mail::policy;
use rekey::notice::email::{Refused, parse};
use rekey::notice::{Change, Notice, Source, Subject};
use std::path::PathBuf;

pub fn sample(name: &str) -> Vec<u8> {
    std::fs::read(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)).unwrap()
}

pub struct Tokens {
    pub change: Change,
    pub subject: Subject,
    pub host: String,
    pub names: Vec<String>,
    pub days: Option<u32>,
    pub from: String,
    pub forwarded: bool,
    pub message_id: Option<String>,
}

pub fn tokens(raw: &[u8]) -> Tokens {
    let mut all = all_tokens(raw);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// What a mail with others attached says.
pub fn all_tokens(raw: &[u8]) -> Vec<Tokens> {
    let notices = parse(raw, &policy());
    let notices = notices.unwrap_or_else(|why| panic!("refused: {why:?}\n{}", String::from_utf8_lossy(raw)));
    let tokens = |notice: Notice| match notice {
        Notice::Tokens { change, subject, host, names, days, source } => {
            let Source::Mail { message_id, from, forwarded } = source;
            Tokens { change, subject, host, names, days, from, forwarded, message_id }
        }
        other => panic!("not about tokens: {other:?}\n{}", String::from_utf8_lossy(raw)),
    };
    notices.into_iter().map(tokens).collect()
}

pub fn personal(name: &str) -> Subject {
    Subject::Personal { display_name: Some(name.into()) }
}

const INVENTORY: &str = "GitLab Security Service - Architecture - Inventory";

#[test]
fn one_personal_token_with_seven_days_left() {
    let found = tokens(&sample("emails/01-pat-7d-one-token-gitlabcom.eml"));
    assert_eq!((found.change, found.days), (Change::AboutToExpire, Some(7)));
    assert_eq!((found.host.as_str(), found.subject), ("gitlab.com", personal(INVENTORY)));
    assert_eq!(found.names, [INVENTORY]);
    assert_eq!((found.from.as_str(), found.forwarded), ("gitlab@mg.gitlab.com", false));
    let id = "bd8c3a728fc64_8b844d5eed34e249@gitlab-sidekiq-catchall-v2-2d835d41a0-d13e2.mail";
    assert_eq!(found.message_id.as_deref(), Some(id));
}

#[test]
fn four_personal_tokens_in_base64() {
    let found = tokens(&sample("emails/02-pat-30d-four-tokens-gitlabcom-base64.eml"));
    assert_eq!(found.days, Some(30));
    assert_eq!(found.names, [INVENTORY, "vuln-sync-prod (read_api)", "ci-deploy-gitlab-production", "renovate-bot-eu"]);
}

#[test]
fn a_project_token_and_a_group_token_on_a_port() {
    let found = tokens(&sample("emails/04-project-access-token-7d-gitlabcom.eml"));
    assert_eq!(found.subject, Subject::Project { path: "corp-sec/architecture/inventory".into() });
    assert_eq!(found.names, ["inventory-nightly-scan"]);
    let found = tokens(&sample("emails/05-group-access-token-30d-selfmanaged-port.eml"));
    assert_eq!(found.subject, Subject::Group { path: "platform".into() });
    assert_eq!((found.host.as_str(), found.days), ("git.example.org:8443", Some(30)));
    assert_eq!(found.names, ["grafana-metrics-reader"]);
}

#[test]
fn expired_created_and_rotated_tokens() {
    let found = tokens(&sample("emails/07-pat-expired-two-tokens-gitlabcom.eml"));
    assert_eq!((found.change, found.days), (Change::Expired, None));
    assert_eq!(found.names, [INVENTORY, "ci-deploy-gitlab-production"]);
    for (file, change) in [("09-pat-created", Change::Created), ("10-pat-rotated", Change::Rotated)] {
        let found = tokens(&sample(&format!("emails/{file}-gitlabcom.eml")));
        assert_eq!((found.change, found.names.as_slice()), (change, [INVENTORY.to_owned()].as_slice()));
        assert_eq!(found.subject, personal(INVENTORY));
    }
}

#[test]
fn a_colleague_who_forwards_is_named_as_the_sender() {
    let found = tokens(&sample("emails/15-forwarded-inline-by-colleague.eml"));
    assert_eq!((found.from.as_str(), found.forwarded), ("priya.nair@corp.example", true));
    assert_eq!((found.names.as_slice(), found.subject), ([INVENTORY.to_owned()].as_slice(), personal(INVENTORY)));
}

#[test]
fn a_reply_and_a_look_alike_change_nothing() {
    let reply = parse(&sample("emails/17-quoted-reply-not-a-notification.eml"), &policy());
    assert_eq!(reply, Err(Refused::Reply));
    let phishing = sample("emails/19-phishing-lookalike-auth-fail.eml");
    assert!(matches!(parse(&phishing, &policy()), Err(Refused::Unauthenticated(_))));
}

#[test]
fn every_sample_reads_the_same_with_bare_line_feeds() {
    for entry in std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/samples/emails")).unwrap() {
        let raw = std::fs::read(entry.unwrap().path()).unwrap();
        let bare: Vec<u8> = raw.iter().copied().filter(|byte| *byte != b'\r').collect();
        assert_ne!(raw.len(), bare.len());
        assert_eq!(parse(&raw, &policy()), parse(&bare, &policy()));
    }
}

#[test]
fn a_notice_survives_the_inbox() {
    let notices = parse(&sample("emails/05-group-access-token-30d-selfmanaged-port.eml"), &policy()).unwrap();
    let notice = &notices[0];
    let row = serde_json::to_string(notice).unwrap();
    assert_eq!(serde_json::from_str::<Notice>(&row).unwrap(), *notice);
}
