//! How a value is spelt inside a document: as it is, between quotes, percent-encoded, inside Docker's `auth`.

use super::Misfit;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use zeroize::Zeroizing;

/// What an address may carry as it is in a password.
const IN_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// How the bytes of a part mean a value.
pub(super) enum Spelling {
    /// As they are; the value may not have blanks, quotes, backslashes or comment signs.
    Bare,
    /// As they are, up to a quote of this kind.
    Quoted(char),
    /// After a backslash, the next character means itself.
    Escaped(&'static [char]),
    /// Inside the quotes of a JSON text.
    Json,
    /// Percent-encoded.
    Address,
    /// Base64 of `user:value`, inside the quotes of a JSON text.
    DockerAuth(String),
}

impl Spelling {
    /// Whether programs read this one where the value stands several times.
    pub(super) fn leads(&self) -> bool {
        matches!(self, Self::DockerAuth(_))
    }

    /// The value that was written there.
    pub(super) fn read(&self, text: &str) -> Result<Secret, Misfit> {
        match self {
            Self::Bare | Self::Quoted(_) => Ok(Secret::new(text.to_owned())),
            Self::Escaped(_) => Ok(unescaped(text)),
            Self::Json => {
                let quoted = Zeroizing::new(format!("\"{text}\""));
                serde_json::from_str(&quoted).map(Secret::new).map_err(|_| garbled())
            }
            Self::Address => {
                let value = percent_decode_str(text).decode_utf8().map_err(|_| garbled())?;
                Ok(Secret::new(value.into_owned()))
            }
            Self::DockerAuth(_) if text.is_empty() => Ok(Secret::new(String::new())),
            Self::DockerAuth(_) => {
                let pair = Zeroizing::new(STANDARD.decode(text).map_err(|_| garbled())?);
                let pair = std::str::from_utf8(&pair).map_err(|_| garbled())?;
                let (_, value) = pair.split_once(':').ok_or_else(garbled)?;
                Ok(Secret::new(value.trim_end_matches('\0').to_owned()))
            }
        }
    }

    /// The value as it is to be written.
    pub(super) fn write(&self, value: &Secret) -> Result<Zeroizing<String>, Misfit> {
        let text = value.expose();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(unfit());
        }
        let spelt = match self {
            Self::Bare if text.contains(|c: char| c.is_whitespace() || "\"'\\#$`".contains(c)) => return Err(unfit()),
            Self::Quoted(quote) if text.contains(*quote) => return Err(unfit()),
            Self::Bare | Self::Quoted(_) => text.to_owned(),
            Self::Escaped(special) => escaped(text, special),
            Self::Json => {
                let quoted = Zeroizing::new(serde_json::to_string(text).map_err(|_| unfit())?);
                quoted[1..quoted.len() - 1].to_owned()
            }
            Self::Address => utf8_percent_encode(text, IN_ADDRESS).to_string(),
            Self::DockerAuth(user) => STANDARD.encode(&*Zeroizing::new(format!("{user}:{text}"))),
        };
        Ok(Zeroizing::new(spelt))
    }
}

fn unescaped(text: &str) -> Secret {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        plain.extend(if c == '\\' { letters.next() } else { Some(c) });
    }
    Secret::new(plain)
}

fn escaped(text: &str, special: &[char]) -> String {
    let mut spelt = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if special.contains(&c) {
            spelt.push('\\');
        }
        spelt.push(c);
    }
    spelt
}

fn garbled() -> Misfit {
    Misfit::new("what stands there is not spelt as it should be", "write the value there once by hand")
}

fn unfit() -> Misfit {
    Misfit::new("the value has characters that cannot stand there", "store the value elsewhere")
}
