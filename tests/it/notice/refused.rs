//! Mails that change nothing, each with its reason.

use super::mail::{self, Language, Mail, PARTS, Parts, results_for};
use super::samples::tokens;
use rekey::notice::email::{Proof, Refused, parse};

const GITLAB: &str = "https://gitlab.com";

fn genuine() -> Mail {
    mail::expiring(GITLAB, 7, &["x"], Language::English)
}

fn refused(mail: &Mail) -> Refused {
    parse(&mail.bytes(), &mail::policy()).expect_err("the mail was accepted")
}

fn with_results(results: &str) -> Mail {
    genuine().without("Authentication-Results").header("Authentication-Results", results)
}

#[test]
fn look_alike_hosts_are_refused_however_they_are_written() {
    for host in [
        "gitlab.com.token-renew.example",
        "gitlab.com:8443",
        "gitlab.com.",
        "gitlab.co",
        "xgitlab.com",
        "www.gitlab.com",
        "gitlab.com@evil.example",
        "gitlab.com:443@evil.example",
        "evil.example\\gitlab.com",
        "gіtlab.com",
        "gitlab。com",
        "gitlab%2ecom",
        "xn--gtlab-o4a.com",
        "git.example.org",
        "[::1]",
    ] {
        for parts in PARTS {
            let mail = mail::expiring(&format!("https://{host}"), 7, &["x"], Language::English).parts(parts);
            assert_eq!(refused(&mail), Refused::LookAlike { host: host.into() }, "{parts:?}");
        }
    }
}

#[test]
fn one_foreign_link_among_good_ones_in_html_is_enough() {
    let mut mail = genuine().parts(Parts::HtmlOnly);
    let foreign = "<a href='https://evil.example/-/user_settings/personal_access_tokens'>here</a>";
    mail.html = mail.html.replace("<p>\nHi", &format!("<p>{foreign}</p><p>\nHi"));
    assert_eq!(refused(&mail), Refused::LookAlike { host: "evil.example".into() });
}

#[test]
fn text_and_html_must_be_about_the_same_instance_and_resource() {
    let mut other = genuine();
    other.html = mail::expiring("https://git.example.org:8443", 7, &["x"], Language::English).html;
    assert_eq!(refused(&other), Refused::Contradictory);
    let mut other = mail::resource(GITLAB, "Project", "acme/app", "t", 7, false);
    other.html = mail::resource(GITLAB, "Project", "acme/other", "t", 7, false).html;
    assert_eq!(refused(&other), Refused::Contradictory);
}

#[test]
fn a_mail_without_a_link_to_settings_names_no_instance() {
    let mut mail = genuine();
    mail.text = mail.text.replace("personal_access_tokens", "x");
    mail.html = mail.html.replace("personal_access_tokens", "x");
    assert_eq!(refused(&mail), Refused::NoLink);
    mail.parts = Parts::TextOnly;
    mail.text =
        "https://gitlab.com/a/../b/-/settings/access_tokens https://gitlab.com//-/settings/access_tokens".into();
    assert_eq!(refused(&mail), Refused::NoLink);
}

#[test]
fn authenticity_is_only_believed_from_our_own_server_and_only_its_topmost_word() {
    let good = results_for("gitlab@mg.gitlab.com");
    tokens(&with_results(&good).bytes());
    assert!(matches!(refused(&genuine().without("Authentication-Results")), Refused::Unauthenticated(_)));
    let foreign = good.replace("mx.corp.example", "mx.evil.example");
    assert!(matches!(refused(&with_results(&foreign)), Refused::Unauthenticated(_)));
    let brought_along = with_results("mx.corp.example; dkim=none").header("Authentication-Results", &good);
    assert!(matches!(refused(&brought_along), Refused::Unauthenticated(_)));
    let ours_above_theirs = with_results("mx.corp.example 1; dmarc=pass header.from=mg.gitlab.com")
        .header("Authentication-Results", "mx.corp.example; dmarc=fail");
    tokens(&ours_above_theirs.bytes());
}

