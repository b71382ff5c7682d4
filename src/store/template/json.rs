//! One text in a JSON document. Comments and commas at the end are let pass, as in many configuration files.

use super::spelling::Spelling;
use super::{Misfit, Part};
use jsonc_parser::ast::{StringLit, Value};
use jsonc_parser::{CollectOptions, ParseOptions, ParseResult, parse_to_ast};
use std::ops::Range;

const LENIENT: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

pub(super) fn find(text: &str, key: &[String]) -> Result<Vec<Part>, Misfit> {
    at(text, key, |value| match value {
        Value::StringLit(found) => Ok(vec![Part { range: inside(found), spelling: Spelling::Json }]),
        _ => Err(Misfit::new(format!("{} is not a text", key.join(".")), "name a key that holds a text")),
    })
}

/// Gives `use_it` what stands at `key`.
pub(super) fn at<T>(
    text: &str,
    key: &[String],
    use_it: impl FnOnce(&Value<'_>) -> Result<T, Misfit>,
) -> Result<T, Misfit> {
    let parsed = parsed(text)?;
    let mut value = parsed.value.as_ref().ok_or_else(no_json)?;
    for name in key {
        value = step(value, name)?;
    }
    use_it(value)
}

/// The text of one member of an object; `None` if there is no such member.
pub(super) fn text_of<'v, 'a>(object: &'v Value<'a>, name: &str) -> Result<Option<&'v StringLit<'a>>, Misfit> {
    let members = match object {
        Value::Object(object) => object.properties.iter().filter(|property| property.name.as_str() == name),
        _ => return Err(Misfit::missing(&format!("key {name}"))),
    };
    let mut members = members.map(|property| &property.value);
    match (members.next(), members.next()) {
        (None, _) => Ok(None),
        (Some(Value::StringLit(found)), None) => Ok(Some(found)),
        (Some(_), None) => Err(Misfit::new(format!("{name} is not a text"), "name a key that holds a text")),
        _ => Err(Misfit::several(&format!("key {name}"))),
    }
}

/// The bytes of the object at `key`, braces included.
pub(super) fn object(text: &str, key: &[&str]) -> Option<Range<usize>> {
    let parsed = parsed(text).ok()?;
    let mut value = parsed.value.as_ref()?;
    for name in key {
        value = step(value, name).ok()?;
    }
    value.as_object().map(|object| object.range.start..object.range.end)
}

/// The parser's own words may quote the document, so they are not passed on.
fn parsed(text: &str) -> Result<ParseResult<'_>, Misfit> {
    parse_to_ast(text, &CollectOptions::default(), &LENIENT).map_err(|_| no_json())
}

fn no_json() -> Misfit {
    Misfit::new("it is not JSON", "correct the path or the template")
}

/// The bytes between the quotes.
pub(super) fn inside(found: &StringLit<'_>) -> Range<usize> {
    found.range.start + 1..found.range.end - 1
}

fn step<'v, 'a>(value: &'v Value<'a>, name: &str) -> Result<&'v Value<'a>, Misfit> {
    let what = format!("key {name}");
    match value {
        Value::Object(object) => {
            let named = object.properties.iter().filter(|property| property.name.as_str() == name);
            super::only(named.map(|property| &property.value), &what)
        }
        Value::Array(array) => {
            name.parse().ok().and_then(|place: usize| array.elements.get(place)).ok_or_else(|| Misfit::missing(&what))
        }
        _ => Err(Misfit::missing(&what)),
    }
}
