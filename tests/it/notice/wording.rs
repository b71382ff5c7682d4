//! Every template, both wordings, other languages, encodings, line ends and instances.

use super::mail::{self, ENCODINGS, LANGUAGES, Language, PARTS};
use super::samples::{personal, tokens};
use rekey::notice::{Change, Notice, Subject, email};

const GITLAB: &str = "https://gitlab.com";

#[test]
fn lists_are_read_in_every_language_encoding_part_and_line_end() {
    let names = ["deploy-bot", "Größe & Maß <prod> \"x\"", "読み取り専用", "a = b, c; d"];
    for language in LANGUAGES {
        for encoding in ENCODINGS {
            for parts in PARTS {
                for crlf in [true, false] {
                    let mut mail = mail::expiring(GITLAB, 60, &names, language).parts(parts).encoding(encoding);
                    mail.crlf = crlf;
                    let found = tokens(&mail.bytes());
                    let case = format!("{language:?} {encoding:?} {parts:?} crlf {crlf}");
                    assert_eq!(found.names, names, "{case}");
                    assert_eq!((found.days, found.change), (Some(60), Change::AboutToExpire), "{case}");
                    if language != Language::Japanese {
                        assert_eq!(found.subject, personal("svc-bot"), "{case}");
                    }
                }
            }
        }
    }
}

#[test]
fn created_rotated_and_revoked_name_their_token_in_every_form() {
    let cases = [("created", Change::Created), ("rotated", Change::Rotated), ("revoked", Change::Revoked)];
    for (verb, change) in cases {
        for (parts, encoding) in PARTS.into_iter().zip(ENCODINGS) {
            for code in [true, false] {
                let found = tokens(&mail::done(GITLAB, verb, "ci & cd", code).parts(parts).encoding(encoding).bytes());
                assert_eq!((found.change, found.names.as_slice()), (change, ["ci & cd".to_owned()].as_slice()));
            }
        }
    }
}

#[test]
fn project_and_group_tokens_are_read_in_both_wordings() {
    for parts in PARTS {
        for old in [true, false] {
            let mail = mail::resource(GITLAB, "Project", "acme/deep/app", "scan me", 30, old).parts(parts);
            let found = tokens(&mail.bytes());
            assert_eq!(found.subject, Subject::Project { path: "acme/deep/app".into() });
            assert_eq!((found.names.as_slice(), found.days), (["scan me".to_owned()].as_slice(), Some(30)));
            let found = tokens(&mail::resource(GITLAB, "Group", "acme/deep", "g", 7, old).parts(parts).bytes());
            assert_eq!(found.subject, Subject::Group { path: "acme/deep".into() });
            assert_eq!(found.names, ["g"]);
        }
    }
}

#[test]
fn a_leaked_token_that_gitlab_revoked_is_named() {
    let mut mail = mail::done(GITLAB, "revoked", "leaky", false).parts(mail::Parts::TextOnly);
    mail.subject = "A personal access token has been revoked".into();
    mail.text = mail.text.replace(
        "has been revoked.\n",
        "has been revoked.\n\nWe found your token in a public project and have automatically revoked it to protect \
         your account.\n",
    );
    let found = tokens(&mail.bytes());
    assert_eq!((found.change, found.names.as_slice()), (Change::Revoked, ["leaky".to_owned()].as_slice()));
}

#[test]
fn subjects_of_all_generations_are_known() {
    let about = |days| (Change::AboutToExpire, Some(days));
    for (subject, expected) in [
        ("Your personal access tokens will expire in 1 day or less", about(1)),
        ("Your Personal Access Tokens will expire in 7 days or less", about(7)),
        ("Your personal access tokens will expire in 60 days or less | Acme | GitLab", about(60)),
        ("[EXTERNAL] Your personal access tokens will expire in 30 days or less", about(30)),
        ("=?UTF-8?Q?Your_personal_access_tokens_will_expire_in_7_days_or_less?=", about(7)),
        ("Your personal access tokens\n will expire in 7 days\n or less", about(7)),
        ("Your personal access tokens have expired", (Change::Expired, None)),
        ("One or more of you personal access tokens were revoked", (Change::Revoked, None)),
        ("One or more of your personal access tokens were revoked", (Change::Revoked, None)),
    ] {
        let mut mail = mail::expiring(GITLAB, 7, &["a", "b"], Language::English);
        mail.subject = subject.into();
        let found = tokens(&mail.bytes());
        assert_eq!((found.change, found.days), expected, "{subject}");
        assert_eq!(found.names, ["a", "b"], "{subject}");
    }
}

