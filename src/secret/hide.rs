//! The one function through which every text goes before it is shown, logged or stored.

use super::digits::{Spelled, is_base64, merged};
use super::document::is_moment;
use super::view::{Reading, View};
use super::{SHORTEST, known, look, view};
use std::ops::Range;

/// What stands in the place of a secret.
const MASK: &str = "[MASKED]";

/// The text without any value that this process knows, however it is spelled and however little of it is there, and
/// without what looks like a credential of anybody else. Hidden again it stays the same.
pub fn hide(text: &str) -> String {
    let Found { mut as_it_stands, spelt } = found(text, true);
    as_it_stands.extend(spelt);
    masked(text, merged(as_it_stands))
}

/// A name, key or date without what this process knows and nobody would choose for a name: words as people write them,
/// numbers and dates stay. A password like `production` must not take the environment of that name out of a plan.
pub(super) fn hide_in_name(name: &str) -> String {
    if is_moment(name) {
        return name.to_owned();
    }
    let Found { as_it_stands, mut spelt } = found(name, false);
    let merged_first = merged(as_it_stands).into_iter();
    spelt.extend(merged_first.filter(|range| !is_chosen(&name[range.clone()])));
    masked(name, merged(spelt))
}

/// Whether people choose such a thing for a name. What is random changes within a word between letters, capitals and
/// digits.
fn is_chosen(part: &str) -> bool {
    let is_number =
        |word: &str| word.trim_matches(['T', 'Z']).split('T').all(|n| n.bytes().all(|b| b.is_ascii_digit()));
    part.split(['-', '_', '/', '.', ':', ' ']).all(|word| look::is_prose(word) || is_number(word))
}

fn masked(text: &str, ranges: Vec<Range<usize>>) -> String {
    let (mut shown, mut at) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        shown.push_str(&text[at..range.start]);
        shown.push_str(MASK);
        at = range.end;
    }
    shown.push_str(&text[at..]);
    shown
}

/// Whether there is anything to hide.
pub fn is_safe(text: &str) -> bool {
    let found = found(text, true);
    found.as_it_stands.is_empty() && found.spelt.is_empty()
}

/// Where something is to be hidden.
#[derive(Default)]
struct Found {
    /// Characters that are in the text themselves, perhaps with white space between.
    as_it_stands: Vec<Range<usize>>,
    /// What only a decoder reads there.
    spelt: Vec<Range<usize>>,
}

fn found(text: &str, by_look: bool) -> Found {
    let mut found = Found::default();
    if text.len() < SHORTEST {
        return found;
    }
    known::with(|pieces| {
        // Names and dates must stay what they are; only words could quote such a value.
        if by_look && pieces.hide_all() {
            found.spelt.push(0..text.len());
            return;
        }
        for Reading { loose, tight } in view::all(text, pieces.sieve()) {
            let mut hit = |view: &View, part: Range<usize>| {
                let range = view.original(part.clone());
                let stands =
                    text[range.clone()].bytes().filter(|byte| !byte.is_ascii_whitespace()).count() == part.len();
                match view.spelled {
                    Spelled::Base64 => found.spelt.push(word_around(text, range)),
                    _ if stands => found.as_it_stands.push(range),
                    _ => found.spelt.push(range),
                }
            };
            pieces.in_view(&tight, |range| hit(&tight, range));
            if by_look {
                look::credentials(&loose.text(), |range| hit(&loose, range));
            }
        }
    });
    found.as_it_stands.retain(|range| !range.is_empty());
    found.spelt.retain(|range| !range.is_empty());
    found
}

