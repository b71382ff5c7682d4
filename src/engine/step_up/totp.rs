//! Codes that change every thirty seconds (RFC 6238): six digits, half a minute of leniency to either side.

use crate::rotation::ids::PersonId;
use jiff::Timestamp;
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret, as RFC 4226 recommends.
pub const BYTES: usize = 20;
/// Longest name in an authenticator app; a longer one would make the picture too big for a message.
const LONGEST: usize = 40;

/// The codes of one person.
pub struct Codes(Totp);

impl Codes {
    /// From a secret; `None` if it is too short to be one of ours.
    pub fn new(person: &PersonId, secret: &[u8]) -> Option<Self> {
        let builder = Builder::new().with_algorithm(Algorithm::SHA1).with_digits(6).with_step_duration(30).with_skew(1);
        let builder = builder.with_issuer(Some("rekey")).with_account_name(label(person));
        builder.with_secret(secret).build().ok().map(Self)
    }

    /// The step whose code this is, if it is one of the present, the one before or the one after. Compares in constant
    /// time.
    pub fn step_of(&self, typed: &str, now: Timestamp) -> Option<u64> {
        let digits: String = typed.chars().filter(|symbol| !symbol.is_whitespace()).collect();
        self.0.check(&digits, u64::try_from(now.as_second()).ok()?)
    }

    /// The secret to be typed into an app, in groups of four.
    pub fn to_type(&self) -> String {
        let text = self.0.secret().to_base32();
        let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join(" ")
    }

    /// The address that an app understands.
    pub fn address(&self) -> String {
        self.0.to_url().expect("the name was made to fit")
    }
}

/// The person as an app shows them; apps and addresses do not bear every sign.
fn label(person: &PersonId) -> String {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || matches!(symbol, '.' | '-' | '_');
    let label: String = person.as_str().chars().map(|c| if plain(c) { c } else { '-' }).take(LONGEST).collect();
    if label.is_empty() { "rekey".to_owned() } else { label }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, of which the last six of eight digits are these.
    const RFC: [(i64, &str); 5] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
    ];

    fn codes() -> Codes {
        Codes::new(&"alice".into(), b"12345678901234567890").unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (second, code) in RFC {
            assert_eq!(codes().step_of(code, at(second)), Some(second as u64 / 30), "{second}");
        }
    }

    #[test]
    fn a_code_holds_one_step_early_and_one_step_late_and_no_longer() {
        let (second, code) = RFC[3];
        let begin = second / 30 * 30;
        let accepted: Vec<i64> =
            (-90..120).step_by(15).filter(|shift| codes().step_of(code, at(begin + shift)).is_some()).collect();
        assert_eq!(accepted, [-30, -15, 0, 15, 30, 45]);
        assert_eq!(codes().step_of(" 005 924 ", at(second)), Some(second as u64 / 30), "spaces are no mistake");
        for wrong in ["", "005925", "05924", "0059240", "+05924", "００５９２４", "abcdef"] {
            assert_eq!(codes().step_of(wrong, at(second)), None, "{wrong}");
        }
    }

    #[test]
    fn what_an_app_is_told_is_short_whatever_the_name() {
        assert_eq!(
            codes().address(),
            "otpauth://totp/rekey:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=rekey"
        );
        assert_eq!(codes().to_type(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        let long = Codes::new(&PersonId("slack:Ü".repeat(100)), &[7; BYTES]).unwrap();
        assert!(long.address().len() < 130, "{}", long.address());
        assert!(Codes::new(&"alice".into(), b"short").is_none());
    }
}
