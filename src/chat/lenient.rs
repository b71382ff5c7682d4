//! Reading what messengers send: unknown fields, `null` and values of another shape are facts of life, and no reason
//! to lose a click.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `null`, and a value of another shape, count as absent.
pub fn or_default<'de, D: Deserializer<'de>, T: Default + for<'a> Deserialize<'a>>(input: D) -> Result<T, D::Error> {
    let value = Value::deserialize(input)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}
