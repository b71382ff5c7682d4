//! The password in an address such as `https://user:password@host/path`, one address a line, as in `.git-credentials`.

use super::spelling::Spelling;
use super::{Misfit, Part, alike, lines};
use percent_encoding::percent_decode_str;
use std::ops::Range;

struct Found<'l> {
    user: &'l str,
    host: &'l str,
    password: Range<usize>,
}

pub(super) fn find(text: &str, host: Option<&str>, user: Option<&str>) -> Result<Vec<Part>, Misfit> {
    let fits = |found: &Found<'_>| {
        let name = percent_decode_str(found.user).decode_utf8_lossy();
        host.is_none_or(|host| host.eq_ignore_ascii_case(found.host)) && user.is_none_or(|user| user == name)
    };
    let found = lines(text).filter_map(|(at, line)| parse(at, line)).filter(fits);
    let part = |found: Found<'_>| Ok(Part { range: found.password, spelling: Spelling::Address });
    alike(text, found.map(part), "address with user and password")
}

fn parse(at: usize, line: &str) -> Option<Found<'_>> {
    let scheme = line.find("://")? + 3;
    let authority = line[scheme..].split(['/', '?', '#']).next()?;
    let (who, host) = authority.rsplit_once('@')?;
    let (user, password) = who.split_once(':')?;
    let start = at + scheme + user.len() + 1;
    Some(Found { user, host, password: start..start + password.len() })
}
