//! Requests from outside: genuine ones pass, and every single thing that is changed makes them fail.

use super::samples::sample;
use jiff::Timestamp;
use rekey::notice::signature::{self, BadKey, Key, Login, TOLERANCE, Untrusted};
use rekey::secret::Secret;

const OTHER: &str = "whsec_/////wUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

fn signing(token: &str) -> Key {
    Key::from_signing_token(&secret(token)).unwrap()
}

fn text_key(text: &str) -> Key {
    Key::from_text(&secret(text)).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

struct Vector {
    body: Vec<u8>,
    id: String,
    time: String,
    signature: String,
    token: String,
}

fn vectors() -> (String, Vec<Vector>) {
    let file: serde_json::Value = serde_json::from_slice(&sample("webhooks/signature_vectors.json")).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let all = file["vectors"].as_array().unwrap().iter().map(|vector| Vector {
        body: sample(&format!("webhooks/{}", text(&vector["body_file"]))),
        id: text(&vector["headers"]["webhook-id"]),
        time: text(&vector["headers"]["webhook-timestamp"]),
        signature: text(&vector["headers"]["webhook-signature"]),
        token: text(&vector["headers"]["X-Gitlab-Token"]),
    });
    (text(&file["signing_token"]), all.collect())
}

fn check(keys: &[Key], v: &Vector, off: i64) -> Result<usize, Untrusted> {
    let now = at(v.time.parse::<i64>().unwrap() + off);
    signature::standard_webhooks(keys, Some(&v.id), Some(&v.time), Some(&v.signature), &v.body, now)
}

#[test]
fn every_sample_of_gitlab_verifies_and_none_when_anything_is_altered() {
    let (token, all) = vectors();
    assert_eq!(all.len(), 12);
    for mut v in all {
        let keys = [signing(&token)];
        assert_eq!(check(&keys, &v, 0), Ok(0));
        assert_eq!(check(&[signing(OTHER)], &v, 0), Err(Untrusted::Mismatch));
        v.body[0] ^= 1;
        assert_eq!(check(&keys, &v, 0), Err(Untrusted::Mismatch));
        v.body[0] ^= 1;
        let (id, time) = (v.id.clone(), v.time.clone());
        v.id.push('0');
        assert_eq!(check(&keys, &v, 0), Err(Untrusted::Mismatch));
        v.id = id;
        v.time = (time.parse::<i64>().unwrap() + 1).to_string();
        assert_eq!(check(&keys, &v, 0), Err(Untrusted::Mismatch));
    }
}

#[test]
fn a_signature_is_good_for_five_minutes_either_way() {
    let (token, all) = vectors();
    let keys = [signing(&token)];
    for off in [-TOLERANCE, TOLERANCE] {
        assert_eq!(check(&keys, &all[0], off), Ok(0));
    }
    for off in [-TOLERANCE - 1, TOLERANCE + 1, 1_000_000_000] {
        assert_eq!(check(&keys, &all[0], off), Err(Untrusted::Stale(off)));
    }
}

#[test]
fn while_a_signing_token_is_rotated_old_and_new_both_count() {
    let (token, all) = vectors();
    assert_eq!(check(&[signing(OTHER), signing(&token)], &all[0], 0), Ok(1));
    assert_eq!(check(&[signing(&token), signing(&token)], &all[0], 0), Ok(0));
    let both = format!("v1a,AAAA v1,AAAA {}", all[0].signature);
    let vector = Vector { signature: both, ..vectors().1.remove(0) };
    assert_eq!(check(&[signing(&token)], &vector, 0), Ok(0));
}

#[test]
fn what_is_missing_or_no_signature_is_said_so() {
    let (token, mut all) = vectors();
    let keys = [signing(&token)];
    let v = all.remove(0);
    let now = at(v.time.parse().unwrap());
    let check = |id, time, signature| signature::standard_webhooks(&keys, id, time, signature, &v.body, now);
    assert_eq!(check(None, Some(&v.time), Some(&v.signature)), Err(Untrusted::Missing("webhook-id")));
    assert_eq!(check(Some(&v.id), None, Some(&v.signature)), Err(Untrusted::Missing("webhook-timestamp")));
    assert_eq!(check(Some(&v.id), Some(&v.time), None), Err(Untrusted::Missing("webhook-signature")));
    for nonsense in ["", "v1", "v1,", "v1,%%%", "v2,AAAA", "NZsIl19f3XBB7afUj81ZPJN5UV3+EsnD9QttOQqfrFA="] {
        let given = check(Some(&v.id), Some(&v.time), Some(nonsense));
        assert!(matches!(given, Err(Untrusted::Malformed(_) | Untrusted::Mismatch)), "{nonsense}: {given:?}");
    }
    let nobody = signature::standard_webhooks(&[], Some(&v.id), Some(&v.time), Some(&v.signature), &v.body, now);
    assert_eq!(nobody, Err(Untrusted::NoSecret));
}

#[test]
fn a_time_stamp_that_is_signed_but_no_number_is_refused() {
    let key = text_key("invented-mail-secret-0123456789");
    for time in ["", "+1795253000", " 1795253000", "1795253000.0", "99999999999999999999", "-5"] {
        use hmac::{KeyInit as _, Mac as _};
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(b"invented-mail-secret-0123456789").unwrap();
        mac.update(format!("v1:{time}:x").as_bytes());
        let signed = format!("v1={}", hex::encode(mac.finalize().into_bytes()));
        let given = signature::mail(std::slice::from_ref(&key), Some(time), Some(&signed), b"x", at(1_795_253_000));
        assert_eq!(given, Err(Untrusted::Malformed("time-stamp")), "{time:?}");
    }
}

#[test]
fn keys_that_anybody_could_guess_are_refused() {
    let given = |text: &str| Key::from_signing_token(&secret(text)).err();
    assert_eq!(given("whsec_"), Some(BadKey::TooShort));
    assert_eq!(given("whsec_AQID"), Some(BadKey::TooShort));
    assert_eq!(given("whsec_not base64"), Some(BadKey::NotBase64));
    assert_eq!(Key::from_text(&secret("short")).err(), Some(BadKey::TooShort));
}

#[test]
fn the_secret_token_of_a_webhook_is_compared_whole() {
    let token = vectors().1.remove(0).token;
    let secrets = [secret("older-one"), secret(&token)];
    assert_eq!(signature::shared_token(&secrets, Some(&token)), Ok(1));
    for wrong in ["", "invented-secret-toke", "invented-secret-token ", "INVENTED-SECRET-TOKEN"] {
        assert_eq!(signature::shared_token(&secrets, Some(wrong)), Err(Untrusted::Mismatch));
    }
    assert_eq!(signature::shared_token(&secrets, None), Err(Untrusted::Missing("X-Gitlab-Token")));
    assert_eq!(signature::shared_token(&[secret("")], Some("")), Err(Untrusted::Mismatch));
}

const SLACK_BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
    channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F\
    hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.\
    803a0bc887a14d10d2c447fce8b6703c";
const SLACK_SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

#[test]
fn the_example_of_slack_s_documentation_verifies_and_no_change_of_it() {
    let keys = [text_key("8f742231b10e8888abcd99yyyzzz85a5")];
    let time = "1531420618";
    let check =
        |time, signature, body: &str, now| signature::slack(&keys, Some(time), signature, body.as_bytes(), at(now));
    assert_eq!(check(time, Some(SLACK_SIGNATURE), SLACK_BODY, 1_531_420_618), Ok(0));
    assert_eq!(check(time, Some(SLACK_SIGNATURE), SLACK_BODY, 1_531_420_919), Err(Untrusted::Stale(301)));
    assert_eq!(check("1531420619", Some(SLACK_SIGNATURE), SLACK_BODY, 1_531_420_618), Err(Untrusted::Mismatch));
    assert_eq!(check(time, Some(SLACK_SIGNATURE), "token=x", 1_531_420_618), Err(Untrusted::Mismatch));
    assert_eq!(check(time, None, SLACK_BODY, 1_531_420_618), Err(Untrusted::Missing("signature")));
    for nonsense in ["", "v0=", "v0=zz", "v1=a2114d57", &SLACK_SIGNATURE[3..]] {
        assert!(check(time, Some(nonsense), SLACK_BODY, 1_531_420_618).is_err(), "{nonsense}");
    }
}

#[test]
fn slack_s_library_agrees_about_what_we_would_accept_now() {
    use slack_morphism::{SlackSigningSecret, signature_verifier::SlackEventSignatureVerifier};
    let text = "8f742231b10e8888abcd99yyyzzz85a5";
    let theirs = SlackEventSignatureVerifier::new(&SlackSigningSecret::new(text.into()));
    let now = Timestamp::now();
    let time = now.as_second().to_string();
    use hmac::{KeyInit as _, Mac as _};
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(text.as_bytes()).unwrap();
    mac.update(format!("v0:{time}:{SLACK_BODY}").as_bytes());
    let made = format!("v0={}", hex::encode(mac.finalize().into_bytes()));
    assert!(theirs.verify(&made, SLACK_BODY, &time).is_ok());
    assert_eq!(signature::slack(&[text_key(text)], Some(&time), Some(&made), SLACK_BODY.as_bytes(), now), Ok(0));
}

#[test]
fn mail_is_signed_with_openssl_in_a_pipe() {
    // printf 'v1:1795253000:From: a@b\r\n\r\nhi' | openssl dgst -sha256 -hmac invented-mail-secret-0123456789
    let made = "v1=7d970f6ababf50cdc350254763a583818e35eb82cc78074451e42a8f2afb1f72";
    let keys = [text_key("another-secret-0123456789"), text_key("invented-mail-secret-0123456789")];
    let body = b"From: a@b\r\n\r\nhi";
    let check = |time, body: &[u8]| signature::mail(&keys, Some(time), Some(made), body, at(1_795_253_010));
    assert_eq!(check("1795253000", body), Ok(1));
    assert_eq!(check("1795253001", body), Err(Untrusted::Mismatch));
    assert_eq!(check("1795253000", b"From: a@b\n\nhi"), Err(Untrusted::Mismatch));
    assert_eq!(signature::sign_mail(&keys[1], 1_795_253_000, body), made);
    let as_slack =
        signature::slack(&keys, Some("1795253000"), Some(&made.replace("v1", "v0")), body, at(1_795_253_000));
    assert_eq!(as_slack, Err(Untrusted::Mismatch));
}

#[test]
fn a_relay_logs_in_with_its_own_password_only() {
    let login = |user: &str, password| Login { user: user.into(), password: secret(password) };
    let logins = [login("actionmailbox", "new:with:colons"), login("actionmailbox", "old"), login("nobody", "")];
    let encoded = |text: &str| {
        use base64::Engine as _;
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
    };
    let check = |text: &str| signature::basic(&logins, Some(&encoded(text)));
    assert_eq!(check("actionmailbox:new:with:colons"), Ok(0));
    assert_eq!(check("actionmailbox:old"), Ok(1));
    for wrong in ["actionmailbox:", "actionmailbox:new", "other:old", "nobody:", ":", "actionmailbox:OLD"] {
        assert_eq!(check(wrong), Err(Untrusted::Mismatch), "{wrong}");
    }
    assert_eq!(check("nocolon"), Err(Untrusted::Malformed("Authorization")));
    for nonsense in ["", "Basic", "Bearer abc", "Basic %%%"] {
        assert_eq!(signature::basic(&logins, Some(nonsense)), Err(Untrusted::Malformed("Authorization")));
    }
    assert_eq!(signature::basic(&logins, None), Err(Untrusted::Missing("Authorization")));
    assert_eq!(signature::basic(&[], Some(&encoded("a:b"))), Err(Untrusted::NoSecret));
}
