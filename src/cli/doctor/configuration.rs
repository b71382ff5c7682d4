//! What is allowed in the configuration but hardly meant, and whether its secrets stay readable beside the bot.

use super::finding::Finding;
use crate::config::Problem;
use std::io;

/// `stays` says why the environment of the bot keeps its secrets, if it does.
pub(super) fn look(warnings: &[Problem], stays: Option<&io::Error>) -> Vec<Finding> {
    let hardly_meant = |problem: &Problem| Finding::warn(problem.place.to_string(), &problem.message, "");
    let environment = stays.map(|error| {
        let what = format!("the bot cannot start itself anew without the secrets that env: gives it ({error})");
        let mend = "give them by file:, because the environment of a process can be read for as long as it runs";
        Finding::warn("environment", what, mend)
    });
    warnings.iter().map(hardly_meant).chain(environment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::{Area, render};
    use crate::config::Place;

    #[test]
    fn a_system_that_keeps_the_environment_readable_and_what_is_hardly_meant_are_told() {
        let place = Place { file: "rekey.toml".into(), at: Some((3, 9)) };
        let warning = Problem { place, message: "[gitlab]: token: env:T is shorter than 8 characters".into() };
        let stays = io::Error::from(io::ErrorKind::Unsupported);
        insta::assert_snapshot!(render(Area::Configuration, &look(&[warning], Some(&stays)), false), @r"

        Configuration
          warn  rekey.toml:3:9  [gitlab]: token: env:T is shorter than 8 characters
          warn  environment     the bot cannot start itself anew without the secrets that env: gives it (unsupported)
                                → give them by file:, because the environment of a process can be read for as long as it runs
        ");
        assert_eq!(look(&[], None), []);
    }
}
