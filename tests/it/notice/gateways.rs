//! What mail gateways, clients and charsets make of GitLab's mails on their way.

use super::mail::{self, Encoding, Language, Mail, PARTS, Parts};
use super::samples::{all_tokens, tokens};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rekey::notice::Subject;
use rekey::notice::email::{Refused, parse};

const GITLAB: &str = "https://gitlab.com";
const SETTINGS: &str = "https://gitlab.com/-/user_settings/personal_access_tokens";

fn genuine() -> Mail {
    mail::expiring(GITLAB, 7, &["deploy token"], Language::English)
}

/// The same mail with every link to the settings as a gateway writes it.
fn rewritten(mail: &Mail, from: &str, to: &str) -> Mail {
    let mut mail = mail.clone();
    mail.text = mail.text.replace(from, to);
    mail.html = mail.html.replace(&format!("href=\"{from}\""), &format!("href=\"{}\"", to.replace('&', "&amp;")));
    mail
}

fn percent(url: &str) -> String {
    url.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => (byte as char).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn wrapped(url: &str) -> Vec<String> {
    let escaped = percent(url);
    let second = escaped.replace('-', "%2D").replace('_', "%5F").replace('%', "-").replace("-2F", "_");
    vec![
        format!(
            "https://eur01.safelinks.protection.outlook.com/?url={escaped}&data=05%7C02%7Cx%40corp.example&sdata=x%3D&reserved=0"
        ),
        format!("https://gcc02.safelinks.protection.office365.us/?data=1&url={escaped}"),
        format!("https://urldefense.proofpoint.com/v1/url?u={escaped}&k=abc"),
        format!("https://urldefense.proofpoint.com/v2/url?u={second}&d=DwMFaQ&c=x"),
        format!("https://urldefense.com/v3/__{url}__;!!ABC!def$"),
        format!("https://urldefense.com/v3/__{}__;!!ABC!def$", url.replacen("https://", "https:/", 1)),
        format!(
            "https://urldefense.us/v3/__{}__;{}!!ABC!def$",
            url.replacen("/-/", "**B", 1).replacen("_tokens", "*tokens", 1),
            URL_SAFE_NO_PAD.encode("/-/_")
        ),
        format!("https://linkprotect.cudasvc.com/url?a={}&c=E,1,x", percent(&escaped)),
        format!("https://secure-web.cisco.com/1abcDEF/{escaped}"),
        format!("https://clicktime.symantec.com/15siFAxxx?h=abc&u={escaped}"),
        format!("https://eu-central-1.protection.sophos.com/?d=gitlab.com&u={}&i=x", STANDARD.encode(url)),
        format!("https://url.avanan.click/v2/___{url}___.YXAzOm"),
        format!("https://www.google.com/url?q={url}&source=gmail&ust=1"),
        format!("https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url={}&umid=x", escaped.to_lowercase()),
        format!("https://protect2.fireeye.com/v1/url?k=1-2&q=1&e=3&u={escaped}"),
        format!("https://link.edgepilot.com/s/8f3c/x?u={escaped}"),
        format!("https://lsems.gravityzone.bitdefender.com/scan/{}/AAA?c=1", URL_SAFE_NO_PAD.encode(url)),
        // Two organisations, one behind the other.
        format!(
            "https://nam02.safelinks.protection.outlook.com/?url={}",
            percent(&format!("https://urldefense.com/v3/__{url}__;!!x$"))
        ),
    ]
}

#[test]
fn the_address_inside_a_gateways_link_is_read_whichever_gateway_it_was() {
    for link in wrapped(SETTINGS) {
        for parts in PARTS {
            let found = tokens(&rewritten(&genuine(), SETTINGS, &link).parts(parts).bytes());
            assert_eq!(
                (found.host.as_str(), &found.names[..]),
                ("gitlab.com", &["deploy token".to_owned()][..]),
                "{link}"
            );
        }
    }
    let project = "https://gitlab.com/acme/app/-/settings/access_tokens";
    for link in wrapped(project) {
        let mail = rewritten(&mail::resource(GITLAB, "Project", "acme/app", "scan", 7, false), project, &link);
        let found = tokens(&mail.bytes());
        assert_eq!(
            (found.subject, &found.names[..]),
            (Subject::Project { path: "acme/app".into() }, &["scan".to_owned()][..]),
            "{link}"
        );
    }
}

#[test]
fn a_text_part_that_shows_a_link_as_html_does_is_read_too() {
    let link = wrapped(SETTINGS)[0].replace('&', "&amp;");
    let mail = rewritten(&genuine(), SETTINGS, &link).parts(Parts::TextOnly);
    assert_eq!(tokens(&mail.bytes()).names, ["deploy token"]);
}

#[test]
fn a_foreign_address_inside_a_gateways_link_is_refused_as_it_is_outside() {
    for link in wrapped("https://gitlab.com.token-renew.example/-/user_settings/personal_access_tokens") {
        for parts in PARTS {
            let mail = rewritten(&genuine(), SETTINGS, &link).parts(parts);
            let expected = Err(Refused::LookAlike { host: "gitlab.com.token-renew.example".into() });
            assert_eq!(parse(&mail.bytes(), &mail::policy()), expected, "{link}");
        }
    }
}

#[test]
fn nobody_becomes_a_gateway_by_carrying_our_address() {
    for (link, expected) in [
        (
            format!("https://evil.example/?url={}", percent(SETTINGS)),
            Refused::Rewritten { host: "evil.example".into() },
        ),
        (
            format!("https://safelinks.protection.outlook.com.evil.example/?url={}", percent(SETTINGS)),
            Refused::Rewritten { host: "safelinks.protection.outlook.com.evil.example".into() },
        ),
        (
            format!("https://evil.example/-/user_settings/personal_access_tokens?url={}", percent(SETTINGS)),
            Refused::LookAlike { host: "evil.example".into() },
        ),
        (
            "https://evil.example/https://gitlab.com/-/user_settings/personal_access_tokens".into(),
            Refused::LookAlike { host: "evil.example".into() },
        ),
    ] {
        for parts in PARTS {
            let mail = rewritten(&genuine(), SETTINGS, &link).parts(parts);
            assert_eq!(parse(&mail.bytes(), &mail::policy()), Err(expected.clone()), "{link} {parts:?}");
        }
    }
}

#[test]
fn a_gateway_of_ones_own_is_named_in_the_configuration() {
    let link = format!("https://links.corp.example/click?to={}", percent(SETTINGS));
    let mail = rewritten(&genuine(), SETTINGS, &link);
    let refused = parse(&mail.bytes(), &mail::policy()).unwrap_err();
    assert!(refused.to_string().contains("[mail] link_gateways"), "{refused}");
    let mut policy = mail::policy();
    policy.link_gateways = vec!["Links.corp.example".into()];
    assert!(parse(&mail.bytes(), &policy).is_ok());
}

#[test]
fn where_a_gateway_keeps_the_address_to_itself_the_sentence_says_whose_tokens_they_are() {
    for veiled in [
        "https://protect-eu.mimecast.com/s/AbCdEf?domain=gitlab.com",
        "https://url.uk.m.mimecastprotect.com/s/x1?domain=gitlab.com",
    ] {
        let footer = "https://gitlab.com/-/profile/notifications";
        for parts in PARTS {
            let mail = rewritten(&rewritten(&genuine(), SETTINGS, veiled), footer, veiled).parts(parts);
            assert_eq!(tokens(&mail.bytes()).names, ["deploy token"], "{parts:?}");
            for (kind, path) in [("Project", "acme/app"), ("Group", "acme")] {
                let below = if kind == "Group" { "groups/acme" } else { path };
                let link = format!("https://gitlab.com/{below}/-/settings/access_tokens");
                let mail = rewritten(&mail::resource(GITLAB, kind, path, "scan", 7, false), &link, veiled).parts(parts);
                let found = tokens(&mail.bytes());
                assert_eq!(found.names, ["scan"], "{kind} {parts:?}");
                assert!(matches!(found.subject, Subject::Project { .. } | Subject::Group { .. }), "{kind}");
            }
        }
    }
    let elsewhere = rewritten(&genuine(), SETTINGS, "https://protect-eu.mimecast.com/s/A?domain=evil.example");
    assert_eq!(parse(&elsewhere.bytes(), &mail::policy()), Err(Refused::NoLink));
}

#[test]
fn what_a_gateway_writes_around_a_subject_is_taken_off() {
    for label in [
        "EXTERNAL: {}",
        "(EXTERNAL) {}",
        "[EXTERNAL] {}",
        "[EXTERNAL]: {}",
        "{EXT} {}",
        "<EXTERNAL> {}",
        "*** EXTERNAL *** {}",
        "***EXTERNAL EMAIL*** {}",
        "** Extern ** {}",
        "=?UTF-8?B?44CQ5aSW6YOo44CR?= {}",
        "EXT: {}",
        "External Email: {}",
        "Mail from external sender: {}",
        "EXTERN - {}",
        "External | {}",
        "CAUTION: {}",
        "[EXT] *** SPAM? *** {}",
        "=?UTF-8?Q?=E2=9A=A0=EF=B8=8F?= External: {}",
        "{} [EXTERNAL]",
        "{} (EXTERNAL)",
        "[EXTERNAL] {} ***SPAM***",
    ] {
        let mut mail = genuine();
        mail.subject = label.replace("{}", &mail.subject);
        assert_eq!(tokens(&mail.bytes()).names, ["deploy token"], "{label}");
    }
}

fn encoded(word: &str) -> String {
    format!("=?UTF-8?B?{}?=", STANDARD.encode(word))
}

#[test]
fn a_mail_that_was_passed_on_is_known_in_many_languages() {
    for prefix in [
        "Fwd:",
        "FW:",
        "WG:",
        "TR:",
        "Tr :",
        "RV:",
        "ENC:",
        "I:",
        "VB:",
        "VL:",
        "PD:",
        "Doorst:",
        "VS:",
        "İLT:",
        "ΠΡΘ:",
        "Пересл:",
        "转发：",
        "轉寄:",
        "転送:",
        "전달:",
        "הועבר:",
        "إعادة توجيه:",
        "FS:",
        "TRS:",
        "Továbbítás:",
        "Fwd[2]:",
        "Reenv:",
        "Transf:",
        "YML:",
        "Doorgestuurd:",
        "EXTERNAL: FW:",
    ] {
        let mut mail = genuine().from("priya.nair@corp.example");
        mail.subject = format!("{} {}", encoded(prefix), mail.subject);
        assert!(tokens(&mail.bytes()).forwarded, "{prefix}");
    }
    for prefix in [
        "Re:",
        "AW:",
        "SV:",
        "Antw:",
        "Odp:",
        "YNT:",
        "Vá:",
        "ΑΠ:",
        "回复：",
        "答复:",
        "返信:",
        "회신:",
        "رد:",
        "השב:",
        "EXTERNAL: RE:",
        "RE: WG:",
    ] {
        let mut mail = genuine().from("priya.nair@corp.example");
        mail.subject = format!("{} {}", encoded(prefix), mail.subject);
        let read = parse(&mail.bytes(), &mail::policy());
        assert!(matches!(read, Err(Refused::Reply | Refused::NotAnExpiryMail)), "{prefix}: {read:?}");
    }
    // Danish and Norwegian pass on with what Finnish answers with; an answer says what it answers.
    let mut answer = genuine().from("priya.nair@corp.example").header("In-Reply-To", "<1@gitlab.mail>");
    answer.subject = format!("VS: {}", answer.subject);
    assert_eq!(parse(&answer.bytes(), &mail::policy()), Err(Refused::Reply));
}

#[test]
fn names_are_read_in_the_charsets_of_east_and_west() {
    for (charset, name, bytes) in [
        ("ISO-2022-JP", "デプロイ", &b"\x1b$B%G%W%m%$\x1b(B"[..]),
        ("Shift_JIS", "デプロイ", b"\x83f\x83v\x83\x8d\x83C"),
        ("EUC-JP", "デプロイ", b"\xa5\xc7\xa5\xd7\xa5\xed\xa5\xa4"),
        ("GB18030", "部署令牌", b"\xb2\xbf\xca\xf0\xc1\xee\xc5\xc6"),
        ("gb2312", "部署令牌", b"\xb2\xbf\xca\xf0\xc1\xee\xc5\xc6"),
        ("Big5", "部署", b"\xb3\xa1\xb8p"),
        ("ks_c_5601-1987", "배포", b"\xb9\xe8\xc6\xf7"),
        ("EUC-KR", "배포", b"\xb9\xe8\xc6\xf7"),
        ("KOI8-R", "ключ", b"\xcb\xcc\xc0\xde"),
        ("windows-1251", "ключ", b"\xea\xeb\xfe\xf7"),
        ("windows-874", "โท", b"\xe2\xb7"),
        ("ISO-8859-15", "Größe€", b"Gr\xf6\xdfe\xa4"),
        ("UTF-7", "Größe", b"Gr+APYA3w-e"),
    ] {
        let mail = genuine().parts(Parts::TextOnly).encoding(Encoding::Plain);
        let raw = String::from_utf8(mail.bytes()).unwrap().replace("charset=UTF-8", &format!("charset={charset}"));
        let (before, after) = raw.split_once("deploy token").unwrap();
        let raw = [before.as_bytes(), bytes, after.as_bytes()].concat();
        assert_eq!(tokens(&raw).names, [name], "{charset}");
    }
}

#[test]
fn headers_that_deny_an_automatic_answer_deny_it() {
    for header in ["X-Autoreply", "X-Autorespond"] {
        for no in ["no", "No", "false", "0"] {
            tokens(&genuine().header(header, no).bytes());
        }
        for yes in ["yes", "true", "1"] {
            let read = parse(&genuine().header(header, yes).bytes(), &mail::policy());
            assert_eq!(read, Err(Refused::AutoReply), "{header}: {yes}");
        }
    }
}

#[test]
fn a_notification_with_an_empty_return_path_is_no_delivery_report() {
    tokens(&genuine().header("Return-Path", "<>").bytes());
    let report = String::from_utf8(genuine().bytes()).unwrap().replace("multipart/alternative", "Multipart/Report");
    assert_eq!(parse(report.as_bytes(), &mail::policy()), Err(Refused::Bounce));
}

fn with_attached(inner: &[&Mail]) -> Vec<u8> {
    let mut outer = Mail::new("expiring tokens", String::new(), String::new()).from("priya.nair@corp.example");
    outer.parts = Parts::TextOnly;
    let head = String::from_utf8(outer.without("Auto-Submitted").bytes()).unwrap();
    let mut raw = head[..head.find("Content-Type").unwrap()].to_owned();
    raw += "Content-Type: multipart/mixed; boundary=oo\r\n\r\n--oo\r\nContent-Type: text/plain\r\n\r\nFYI\r\n";
    for mail in inner {
        raw += "--oo\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n";
        raw += std::str::from_utf8(&mail.bytes()).unwrap();
        raw += "\r\n";
    }
    raw += "--oo--\r\n";
    raw.into_bytes()
}

#[test]
fn each_of_several_attached_mails_is_read_as_one_alone_is() {
    let second = mail::resource(GITLAB, "Group", "acme", "scan", 30, false);
    let mut lunch = genuine();
    lunch.subject = "Lunch".into();
    let found = all_tokens(&with_attached(&[&genuine(), &lunch, &second, &genuine()]));
    let names: Vec<&str> = found.iter().flat_map(|tokens| &tokens.names).map(String::as_str).collect();
    assert_eq!(names, ["deploy token", "scan"]);
    assert!(found.iter().all(|tokens| tokens.forwarded));
    let stranger = genuine().from("gitlab@evil.example");
    let read = parse(&with_attached(&[&stranger, &lunch]), &mail::policy());
    assert_eq!(read, Err(Refused::Stranger { from: "gitlab@evil.example".into() }));
}
