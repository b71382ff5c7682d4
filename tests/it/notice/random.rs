//! Bytes that nobody meant: no input may make a parser panic, and damage never opens a door.

use super::mail::policy;
use super::samples::sample;
use proptest::prelude::*;
use rekey::notice::Notice;
use rekey::notice::email::{self, html, parse, text};

const SAMPLES: [&str; 5] = [
    "01-pat-7d-one-token-gitlabcom.eml",
    "02-pat-30d-four-tokens-gitlabcom-base64.eml",
    "05-group-access-token-30d-selfmanaged-port.eml",
    "15-forwarded-inline-by-colleague.eml",
    "19-phishing-lookalike-auth-fail.eml",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_bytes_never_panic(raw in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(parse(&raw, &policy()).is_err());
    }

    #[test]
    fn arbitrary_headers_and_bodies_never_panic(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "From: a@gitlab.com", "From:", "Subject: Your personal access tokens have expired", "Subject:",
                "Content-Type: multipart/mixed; boundary=b", "Content-Type: message/rfc822", "Content-Type: text/html",
                "Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable", "--b", "--b--", "",
                "<ul><li>x", "  - x", "=", "=E4", "Authentication-Results: mx.corp.example; dkim=pass header.d=gitlab.com",
                "https://gitlab.com/-/user_settings/personal_access_tokens", "<a href=", "&#x110000;", "&#xD800;", "<!--",
            ]),
            0..30,
        ),
        crlf in any::<bool>(),
    ) {
        let _ = parse(lines.join(if crlf { "\r\n" } else { "\n" }).as_bytes(), &policy());
    }

    #[test]
    fn damaged_samples_never_panic_and_never_name_a_foreign_host(
        file in prop::sample::select(SAMPLES.to_vec()),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..12),
    ) {
        let mut raw = sample(&format!("emails/{file}"));
        for (at, byte, how) in damage {
            let at = at.index(raw.len());
            match how {
                0 => raw[at] = byte,
                1 => drop(raw.remove(at)),
                _ => raw.insert(at, byte),
            }
        }
        for notice in parse(&raw, &policy()).unwrap_or_default() {
            let Notice::Tokens { host, names, .. } = notice else { continue };
            prop_assert!(policy().instance(&host).is_some());
            prop_assert!(names.len() <= 100);
        }
    }

    #[test]
    fn cut_samples_never_panic(file in prop::sample::select(SAMPLES.to_vec()), at in any::<prop::sample::Index>()) {
        let raw = sample(&format!("emails/{file}"));
        let _ = parse(&raw[..at.index(raw.len())], &policy());
    }

    #[test]
    fn html_and_text_scanners_take_anything(soup in "(<[a-z/!-]{0,6}|[<>&\"'= ;#]|href|code|li|é|\\PC|\n){0,80}") {
        html::blocks(&soup);
        text::blocks(&soup, true);
        email::subject::Line::read(&soup);
        let _ = email::link::resolve(&format!("https://{soup}"), &policy());
    }
}

#[test]
fn a_million_bytes_of_markup_are_walked_once() {
    for piece in ["<", "<a href=\"", "<li>", "&", "<!--", "<code>", "<style>", "</", "&#", "- x\n", "<a b=c "] {
        let soup = piece.repeat(1_000_000 / piece.len());
        assert!(html::blocks(&soup).len() <= text::MOST_BLOCKS + 1);
        assert!(text::blocks(&soup, false).len() <= text::MOST_BLOCKS);
    }
}