#[test]
fn the_subject_counts_and_never_the_body() {
    let mut mail = mail::expiring(GITLAB, 7, &["has expired in 400 days"], Language::English);
    mail.subject = mail::sentence(30);
    assert_eq!(tokens(&mail.bytes()).days, Some(30));
}

#[test]
fn an_expired_mail_without_names_is_still_a_notice() {
    for intro in ["One or more of your personal access tokens have expired.", "… has expired."] {
        for parts in PARTS {
            let subject = "Your personal access tokens have expired";
            let mail = mail::list_mail(GITLAB, subject, "Hi svc-bot!", intro, &[], Language::English);
            let mut mail = mail.parts(parts);
            mail.html = mail.html.replace("<ul>\n</ul>", "");
            let found = tokens(&mail.bytes());
            assert_eq!((found.change, found.names.len()), (Change::Expired, 0));
        }
    }
}

#[test]
fn a_hundred_tokens_are_all_read_and_no_more() {
    let names: Vec<String> = (0..150).map(|number| format!("token {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for parts in PARTS {
        let found = tokens(&mail::expiring(GITLAB, 7, &names[..100], Language::English).parts(parts).bytes());
        assert_eq!(found.names, names[..100]);
        let found = tokens(&mail::expiring(GITLAB, 7, &names, Language::English).parts(parts).bytes());
        assert_eq!(found.names.len(), 100);
    }
}

#[test]
fn an_instance_whose_mails_use_another_name_is_known_by_the_apis() {
    let mut policy = mail::policy();
    policy.instances[0].known_as = "gitlab.internal".into();
    let notices = email::parse(&mail::expiring(GITLAB, 7, &["x"], Language::English).bytes(), &policy).unwrap();
    assert!(matches!(&notices[..], [Notice::Tokens { host, .. }] if host == "gitlab.internal"));
}

#[test]
fn other_hosts_ports_and_relative_roots_are_kept_apart() {
    let port =
        mail::resource("https://git.example.org:8443", "Group", "platform", "g", 7, true).from("git@example.org");
    assert_eq!(tokens(&port.bytes()).host, "git.example.org:8443");
    let root = "https://tools.example.net/gitlab";
    let relative = mail::expiring(root, 7, &["x"], Language::English).from("gitlab@tools.example.net");
    assert_eq!(tokens(&relative.bytes()).host, "tools.example.net");
    for (kind, path) in [("Project", "acme/app"), ("Group", "acme/sub")] {
        let found = tokens(&mail::resource(root, kind, path, "t", 7, false).from("gitlab@tools.example.net").bytes());
        match found.subject {
            Subject::Project { path } => assert_eq!(path, "acme/app"),
            Subject::Group { path } => assert_eq!(path, "acme/sub"),
            Subject::Personal { .. } => panic!("a resource became a person"),
        }
    }
}

#[test]
fn the_scheme_s_own_port_and_capital_letters_do_not_make_another_host() {
    let mail = mail::expiring("https://GitLab.com:443", 7, &["x"], Language::English);
    assert_eq!(tokens(&mail.bytes()).host, "gitlab.com");
}

#[test]
fn the_older_address_of_the_settings_page_is_known() {
    let mut mail = mail::expiring(GITLAB, 7, &["x"], Language::OldEnglish);
    mail.text = mail.text.replace("user_settings", "profile");
    mail.html = mail.html.replace("user_settings", "profile");
    assert_eq!(tokens(&mail.bytes()).names, ["x"]);
}

#[test]
fn deploy_tokens_are_ignored_with_a_reason() {
    let mut mail = mail::resource(GITLAB, "Project", "acme/app", "t", 7, false);
    mail.subject = "Your deploy token will expire in 7 days or less".into();
    let notices = email::parse(&mail.bytes(), &mail::policy()).unwrap();
    assert!(matches!(&notices[..], [Notice::Ignored { .. }]));
}
