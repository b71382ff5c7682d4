//! `rekey config check`: everything that is wrong, or one line that nothing is.

use super::CliError;
use crate::config::{Config, Surroundings, WithoutSecrets, load};
use clap::Args;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// What `rekey config check` takes.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Do not look at secrets, for machines that do not have them
    #[arg(long)]
    pub(super) without_secrets: bool,
}

pub(super) fn run(
    args: &CheckArgs,
    path: &Path,
    machine: &(impl Surroundings + Copy),
    output: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let config = if args.without_secrets { load(path, &WithoutSecrets(*machine)) } else { load(path, machine) }?;
    let print = |source| CliError::Io { what: "the result cannot be printed".into(), source };
    for warning in &config.warnings {
        writeln!(output, "{warning}").map_err(print)?;
    }
    writeln!(output, "{}: ok, {}", path.display(), summary(&config)).map_err(print)?;
    Ok(ExitCode::SUCCESS)
}

fn summary(config: &Config) -> String {
    let count = |number: usize, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    };
    let tokens = count(config.tokens.len(), "token", "tokens");
    let people = count(config.people.len(), "person", "people");
    match config.warnings.len() {
        0 => format!("{tokens}, {people}"),
        warnings => format!("{tokens}, {people}, {}", count(warnings, "warning", "warnings")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Machine;

    fn checked(text: &str) -> Result<String, CliError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rekey.toml");
        std::fs::write(&path, text).unwrap();
        let mut output = Vec::new();
        run(&CheckArgs { without_secrets: true }, &path, &Machine, &mut output)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_good_configuration_is_one_line() {
        let text = "[gitlab]\nurl = \"https://gitlab.example.com\"\ntoken = \"env:T\"\n[issues]\nproject = \"a/b\"\n";
        assert!(checked(text).unwrap().ends_with("rekey.toml: ok, 0 tokens, 0 people\n"));
    }

    #[test]
    fn a_bad_one_is_an_error_with_all_that_is_wrong() {
        let told = checked("[gitlab]\nurl = 1\n").unwrap_err().to_string();
        assert!(told.contains("rekey.toml:2:7: [gitlab]: url must be text in quotes"), "{told}");
        assert!(told.contains("[issues] is missing"), "{told}");
    }
}
