//! Mails that a person passed on: inline by the common clients, and as an attachment.

use super::mail::{self, Encoding, Language, Mail, PARTS, Parts};
use super::samples::{personal, tokens};
use rekey::notice::email::{Refused, parse};

const GITLAB: &str = "https://gitlab.com";
const PRIYA: &str = "priya.nair@corp.example";

fn original() -> Mail {
    mail::expiring(GITLAB, 7, &["deploy-bot", "scan"], Language::English)
}

fn forwarded(prefix: &str, head: &str, quote: &str) -> Mail {
    let original = original();
    let quoted: String = original.text.lines().map(|line| format!("{quote}{line}\n")).collect();
    let text = format!("Hi team!\n\nplease look:\n- today\n- or tomorrow\n\n{head}\n\n{quoted}");
    let html = original.html.replace("<p>\nHi", &format!("<p>Hi team!</p><ul><li>today</li></ul><p>{head}</p><p>\nHi"));
    let mut mail = Mail::new(&format!("{prefix}{}", original.subject), text, html).from(PRIYA);
    mail = mail.without("Auto-Submitted");
    mail
}

#[test]
fn every_client_s_way_of_forwarding_inline_is_understood() {
    let gmail = "---------- Forwarded message ---------\nFrom: GitLab <gitlab@mg.gitlab.com>\n\
                 Date: Sat, Nov 21, 2026 at 2:00 AM\nSubject: Your tokens\nTo: <x@corp.example>";
    let outlook = "-----Original Message-----\nFrom: GitLab <gitlab@mg.gitlab.com> \n\
                   Sent: Saturday, 21 November 2026 01:00\nTo: x@corp.example\nSubject: Your tokens";
    let german = "________________________________\nVon: GitLab <gitlab@mg.gitlab.com>\n\
                  Gesendet: Samstag, 21. November 2026 01:00\nAn: x@corp.example\nBetreff: Your tokens";
    let apple = "Begin forwarded message:\n\n> From: GitLab <gitlab@mg.gitlab.com>\n> Subject: Your tokens\n> ";
    for (prefix, head, quote) in
        [("Fwd: ", gmail, ""), ("FW: ", outlook, ""), ("WG: ", german, ""), ("Fwd: ", apple, "> ")]
    {
        for parts in PARTS {
            let found = tokens(&forwarded(prefix, head, quote).parts(parts).bytes());
            assert_eq!(found.names, ["deploy-bot", "scan"], "{prefix}{parts:?}");
            assert_eq!((found.from.as_str(), found.forwarded), (PRIYA, true));
            assert_eq!((found.host.as_str(), found.subject), ("gitlab.com", personal("svc-bot")), "{prefix}{parts:?}");
        }
    }
}

#[test]
fn outlook_s_html_with_paragraphs_inside_items_is_understood() {
    let mut mail = forwarded("FW: ", "From: GitLab", "").parts(Parts::HtmlOnly);
    mail.html = mail
        .html
        .replace("<li>", "<li class=MsoListParagraph style='a:b'><p class=MsoNormal><span>")
        .replace("</li>", "<o:p></o:p></span></p></li>")
        .replace("<ul>", "<![if !supportLists]><ul type=disc><!--[if gte mso 9]><xml>x > y</xml><![endif]-->");
    assert_eq!(tokens(&mail.bytes()).names, ["deploy-bot", "scan"]);
}

fn attached(inner: &Mail, base64: bool) -> Vec<u8> {
    let mut outer = Mail::new("please handle", String::new(), String::new()).from(PRIYA).without("Auto-Submitted");
    outer.parts = Parts::TextOnly;
    let head = String::from_utf8(outer.bytes()).unwrap();
    let head = &head[..head.find("Content-Type").unwrap()];
    let inner = String::from_utf8(inner.bytes()).unwrap();
    let (encoding, inner) = match base64 {
        true => {
            use base64::Engine as _;
            ("base64", base64::engine::general_purpose::STANDARD.encode(inner))
        }
        false => ("7bit", inner),
    };
    format!(
        "{head}Content-Type: multipart/mixed; boundary=oo\r\n\r\n--oo\r\nContent-Type: text/plain\r\n\r\nFYI\r\n--oo\r\n\
         Content-Type: message/rfc822; name=\"mail.eml\"\r\nContent-Transfer-Encoding: {encoding}\r\n\
         Content-Disposition: attachment\r\n\r\n{inner}\r\n--oo--\r\n"
    )
    .into_bytes()
}

