//! Names are written by strangers and travel through text, HTML and mail clients. Here they get one plain form,
//! so that a name from a mail and the same name from GitLab's API compare equal, and none can disguise itself.

/// GitLab's own limit for the name of a token.
const LONGEST: usize = 255;

/// One line without control, direction or invisible characters, white space collapsed, at most 255 characters,
/// and masked where it looks like a token's value. Applying it twice changes nothing.
pub fn plain(name: &str) -> String {
    let once = crate::secret::hide(&visible(name));
    // Masking changes the length, so the cut comes last; the cut may leave a space at the end.
    let cut: String = once.chars().take(LONGEST).collect();
    cut.trim_end().to_owned()
}

fn visible(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars().filter(|c| !is_invisible(*c)) {
        if !(c.is_whitespace() || c.is_control()) {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Direction marks, zero-width characters and tags. Joiners stay: scripts and emoji need them.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

#[cfg(test)]
mod tests {
    use super::plain;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_turn_its_neighbours_around_or_break_the_line() {
        assert_eq!(plain("ci\u{202E}drowssap\u{2066}\r\n\t deploy\u{a0}\u{200b} "), "cidrowssap deploy");
        assert_eq!(plain("قراءة فقط 👩\u{200d}💻"), "قراءة فقط 👩\u{200d}💻");
    }

    #[test]
    fn a_name_that_is_a_token_value_is_masked() {
        assert_eq!(plain("old glpat-AbCdEfGhIjKlMnOpQrSt"), "old [MASKED]");
    }

    proptest! {
        #[test]
        fn the_plain_form_is_stable_and_short(name in "\\PC{0,300}") {
            let once = plain(&name);
            prop_assert!(once.chars().count() <= 255);
            prop_assert_eq!(plain(&once), once);
        }
    }
}