#[test]
fn verdicts_that_prove_the_sender() {
    for results in [
        "dkim=pass header.d=mg.gitlab.com",
        "dkim=pass header.d=gitlab.com",
        "dkim=pass header.i=@mg.gitlab.com header.s=mailo header.b=\"ab=;c\"",
        "dkim=fail header.d=mg.gitlab.com; dkim=pass header.d=mg.gitlab.com",
        "spf=fail smtp.mailfrom=x@y.example; DMARC=Pass (p=REJECT sp=REJECT; dis=NONE) header.from=MG.GitLab.com",
        "dkim/1=pass (2048-bit \\) key) header.d=mg.gitlab.com",
    ] {
        tokens(&with_results(&format!("MX.corp.example; {results}")).bytes());
    }
}

#[test]
fn verdicts_that_prove_nothing() {
    for results in [
        "none",
        "spf=pass smtp.mailfrom=gitlab@mg.gitlab.com",
        "dkim=pass header.d=evil.example",
        "dkim=pass header.d=com",
        "dkim=pass header.d=notmg.gitlab.com.evil.example",
        "dkim=pass header.d=xmg.gitlab.com",
        "dkim=neutral header.d=mg.gitlab.com",
        "dkim=pass",
        "dmarc=pass",
        "dmarc=pass header.from=evil.example",
        "dmarc=pass header.from=evil.example header.from=mg.gitlab.com",
        "dmarc=bestguesspass header.from=mg.gitlab.com",
        "dkim=pass header.d=mg.gitlab.com; dmarc=fail header.from=mg.gitlab.com",
        "spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=mg.gitlab.com\"@evil.example",
        "spf=fail (dmarc=pass header.from=mg.gitlab.com)",
        "spf=fail (unclosed; dmarc=pass header.from=mg.gitlab.com",
        "spf=fail reason=\"unclosed; dmarc=pass header.from=mg.gitlab.com",
        "dkim=fail reason=\"\\\"; dmarc=pass header.from=mg.gitlab.com; x=\"",
    ] {
        let given = parse(&with_results(&format!("mx.corp.example; {results}")).bytes(), &mail::policy());
        assert!(matches!(given, Err(Refused::Unauthenticated(_))), "{results}: {given:?}");
    }
}

#[test]
fn a_signature_over_a_part_of_the_mail_proves_nothing() {
    let mail = genuine().header("DKIM-Signature", "v=1; a=rsa-sha256; d=mg.gitlab.com;\n l=20; b=AAAA");
    assert!(matches!(refused(&mail), Refused::Unauthenticated(_)));
}

#[test]
fn an_authenticated_pickup_needs_no_results_but_still_the_right_sender_and_host() {
    let mut policy = mail::policy();
    policy.proof = Proof::Pickup;
    let bare = genuine().without("Authentication-Results");
    assert!(parse(&bare.bytes(), &policy).is_ok());
    let stranger = genuine().from("gitlab@mg-gitlab.example");
    assert_eq!(parse(&stranger.bytes(), &policy), Err(Refused::Stranger { from: "gitlab@mg-gitlab.example".into() }));
    let elsewhere = super::samples::sample("emails/19-phishing-lookalike-auth-fail.eml");
    let host = "gitlab.com.token-renew.example".to_owned();
    assert_eq!(parse(&elsewhere, &policy), Err(Refused::LookAlike { host }));
}

#[test]
fn a_sender_speaks_only_for_its_own_instance() {
    for from in ["gitlab@mg.gitlab.com", "root@example.org", "git@sub.example.org", "git@example.org.evil.example"] {
        let mail = mail::expiring("https://git.example.org:8443", 7, &["x"], Language::English).from(from);
        assert_eq!(refused(&mail), Refused::Stranger { from: from.into() });
    }
    let mut nobody = mail::policy();
    nobody.instances[0].senders.clear();
    assert!(matches!(parse(&genuine().bytes(), &nobody), Err(Refused::Stranger { .. })));
}