#[test]
fn an_attached_mail_is_read_as_if_it_had_come_itself() {
    for encoding in [Encoding::Plain, Encoding::QuotedPrintable, Encoding::Base64] {
        for wrapped in [false, true] {
            let found = tokens(&attached(&original().encoding(encoding), wrapped));
            assert_eq!((found.from.as_str(), found.forwarded), (PRIYA, true));
            assert_eq!((found.names.len(), found.days), (2, Some(7)));
        }
    }
}

#[test]
fn an_attached_mail_of_another_sender_or_host_is_refused() {
    let stranger = attached(&original().from("gitlab@evil.example"), false);
    assert_eq!(parse(&stranger, &mail::policy()), Err(Refused::Stranger { from: "gitlab@evil.example".into() }));
    let elsewhere = mail::expiring("https://gitlab.com.evil.example", 7, &["x"], Language::English);
    assert!(matches!(parse(&attached(&elsewhere, false), &mail::policy()), Err(Refused::LookAlike { .. })));
}

#[test]
fn an_attached_reply_is_a_reply() {
    for prefix in ["Re: ", "Fwd: "] {
        let mut inner = original();
        inner.subject = format!("{prefix}{}", inner.subject);
        assert_eq!(parse(&attached(&inner, false), &mail::policy()), Err(Refused::Reply), "{prefix}");
    }
}

#[test]
fn a_list_that_the_person_wrote_is_no_list_of_tokens() {
    let mut mail = forwarded("Fwd: ", "From: GitLab", "");
    mail.subject = "Fwd: Your personal access tokens have expired".into();
    mail.text = mail.text.replace("  - deploy-bot\n  - scan\n", "");
    mail.html = mail.html.replace("<li>deploy-bot</li>\n<li>scan</li>\n", "");
    for parts in PARTS {
        assert_eq!(tokens(&mail.clone().parts(parts).bytes()).names, Vec::<String>::new(), "{parts:?}");
    }
}

#[test]
fn only_people_of_the_policy_may_forward() {
    for from in ["someone@elsewhere.example", "gitlab@mg.gitlab.com", "x@sub.corp.example"] {
        let raw = forwarded("Fwd: ", "From: GitLab", "").from(from).bytes();
        assert_eq!(parse(&raw, &mail::policy()), Err(Refused::Stranger { from: from.into() }));
    }
    let mut nobody = mail::policy();
    nobody.forwarders.clear();
    let raw = forwarded("Fwd: ", "From: GitLab", "").bytes();
    assert_eq!(parse(&raw, &nobody), Err(Refused::Stranger { from: PRIYA.into() }));
}

#[test]
fn a_forwarded_look_alike_is_refused_although_the_person_is_genuine() {
    let mut mail = forwarded("Fwd: ", "From: GitLab", "");
    mail.html = mail.html.replace("https://gitlab.com/-/user", "https://gitlab.com.token-renew.example/-/user");
    mail.text = mail.text.replace("https://gitlab.com/-/user", "https://gitlab.com.token-renew.example/-/user");
    let expected = Err(Refused::LookAlike { host: "gitlab.com.token-renew.example".into() });
    for parts in PARTS {
        assert_eq!(parse(&mail.clone().parts(parts).bytes(), &mail::policy()), expected);
    }
}

#[test]
fn an_answer_to_a_forwarded_mail_is_a_reply() {
    for prefix in ["Re: Fwd: ", "AW: WG: ", "Fwd: Re: ", "RE[2]: FW: "] {
        let raw = forwarded(prefix, "From: GitLab", "").bytes();
        assert_eq!(parse(&raw, &mail::policy()), Err(Refused::Reply), "{prefix}");
    }
}
