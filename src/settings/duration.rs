//! Lengths of time as people write them: `45s`, `15m`, `1h`, `3d`, `1h 30m`. Whole seconds are enough for us.

/// Seconds in a text such as `1h 30m`, or `None` if it is not one.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut digits = String::new();
    let mut parts = 0;
    for symbol in text.chars().filter(|symbol| !symbol.is_whitespace()) {
        if symbol.is_ascii_digit() {
            digits.push(symbol);
            continue;
        }
        let amount: u64 = digits.parse().ok()?;
        total = total.checked_add(amount.checked_mul(unit(symbol)?)?)?;
        digits.clear();
        parts += 1;
    }
    (parts > 0 && digits.is_empty()).then_some(total)
}

fn unit(symbol: char) -> Option<u64> {
    Some(match symbol {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_lengths_of_time_with_units() {
        for (text, expected) in [("45s", 45), ("15m", 900), ("3d", 259_200), ("1h 30m", 5_400), ("1w", 604_800)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn numbers_without_unit_and_nonsense_are_refused() {
        for text in ["", "15", "m", "15 minutes", "1.5h", "-3d", "3d4", "99999999999999999999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
