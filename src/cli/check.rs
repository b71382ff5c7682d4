//! `rekey config check`: everything that is wrong, or one line that nothing is.

use super::CliError;
use crate::app::check_doors;
use crate::config::{Config, ConfigErrors, Problem, Surroundings, WithoutSecrets, load};
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// What `rekey config check` takes.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Do not look at secrets, for machines that do not have them
    #[arg(long)]
    pub(super) without_secrets: bool,
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) fn run(
    args: &CheckArgs,
    path: &Path,
    machine: &(impl Surroundings + Copy),
    output: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let config = if args.without_secrets { load(path, &WithoutSecrets(*machine)) } else { load(path, machine) };
    if args.json {
        return as_json(args, path, config, output);
    }
    let config = config?;
    if !args.without_secrets {
        check_doors(&config)
            .map_err(|error| CliError::failed(error.to_string(), "mend it, or `rekey serve` does not start"))?;
    }
    let print = |source| CliError::Io { what: "the result cannot be printed".into(), source };
    for warning in &config.warnings {
        writeln!(output, "{warning}").map_err(print)?;
    }
    writeln!(output, "{}: ok, {}", path.display(), summary(&config)).map_err(print)?;
    Ok(ExitCode::SUCCESS)
}

/// The same for programs, with every problem at its place.
fn as_json(
    args: &CheckArgs,
    path: &Path,
    config: Result<Config, ConfigErrors>,
    output: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let (config, mut problems) = match config {
        Ok(config) => (Some(config), Vec::new()),
        Err(errors) => (None, errors.0.iter().map(placed).collect()),
    };
    let doors = config.as_ref().filter(|_| !args.without_secrets).map(check_doors);
    if let Some(Err(error)) = doors {
        let file = path.display().to_string();
        problems.push(json!({ "file": file, "line": null, "column": null, "message": error.to_string() }));
    }
    let warnings = config.iter().flat_map(|config| &config.warnings).map(placed);
    let verdict = if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    let document = json!({
        "file": path.display().to_string(), "ok": problems.is_empty(), "problems": problems,
        "warnings": warnings.collect::<Vec<_>>(),
        "tokens": config.as_ref().map(|config| config.tokens.len()),
        "people": config.as_ref().map(|config| config.people.len()),
    });
    let print = |source| CliError::Io { what: "the result cannot be printed".into(), source };
    writeln!(output, "{document:#}").map_err(print)?;
    Ok(verdict)
}

fn placed(problem: &Problem) -> Value {
    let (line, column) = problem.place.at.unzip();
    json!({ "file": &*problem.place.file, "line": line, "column": column, "message": problem.message })
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
        run(&CheckArgs { without_secrets: true, json: false }, &path, &Machine, &mut output)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn a_good_configuration_is_one_line() {
        let text = "[gitlab]\nurl = \"https://gitlab.example.com\"\ntoken = \"env:T\"\n[issues]\nproject = \"a/b\"\n";
        assert!(checked(text).unwrap().ends_with("rekey.toml: ok, 0 tokens, 0 people\n"));
    }

    #[test]
    fn a_secret_with_which_the_bot_would_not_start_is_told_unless_secrets_are_not_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rekey.toml");
        let short = folder.path().join("short");
        std::fs::write(&short, "aa").unwrap();
        std::fs::set_permissions(&short, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let slack = "token = \"file:short\"\nsigning_secret = \"file:short\"\nteam = \"T1\"\nchannel = \"C1\"\n";
        let text = format!(
            "[gitlab]\nurl = \"https://gitlab.example.com\"\ntoken = \"file:short\"\n[issues]\nproject = \"a/b\"\n\
             [slack]\n{slack}"
        );
        std::fs::write(&path, text).unwrap();
        let check =
            |without_secrets| run(&CheckArgs { without_secrets, json: false }, &path, &Machine, &mut Vec::new());
        let told = check(false).unwrap_err().to_string();
        let why = "[slack] signing_secret file:short: a signing secret needs at least 16 bytes";
        assert_eq!(told, format!("{why}; mend it, or `rekey serve` does not start"));
        assert!(check(true).is_ok());
    }

    #[test]
    fn a_directory_and_text_in_another_encoding_are_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| {
            run(&CheckArgs { without_secrets: true, json: false }, path, &Machine, &mut Vec::new())
                .unwrap_err()
                .to_string()
        };
        assert!(told(folder.path()).contains(": this is a directory; name a file"), "{}", told(folder.path()));
        let latin = folder.path().join("latin.toml");
        std::fs::write(&latin, b"# caf\xe9\n").unwrap();
        assert!(told(&latin).contains(": the file is not UTF-8; save it as UTF-8"), "{}", told(&latin));
    }

    #[test]
    fn a_bad_one_is_an_error_with_all_that_is_wrong() {
        let told = checked("[gitlab]\nurl = 1\n").unwrap_err().to_string();
        assert!(told.contains("rekey.toml:2:7: [gitlab]: url must be text in quotes"), "{told}");
        assert!(told.contains("[issues] is missing"), "{told}");
    }
}
