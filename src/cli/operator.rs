//! Who works on the command line: the operating system's user, whoever `--as` names. The journal has it in every line
//! that a command writes.

/// Such as `uid 1000 (deploy)`, and who logged in where that is another.
#[cfg(unix)]
pub(super) fn operator() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = whoami::username().map(|name| format!(" ({})", plain(&name))).unwrap_or_default();
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let other = login.and_then(|text| text.trim().parse::<u32>().ok()).filter(|login| ![uid, u32::MAX].contains(login));
    let login = other.map(|login| format!(", logged in as uid {login}")).unwrap_or_default();
    format!("uid {uid}{name}{login}")
}

/// Other systems know people by name only.
#[cfg(not(unix))]
pub(super) fn operator() -> String {
    whoami::username().map_or_else(|_| "an unknown user".into(), |name| format!("user {}", plain(&name)))
}

/// A name that reads as one word in a line.
fn plain(name: &str) -> String {
    name.chars().filter(|symbol| symbol.is_ascii_alphanumeric() || "._-".contains(*symbol)).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_user_of_the_system_is_named_by_number() {
        let uid = rustix::process::getuid().as_raw();
        assert!(operator().starts_with(&format!("uid {uid}")), "{}", operator());
    }

    #[test]
    fn a_name_cannot_pose_as_more_than_a_name() {
        assert_eq!(plain("eve) for alice via slack"), "eveforaliceviaslack");
    }
}
