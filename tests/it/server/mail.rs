//! Mail from a relay: what is taken, what is told so that nothing bounces, and what is not believed.

use super::house::{House, SIGNED_AT, sample, told, unauthorized};
use rekey::notice::email::{Instance, MailPolicy, Proof};
use rekey::notice::signature::{Key, Login, sign_mail};
use rekey::secret::Secret;
use rekey::server::{Settings, mail::Door};
use reqwest::{RequestBuilder, Response};

const ONE: &str = "emails/01-pat-7d-one-token-gitlabcom.eml";
const FOUR: &str = "emails/02-pat-30d-four-tokens-gitlabcom-base64.eml";
const KEYS: [&str; 2] = ["an old key of ours, long enough", "a new key of ours, long enough"];
const PASSWORDS: [&str; 2] = ["old-password", "new-password"];

fn key(text: &str) -> Key {
    Key::from_text(&Secret::new(text.into())).unwrap()
}

/// What its sender would put into the header.
pub fn signature_of(raw: &[u8]) -> String {
    sign_mail(&key(KEYS[0]), SIGNED_AT, raw)
}

pub fn door() -> Door {
    let instances = vec![Instance::at("https://gitlab.com", &["mg.gitlab.com"]).unwrap()];
    let login = |password: &str| Login { user: "actionmailbox".into(), password: Secret::new(password.into()) };
    Door {
        logins: PASSWORDS.map(login).into(),
        keys: KEYS.map(key).into(),
        policy: MailPolicy::new(instances, Proof::Results { servers: vec!["mx.corp.example".into()] }),
    }
}

async fn house() -> House {
    House::new(Settings { mail: Some(door()), ..Settings::default() }).await
}

impl House {
    fn mail(&self, raw: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url("/hooks/mail")).header("content-type", "message/rfc822").body(raw)
    }

    async fn relay(&self, raw: impl Into<reqwest::Body>) -> Response {
        self.mail(raw).basic_auth("actionmailbox", Some(PASSWORDS[0])).send().await.unwrap()
    }

    async fn signed(&self, key_text: &str, time: i64, raw: Vec<u8>) -> Response {
        let signature = sign_mail(&key(key_text), time, &raw);
        let request = self.mail(raw).header("x-rekey-timestamp", time).header("x-rekey-signature", signature);
        request.send().await.unwrap()
    }
}

#[tokio::test]
async fn a_mail_is_remembered_with_what_it_says_and_nothing_more() {
    let house = house().await;
    assert_eq!(told(house.relay(sample(ONE)).await).await, (202, vec![], String::new()));
    let remembered = house.remembered().await;
    assert_eq!(remembered.len(), 1);
    let notice: serde_json::Value = serde_json::from_str(&remembered[0]).unwrap();
    assert_eq!((&notice["kind"], &notice["host"]), (&"tokens".into(), &"gitlab.com".into()));
    assert_eq!(notice["names"], serde_json::json!(["GitLab Security Service - Architecture - Inventory"]));
    assert_eq!(house.observed.counted("mail", "accepted"), 1);
}

#[tokio::test]
async fn a_mail_delivered_twice_over_other_servers_is_acknowledged_and_does_nothing() {
    let house = house().await;
    assert_eq!(house.relay(sample(ONE)).await.status(), 202);
    let again = [b"Delivered-To: other@bot.example\r\nX-Hop: two\r\n", sample(ONE).as_slice()].concat();
    let bare: Vec<u8> = again.iter().copied().filter(|byte| *byte != b'\r').collect();
    for copy in [again, bare] {
        assert_eq!(told(house.relay(copy).await).await, (202, vec![], String::new()));
    }
    assert_eq!(house.remembered().await.len(), 1);
    assert_eq!((house.observed.counted("mail", "duplicate"), house.observed.log.count("known already")), (2, 2));
}

#[tokio::test]
async fn another_mail_with_the_same_message_id_is_heard_too() {
    let house = house().await;
    let id = |raw: &str| raw.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    let [one, four] = [ONE, FOUR].map(|file| String::from_utf8(sample(file)).unwrap());
    let copied = four.replace(&id(&four), &id(&one));
    for raw in [one, copied] {
        assert_eq!(house.relay(raw).await.status(), 202);
    }
    assert_eq!(house.remembered().await.len(), 2);
}

#[tokio::test]
async fn whoever_has_no_good_password_learns_nothing_and_changes_nothing() {
    let house = house().await;
    let wrong = [
        house.mail(sample(ONE)),
        house.mail(sample(ONE)).basic_auth("actionmailbox", Some("wrong")),
        house.mail(sample(ONE)).basic_auth("actionmailbox", Some("")),
        house.mail(sample(ONE)).basic_auth("somebody", Some(PASSWORDS[0])),
        house.mail(sample(ONE)).bearer_auth(PASSWORDS[0]),
        house.mail(sample(ONE)).header("authorization", "Basic %%%"),
        house.mail("no mail").header("content-encoding", "gzip"),
    ];
    let count = wrong.len();
    for request in wrong {
        assert_eq!(told(request.send().await.unwrap()).await, unauthorized());
    }
    assert!(house.remembered().await.is_empty());
    assert_eq!(house.observed.counted("mail", "unauthenticated"), count as u64);
    assert_eq!(house.observed.log.count("notice refused"), count);
    assert_eq!(house.observed.log.count(PASSWORDS[0]), 0);
}

