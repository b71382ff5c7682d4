//! A QR code made of characters, two rows of dots to a line, small enough for one chat message.

use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};

/// What stands for ink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Dark dots are drawn: for a light background.
    Dark,
    /// Light dots are drawn, the margin too: for a dark background.
    Light,
}

/// The picture; `None` if the text is too long for any.
pub fn picture(text: &str, ink: Ink) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let mut renderer = code.render::<Dense1x2>();
    if ink == Ink::Light {
        renderer.dark_color(Dense1x2::Light).light_color(Dense1x2::Dark);
    }
    let picture = renderer.quiet_zone(true).build();
    // Messengers drop blanks at the end of a block, and with them the margin; this one is no blank to them.
    Some(match picture.strip_suffix(' ') {
        Some(rest) => format!("{rest}\u{2800}"),
        None => picture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use qrcode::Color;

    const TEXT: &str = "otpauth://totp/rekey:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=rekey";

    /// The dots of a picture, row by row: is there ink?
    fn dots(picture: &str) -> Vec<Vec<bool>> {
        let mut rows = Vec::new();
        for line in picture.lines() {
            rows.push(line.chars().map(|dot| matches!(dot, '█' | '▀')).collect());
            rows.push(line.chars().map(|dot| matches!(dot, '█' | '▄')).collect());
        }
        rows
    }

    #[test]
    fn the_dots_are_those_of_the_code_with_a_margin_of_four_and_both_inks_are_negatives() {
        let code = QrCode::with_error_correction_level(TEXT, EcLevel::L).unwrap();
        let (width, colours) = (code.width(), code.to_colors());
        let dark = dots(&picture(TEXT, Ink::Dark).unwrap());
        let light = dots(&picture(TEXT, Ink::Light).unwrap());
        for (y, (dark, light)) in dark.iter().zip(&light).enumerate().take(width + 8) {
            assert_eq!((dark.len(), light.len()), (width + 8, width + 8));
            for x in 0..width + 8 {
                let inside = (4..width + 4).contains(&x) && (4..width + 4).contains(&y);
                let wanted = inside && colours[(y - 4) * width + x - 4] == Color::Dark;
                assert_eq!((dark[x], light[x]), (wanted, !wanted), "{x} {y}");
            }
        }
    }

    #[test]
    fn the_longest_address_still_fits_into_a_message() {
        let long = picture(&"x".repeat(134), Ink::Light).unwrap();
        assert!(long.chars().count() <= 1_400, "{}", long.chars().count());
        assert!(picture(TEXT, Ink::Dark).unwrap().ends_with('\u{2800}'));
    }
}