#[test]
fn two_senders_or_none_are_refused() {
    assert_eq!(refused(&genuine().header("From", "evil@evil.example")), Refused::SeveralFrom);
    let listed = genuine().from("gitlab@mg.gitlab.com>, <evil@evil.example");
    assert_eq!(refused(&listed), Refused::SeveralFrom);
    for from in ["", "nobody", "@gitlab.com", "x@", "x@y z"] {
        assert!(
            matches!(refused(&genuine().from(from)), Refused::Malformed(_) | Refused::Unauthenticated(_)),
            "{from}"
        );
    }
    let display = String::from_utf8(genuine().from("evil@evil.example").bytes()).unwrap();
    let display = display.replace("From: GitLab <", "From: \"gitlab@mg.gitlab.com\" <");
    assert!(matches!(parse(display.as_bytes(), &mail::policy()), Err(Refused::Stranger { .. })));
    assert_eq!(refused(&genuine().header("Subject", "two")), Refused::Malformed("two subjects"));
}

#[test]
fn answers_reports_and_our_own_mails_never_come_in() {
    assert_eq!(refused(&genuine().header("In-Reply-To", "<a@b>")), Refused::Reply);
    for prefix in ["Re: ", "RE: ", "AW: ", "Antw: ", "SV:", "[EXT] Re: "] {
        let mut mail = genuine();
        mail.subject = format!("{prefix}{}", mail.subject);
        assert_eq!(refused(&mail), Refused::Reply, "{prefix}");
    }
    let report = String::from_utf8(genuine().bytes()).unwrap().replace("multipart/alternative", "multipart/report");
    assert_eq!(parse(report.as_bytes(), &mail::policy()), Err(Refused::Bounce));
    for value in ["auto-replied", "auto-replied (vacation)", "auto-notified; owner-email=\"a@b\""] {
        assert_eq!(refused(&genuine().without("Auto-Submitted").header("Auto-Submitted", value)), Refused::AutoReply);
    }
    assert_eq!(refused(&genuine().from("Token-Rotation@corp.example")), Refused::OwnMail);
}

#[test]
fn other_subjects_are_not_about_tokens() {
    for subject in [
        "",
        "Your SSH keys will expire in 7 days or less",
        "Your personal access tokens will expire in many days or less",
        "Your personal access tokens will expire in 9999 days or less",
        "Your personal access tokens will expire in 7 days or less, click now",
        "A letter to all who work with us, urgent as ever: Your personal access tokens will expire in 7 days or less",
        "Your personal access token has been stolen",
    ] {
        let mut mail = genuine();
        mail.subject = subject.into();
        assert_eq!(refused(&mail), Refused::NotAnExpiryMail, "{subject}");
    }
}

#[test]
fn what_is_too_big_is_refused_before_it_is_read() {
    let mut policy = mail::policy();
    let raw = genuine().bytes();
    policy.max_bytes = raw.len();
    assert!(parse(&raw, &policy).is_ok());
    policy.max_bytes = raw.len() - 1;
    assert_eq!(parse(&raw, &policy), Err(Refused::TooBig));
    let bomb = "--==_b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(1000);
    let raw = String::from_utf8(raw).unwrap().replace("--==_b--", &format!("{bomb}--==_b--"));
    assert_eq!(parse(raw.as_bytes(), &mail::policy()), Err(Refused::TooBig));
    let nest: String =
        (0..1000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let raw = format!("From: a@b.example\r\nSubject: x\r\n{nest}");
    assert_eq!(parse(raw.as_bytes(), &mail::policy()), Err(Refused::TooBig));
}

#[test]
fn what_is_no_mail_is_malformed() {
    for raw in ["", "\r\n\r\n", "hello", "{\"json\": true}", "\0\0\0"] {
        assert!(matches!(parse(raw.as_bytes(), &mail::policy()), Err(Refused::Malformed(_))), "{raw:?}");
    }
}
