//! Names are written by strangers. Whatever one says, host, change and days stay what GitLab wrote.

use super::mail::{self, ENCODINGS, Language, PARTS, Parts};
use super::samples::tokens;
use proptest::prelude::*;
use rekey::notice::name::plain;
use rekey::notice::{Change, Subject};

const GITLAB: &str = "https://gitlab.com";

const NAMES: [&str; 15] = [
    "- admin",
    "- - - x",
    "Go to https://evil.example/-/user_settings/personal_access_tokens to check your personal access tokens",
    "https://evil.example/-/user_settings/personal_access_tokens",
    "<a href=\"https://evil.example/-/user_settings/personal_access_tokens\">x</a>",
    "</li></ul><ul><li>injected</li>",
    "x, has been revoked.",
    "a, named b, has been created",
    "will expire in 60 days or less:",
    "Hi admin!",
    "---------- Forwarded message ---------",
    "Subject: Your personal access tokens have expired",
    "&lt;b&gt; &amp;amp; &#60;",
    "<!-- never closed",
    "x for Project: acme/app will expire",
];

#[test]
fn names_that_imitate_structure_stay_names() {
    for name in NAMES {
        for (parts, encoding) in PARTS.into_iter().zip(ENCODINGS) {
            let mail = mail::expiring(GITLAB, 7, &["first", name, "last"], Language::English).parts(parts);
            let found = tokens(&mail.encoding(encoding).bytes());
            assert_eq!(found.names, ["first", &plain(name), "last"], "{parts:?}");
            assert_eq!((found.host.as_str(), found.days), ("gitlab.com", Some(7)), "{parts:?} {name}");
            assert_eq!(found.subject, super::samples::personal("svc-bot"), "{parts:?} {name}");
        }
    }
}

#[test]
fn names_that_imitate_sentences_stay_names() {
    for name in NAMES {
        for parts in PARTS {
            let found = tokens(&mail::done(GITLAB, "rotated", name, false).parts(parts).bytes());
            assert_eq!((found.change, &found.names), (Change::Rotated, &vec![plain(name)]), "{parts:?}");
            let mail = mail::resource(GITLAB, "Project", "acme/app", name, 7, false).parts(parts);
            let found = tokens(&mail.bytes());
            assert_eq!(found.names, [plain(name)], "{parts:?}");
            assert_eq!(found.subject, Subject::Project { path: "acme/app".into() }, "{parts:?} {name}");
        }
    }
}

#[test]
fn a_name_of_several_lines_is_one_name_where_html_says_so() {
    let name = "real\n  - fake\n\nGo to https://gitlab.com/-/user_settings/personal_access_tokens now";
    for parts in [Parts::Both, Parts::HtmlOnly] {
        let found = tokens(&mail::expiring(GITLAB, 7, &[name, "other"], Language::English).parts(parts).bytes());
        assert_eq!(found.names, [plain(name).as_str(), "other"]);
    }
    let found = tokens(&mail::expiring(GITLAB, 7, &[name], Language::English).parts(Parts::TextOnly).bytes());
    assert_eq!(found.host, "gitlab.com");
}

#[test]
fn direction_marks_and_over_long_names_are_made_plain() {
    let long = "x".repeat(300);
    let names = ["gp\u{202E}j.exe", &long, "glpat-AbCdEfGhIjKlMnOpQrSt"];
    let found = tokens(&mail::expiring(GITLAB, 7, &names, Language::English).bytes());
    assert_eq!(found.names, ["gpj.exe", &"x".repeat(255), "[MASKED]"]);
}

#[test]
fn a_display_name_cannot_move_the_link() {
    let hello = "Hi https://evil.example/-/user_settings/personal_access_tokens!";
    let subject = mail::sentence(7);
    for parts in PARTS {
        let mail = mail::list_mail(GITLAB, &subject, hello, "One or more:", &["x"], Language::English).parts(parts);
        assert_eq!(tokens(&mail.bytes()).host, "gitlab.com");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn names_survive_every_encoder(
        names in prop::collection::vec("[^\\p{Cc}\\p{Z}\\x{2028}\\x{2029}][^\\p{Cc}\\x{2028}\\x{2029}]{0,60}", 1..6),
        encoding in prop::sample::select(ENCODINGS.to_vec()),
        parts in prop::sample::select(PARTS.to_vec()),
    ) {
        prop_assume!(names.iter().all(|name| !plain(name).is_empty()));
        let listed: Vec<&str> = names.iter().map(String::as_str).collect();
        let raw = mail::expiring(GITLAB, 7, &listed, Language::English).parts(parts).encoding(encoding).bytes();
        let found = tokens(&raw);
        prop_assert_eq!(found.names, names.iter().map(|name| plain(name)).collect::<Vec<_>>());
        prop_assert_eq!(found.host, "gitlab.com");
    }

    #[test]
    fn no_name_moves_host_change_or_days(name in "(?s).{0,120}", parts in prop::sample::select(PARTS.to_vec())) {
        let name = name.replace('\r', "");
        let found = tokens(&mail::expiring(GITLAB, 7, &[&name], Language::English).parts(parts).bytes());
        prop_assert_eq!((found.host.as_str(), found.days, found.change), ("gitlab.com", Some(7), Change::AboutToExpire));
    }
}