/// The whole run of base64 that a part was found in: the rest of it belongs to the same secret or to its neighbours.
fn word_around(text: &str, range: Range<usize>) -> Range<usize> {
    let belongs = |byte: &u8| is_base64(*byte) || *byte == b'=';
    let before = text.as_bytes()[..range.start].iter().rev().take_while(|byte| belongs(byte)).count();
    let after = text.as_bytes()[range.end..].iter().take_while(|byte| belongs(byte)).count();
    range.start - before..range.end + after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    const VALUE: &str = "acme_Zk3-\"q/9+x\\Wm7Tn2Rb&5Yc";

    fn json(text: &str) -> String {
        serde_json::to_string(text).unwrap()
    }

    fn percent(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    /// As programs print their buffers.
    fn lists(text: &str) -> Vec<String> {
        let each = |form: fn(u8) -> String, between: &str| text.bytes().map(form).collect::<Vec<_>>().join(between);
        let pair = |byte: u8| format!("{byte:02x}");
        let number = |byte: u8| byte.to_string();
        vec![
            each(|b| format!("0x{b:02x}"), ", "),
            each(|b| format!("0x{b:02X}"), ",\n        "),
            format!("[{}]", each(number, ", ")),
            format!("[{}]", each(number, " ")),
            each(number, ","),
            each(pair, ":"),
            each(pair, " "),
            each(|b| format!("\\x{b:02x}"), ""),
        ]
    }

    fn spellings(text: &str) -> Vec<String> {
        let mut all = vec![text.to_owned(), json(text), percent(text), format!("{text:?}"), json(&json(&json(text)))];
        for before in ["", "u", "us"] {
            all.push(STANDARD.encode(format!("{before}{text}")));
            all.push(URL_SAFE_NO_PAD.encode(format!("{before}{text}")));
        }
        all.extend([hex::encode(text), hex::encode_upper(text)]);
        all.push(text.bytes().map(|byte| format!("\\x{byte:02x}")).collect());
        all.push(text.chars().map(|c| format!("&#{};", u32::from(c))).collect());
        all.push(text.chars().map(|c| format!("{c}\u{200b}")).collect());
        all.push(text.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect());
        all.push(json(&STANDARD.encode(json(&format!("{{\"auth\": {:?}}}", STANDARD.encode(format!("u:{text}")))))));
        all.push(
            STANDARD.encode(text).as_bytes().chunks(10).map(|line| String::from_utf8_lossy(line) + "\n").collect(),
        );
        all.push(percent(&percent(text)));
        all.extend(lists(text));
        for wide in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = text.encode_utf16().flat_map(wide).collect();
            for before in [&b""[..], b"\xff", b"\xff\xfe"] {
                let bytes = [before, &bytes].concat();
                all.extend([STANDARD.encode(&bytes), hex::encode(&bytes)]);
                all.push(percent_encoding::percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string());
            }
        }
        all
    }

    #[test]
    fn a_known_value_is_hidden_in_every_spelling() {
        let _known = Secret::new(VALUE.into());
        for spelt in spellings(VALUE) {
            let text = format!("it said {spelt} and no more");
            let hidden = hide(&text);
            assert!(hidden.starts_with("it said ") && hidden.ends_with(" and no more"), "{text} became {hidden}");
            for at in 0..spelt.len().saturating_sub(11) {
                let piece = spelt.get(at..at + 12);
                assert!(piece.is_none_or(|piece| !hidden.contains(piece)), "{piece:?} of {spelt} is in {hidden}");
            }
        }
    }

    #[test]
    fn a_list_of_the_bytes_of_utf_16_hides_nothing() {
        let _known = Secret::new(VALUE.into());
        for wide in [u16::to_le_bytes, u16::to_be_bytes] {
            let bytes: Vec<u8> = VALUE.encode_utf16().flat_map(wide).collect();
            for list in lists(&String::from_utf8_lossy(&bytes)) {
                let hidden = hide(&list);
                assert!(hidden.contains("[MASKED]") && hidden.len() < 30, "{list} became {hidden}");
            }
        }
    }

    #[test]
    fn what_is_invisible_only_once_an_escape_is_undone_parts_no_value() {
        let _known = Secret::new("Vq3-nB7-kX2-wD9-mT5".into());
        for between in
            ["\\u001b[31m", "\\x1b[31m", "\\e[31m", "\\033[31m", "\\u200b", "\\u0000", "&#8203;", "%E2%80%8B"]
        {
            let text = format!("it said Vq3-nB7{between}-kX2-{between}wD9-mT5");
            assert_eq!(hide(&text), "it said [MASKED]", "{text}");
        }
    }

    #[test]
    fn twelve_characters_of_it_are_enough_and_a_short_one_counts_as_a_whole() {
        let (_long, _short) = (Secret::new("q7Kx2mPv9RtLw4Zs".into()), Secret::new("hB6%tq1Z".into()));
        assert_eq!(hide("…Kx2mPv9RtLw4 was cut"), "…[MASKED] was cut");
        assert_eq!(hide("…Kx2mPv9RtLw was cut"), "…Kx2mPv9RtLw was cut", "eleven are none");
        assert_eq!(hide("user:hB6%tq1Z!"), "user:[MASKED]!");
        assert_eq!(hide(&format!("x {} y", percent("hB6%tq1Z"))), "x [MASKED] y");
        assert_eq!(hide("hB6%tq1"), "hB6%tq1");
    }

    #[test]
    fn a_piece_far_from_any_escape_beside_nonsense_and_at_every_alignment_is_found() {
        let _known = Secret::new("Tr7-pQ2-xM9-vB4".into());
        let noise = "the quick/brown_fox-jumps 0123abcdef%20 \\n && over\n".repeat(90);
        for before in ["", "a", "ab", "abc"] {
            for spelt in
                [STANDARD.encode(format!("{before}Tr7-pQ2-xM9-vB4")), hex::encode(format!("{before}Tr7-pQ2-xM9-vB4"))]
            {
                let hidden = hide(&format!("{noise}{before}{spelt}{noise}"));
                assert!(hidden.contains("[MASKED]"), "{before} {spelt}");
                assert!(!hidden.contains(&spelt[4..]), "{before} {spelt}");
            }
        }
        let in_json = json(&format!("{{\"auth\": \"{}\"}}", STANDARD.encode("u:Tr7-pQ2-xM9-vB4")));
        let hidden = hide(&format!("{noise}{in_json}{noise}"));
        assert!(hidden.contains("auth") && !hidden.contains("dTpUcjct"), "{hidden}");
    }

    #[test]
    fn a_credential_in_base64_is_known_by_its_look_whatever_is_beside_it() {
        let _known = Secret::new("Tr7-pQ2-xM9-vB4".into());
        let beside = STANDARD.encode("Tr7-pQ2-xM9-vB4");
        let text = format!("{beside} and {}", STANDARD.encode("glpat-AbCdEfGhIjKlMnOpQrSt"));
        assert_eq!(hide(&text), "[MASKED] and [MASKED]");
    }

    #[test]
    fn what_nobody_holds_any_more_is_no_longer_known_and_what_is_empty_or_short_hides_nothing() {
        let (_empty, _short) = (Secret::new(String::new()), Secret::new("token".into()));
        let value = Secret::new("Wn5-rB8-uD1-cX4".into());
        let second = value.duplicate();
        let imprint = value.imprint();
        let digest = value.digest();
        assert_eq!(hide("a token Wn5-rB8-uD1-cX4"), "a token [MASKED]");
        assert!(crate::secret::knows(&digest));
        drop(value);
        assert_eq!(hide("a token Wn5-rB8-uD1-cX4"), "a token [MASKED]");
        drop(second);
        assert_eq!(hide("a token Wn5-rB8-uD1-cX4"), "a token [MASKED]");
        drop(imprint);
        assert_eq!(hide("a token Wn5-rB8-uD1-cX4"), "a token Wn5-rB8-uD1-cX4");
        assert!(!crate::secret::knows(&digest));
    }

    #[test]
    fn a_name_stays_a_name_whatever_somebodys_password_is_and_a_date_is_nobodys_secret() {
        let _weak = Secret::new("environment-production".into());
        let _document = Secret::new(r#"{"token":"Gw4-vC8-nM1-pD6","made":"2026-11-21T14:00:00Z"}"#.into());
        for name in ["environment-production", "2026-11-21T14:09:31Z", "1234567890123456", "approve_plan"] {
            assert_eq!(hide_in_name(name), name);
        }
        assert_eq!(hide("made on 2026-11-21T14:09:31Z"), "made on 2026-11-21T14:09:31Z");
        assert_eq!(hide("it is environment-production"), "it is [MASKED]");
        assert_eq!(hide_in_name("branch-Gw4-vC8-nM1-pD6"), "branch-[MASKED]");
    }

    #[test]
    fn of_a_known_value_a_name_keeps_only_words_numbers_and_dates() {
        let _weak = ["environment production", "acme/deploy-environment", "2026-11-21T14:00:31Z-deploy"]
            .map(|weak| Secret::new(weak.into()));
        let _known = Secret::new("Vq3-nB7-kX2_wD9-mT5".into());
        let _plain = Secret::new("qzxwjvkpbgfd7".into());
        for name in [
            "the environment production of acme",
            "https://h/acme%2Fapp/acme/deploy-environment",
            "2026-11-21T14:00:31Z-deploy",
            "made-2026-11-21T14:00:31Z",
            "deploy-1234567890123456",
        ] {
            assert_eq!(hide_in_name(name), name);
        }
        let piece = "Vq3-nB7-kX2_wD9";
        let octal: String = piece.bytes().map(|byte| format!("\\{byte:03o}")).collect();
        let entities: String = piece.chars().map(|c| format!("&#{};", u32::from(c))).collect();
        let mut spelt = vec![piece.to_owned(), octal, entities, STANDARD.encode(piece), hex::encode(piece)];
        spelt.push("qzxwjvkpbgfd7".into());
        for spelt in spelt {
            assert_eq!(hide_in_name(&format!("branch {spelt}")), "branch [MASKED]", "{spelt}");
        }
        for list in lists(piece) {
            let hidden = hide_in_name(&format!("branch {list} end"));
            assert!(hidden.contains("[MASKED]") && hidden.len() < 24, "{list} became {hidden}");
        }
    }

    #[test]
    fn of_a_document_the_secrets_are_hidden_and_its_words_are_not() {
        for (document, secrets, words) in [
            (
                "machine gitlab.nordwind.example\n  login deploy-person\n  password Fj4kQ9wexy\n\
                 machine b.example login x password plainlowercase\n",
                &["Fj4kQ9wexy", "plainlowercase"][..],
                "no machine gitlab.nordwind.example with login deploy-person in the netrc",
            ),
            (
                r#"{"auths":{"registry.nordwind.example":{"auth":"cm9ib3Q6TmVpZ2hib3VyLTk4NzY="}},"token":"Gg5hTt6yUu"}"#,
                &["Neighbour-9876", "cm9ib3Q6TmVpZ2hib3VyLTk4NzY=", "Gg5hTt6yUu"],
                "auths registry.nordwind.example robot",
            ),
            (
                "# for the runners of nordwind\nexport SITE=https://site.nordwind.example/path\nENVIRONMENT=production\n\
                 API_TOKEN='Kk8jLl9h'\nDATABASE_URL=postgres://person:Mm1nBb2v%21x@db.nordwind.example/app\nEMPTY=\n",
                &["Kk8jLl9h", "Mm1nBb2v%21x", "Mm1nBb2v!x"],
                "SITE https://site.nordwind.example/path production postgres://person db.nordwind.example runners of nordwind",
            ),
            (
                "//registry.nordwind.example/:_authToken=npm_Zz9yXx8w\nregistry=https://registry.nordwind.example/\n",
                &["npm_Zz9yXx8w"],
                "//registry.nordwind.example/:_authToken https://registry.nordwind.example/",
            ),
            (
                "https://robot:Cc3vDd4b@git.nordwind.example/x.git",
                &["Cc3vDd4b"],
                "https://robot git.nordwind.example/x.git",
            ),
            (
                "server:\n  host: web.nordwind.example\n  password: \"two words 77\"\n  list:\n    - Qq1wEe2rTt3y\n",
                &["two words 77", "Qq1wEe2rTt3y"],
                "host: web.nordwind.example password server",
            ),
            ("/usr/local/nordwind/bin:/usr/bin:/bin", &[], "/usr/local/nordwind/bin"),
            ("sqlite:/var/lib/nordwind/Rekey1.db", &[], "/var/lib/nordwind/Rekey1.db cannot be opened"),
        ] {
            let _known = Secret::new(document.into());
            for secret in secrets {
                for spelt in
                    [(*secret).to_owned(), STANDARD.encode(format!("xy{secret}z")), json(secret), hex::encode(secret)]
                {
                    assert!(!is_safe(&spelt), "{secret} as {spelt}");
                }
            }
            for spelt in [document.to_owned(), json(document), STANDARD.encode(document)] {
                let hidden = hide(&spelt);
                assert!(secrets.iter().all(|secret| !hidden.contains(secret)), "{hidden}");
            }
            assert_eq!(hide(words), words);
        }
    }

    #[test]
    fn a_long_document_is_known_to_its_end() {
        let filler = "# a comment on nothing in particular\nSITE=https://site.nordwind.example\n".repeat(4_000);
        let document = Secret::new(format!("{filler}API_TOKEN=Zk8vLm9hQq\n"));
        assert!(document.expose().len() > 256 << 10 && document.can_be_hidden());
        assert_eq!(hide("it said Zk8vLm9hQq"), "it said [MASKED]");
        assert_eq!(hide("it said site.nordwind.example"), "it said site.nordwind.example");
    }

    #[test]
    fn a_credential_of_anybody_is_known_by_its_look() {
        for (text, hidden) in [
            ("> Authorization: Basic dXNlcjpnZWhlaW0=", "> Authorization: Basic [MASKED]"),
            ("* [HTTP/2] [1] [authorization: Bearer short]", "* [HTTP/2] [1] [authorization: Bearer [MASKED]]"),
            (r#"{"Authorization":"Token 9s8d7f6g"}"#, r#"{"Authorization":"Token [MASKED]"}"#),
            (r#"headers={'Authorization': 'Own 9s8d7f6g'}"#, r#"headers={'Authorization': 'Own [MASKED]'}"#),
            ("authorization failed: required for deploy", "authorization failed: required for deploy"),
            ("Authorization: required for user", "Authorization: required for user"),
            ("PRIVATE-TOKEN: abc123", "PRIVATE-TOKEN: [MASKED]"),
            ("-H 'JOB-TOKEN: $CI_JOB_TOKEN'", "-H 'JOB-TOKEN: $CI_JOB_TOKEN'"),
            ("X-Vault-Token=s.12345678", "X-Vault-Token=[MASKED]"),
            ("https://oauth2:geheim@gitlab.example/a.git", "https://oauth2:[MASKED]@gitlab.example/a.git"),
            ("https://oauth2:***@gitlab.example/a.git", "https://oauth2:***@gitlab.example/a.git"),
            ("curl -v -u deploy:geheim1 https://x", "curl -v -u deploy:[MASKED] https://x"),
            ("curl --user 'deploy:geheim1' x", "curl --user 'deploy:[MASKED]' x"),
            ("docker login -u x -p geheim1 host", "docker login -u x -p [MASKED] host"),
            ("GET /x?private_token=geheim1&b=2", "GET /x?private_token=[MASKED]&b=2"),
            ("no password given; token=deploy-bot", "no password given; token=deploy-bot"),
            ("b64 Z2xwYXQtQWJDZEVmR2hJaktsTW5PcFFyU3Q=", "b64 [MASKED]"),
            ("glpat%2DAbCdEfGhIjKlMnOpQrSt", "[MASKED]"),
            ("git@gitlab.example:acme/deploy.git", "git@gitlab.example:acme/deploy.git"),
            ("Basic authentication, bearer authentication", "Basic authentication, bearer authentication"),
        ] {
            assert_eq!(hide(text), hidden);
            assert_eq!(hide(hidden), hidden, "once more");
        }
    }

    #[test]
    fn the_instances_own_prefix_is_known_by_its_look_and_a_project_of_that_name_is_none() {
        crate::secret::expect_prefix("nord/");
        assert_eq!(hide("nord/aB3dE5gH7jK9mN1pQ2rS4t was refused"), "[MASKED] was refused");
        let name = "nord/deployment-of-the-website and nord/infrastructure-2026";
        assert_eq!(hide(name), name);
    }

    proptest! {
        #[test]
        fn hidden_again_it_stays_the_same(text in "\\PC{0,80}", at in 0..5usize) {
            let _known = Secret::new(VALUE.into());
            let parts = [VALUE, "Authorization: Basic abcdefgh", "https://a:b@c", "glpat-AbCdEfGhIjKlMnOp", " -u a:bcdefghi"];
            let once = hide(&format!("{text}{}{text}", parts[at]));
            prop_assert_eq!(hide(&once), once);
        }
    }
}