#[tokio::test]
async fn old_and_new_password_and_old_and_new_key_hold_while_they_are_changed() {
    let house = house().await;
    for password in PASSWORDS {
        let request = house.mail(sample(ONE)).basic_auth("actionmailbox", Some(password));
        assert_eq!(request.send().await.unwrap().status(), 202);
    }
    for key in KEYS {
        assert_eq!(house.signed(key, SIGNED_AT, sample(FOUR)).await.status(), 202);
    }
    assert_eq!(house.remembered().await.len(), 2);
}

#[tokio::test]
async fn a_signature_holds_for_its_mail_and_five_minutes_only() {
    let house = house().await;
    let signature = sign_mail(&key(KEYS[0]), SIGNED_AT, &sample(ONE));
    let send = |raw: Vec<u8>, time: i64| {
        let request = house.mail(raw).header("x-rekey-timestamp", time).header("x-rekey-signature", signature.clone());
        // A signature that is wrong is not mended by a password that is right.
        request.basic_auth("actionmailbox", Some(PASSWORDS[0])).send()
    };
    assert_eq!(told(send(sample(FOUR), SIGNED_AT).await.unwrap()).await, unauthorized());
    assert_eq!(told(send(sample(ONE), SIGNED_AT + 1).await.unwrap()).await, unauthorized());
    assert_eq!(send(sample(ONE), SIGNED_AT).await.unwrap().status(), 202);
    house.clock.advance(300);
    assert_eq!(send(sample(ONE), SIGNED_AT).await.unwrap().status(), 202);
    house.clock.advance(1);
    assert_eq!(told(send(sample(ONE), SIGNED_AT).await.unwrap()).await, unauthorized());
    assert_eq!(house.remembered().await.len(), 1);
}

#[tokio::test]
async fn a_mail_of_no_use_is_neither_bounced_nor_repeated() {
    let house = house().await;
    let lunch = "From: a@mg.gitlab.com\r\nTo: b@bot.example\r\nSubject: Lunch?\r\n\r\nAt noon.\r\n";
    let useless = [
        (sample("emails/17-quoted-reply-not-a-notification.eml"), "ignored"),
        (sample("emails/19-phishing-lookalike-auth-fail.eml"), "forged"),
        (sample("emails/15-forwarded-inline-by-colleague.eml"), "forged"),
        (lunch.into(), "ignored"),
    ];
    for (raw, result) in useless {
        let before = house.observed.counted("mail", result);
        let (status, _, body) = told(house.relay(raw).await).await;
        assert_eq!((status, body.as_str()), (200, "ignored\n"));
        assert_eq!(house.observed.counted("mail", result), before + 1);
    }
    assert!(house.remembered().await.is_empty());
    assert_eq!(house.observed.log.count("notice ignored"), 4);
}

#[tokio::test]
async fn verdicts_that_came_with_the_mail_are_not_believed() {
    let house = house().await;
    let genuine = String::from_utf8(sample(ONE)).unwrap();
    let ours = "Authentication-Results: mx.corp.example;";
    assert!(genuine.contains(ours));
    let forged = genuine.replace(ours, "Authentication-Results: mx.evil.example;");
    assert_eq!(house.relay(forged).await.status(), 200);
    let failed = format!("{ours} dkim=fail; dmarc=fail header.from=mg.gitlab.com\r\n{genuine}");
    assert_eq!(house.relay(failed).await.status(), 200);
    assert!(house.remembered().await.is_empty());
    assert_eq!(house.observed.counted("mail", "forged"), 2);
}

#[tokio::test]
async fn what_no_server_can_deliver_better_is_refused_for_good() {
    let house = house().await;
    let relay = |request: RequestBuilder| request.basic_auth("actionmailbox", Some(PASSWORDS[0])).send();
    let plain = house.client.post(house.url("/hooks/mail")).body(sample(ONE));
    let packed = house.mail(sample(ONE)).header("content-encoding", "gzip");
    for (request, status) in [
        (house.mail(""), 400),
        (plain.try_clone().unwrap(), 415),
        (plain.header("content-type", "text/plain"), 415),
        (packed, 415),
        (house.mail(vec![b'x'; (1 << 20) + 1]), 413),
    ] {
        let (told_status, _, body) = told(relay(request).await.unwrap()).await;
        assert_eq!((told_status, body.as_str()), (status, ""));
    }
    assert!(house.remembered().await.is_empty());
    assert_eq!((house.observed.counted("mail", "malformed"), house.observed.counted("mail", "too_big")), (4, 1));
}

#[tokio::test]
async fn the_type_may_carry_parameters_and_capitals() {
    let house = house().await;
    let request = house.client.post(house.url("/hooks/mail")).body(sample(ONE));
    let request = request.header("content-type", "Message/RFC822; charset=utf-8");
    let request = request.basic_auth("actionmailbox", Some(PASSWORDS[0]));
    assert_eq!(request.send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn without_a_database_the_mail_waits_at_the_relay() {
    let house = house().await;
    house.ledger.close().await;
    let response = house.relay(sample(ONE)).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    assert_eq!(house.observed.counted("mail", "unavailable"), 1);
}

#[tokio::test]
async fn what_is_not_configured_is_not_there() {
    let house = House::new(Settings::default()).await;
    for path in ["/hooks/mail", "/hooks/gitlab"] {
        assert_eq!(house.client.post(house.url(path)).send().await.unwrap().status(), 404);
    }
}
