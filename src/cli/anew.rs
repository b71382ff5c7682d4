//! The bot starts itself anew without the secrets that its environment gave it: an environment stays readable under
//! `/proc` for as long as a process lives, whatever the process does with it. They travel in memory that has no name,
//! under the same process number, and are wiped there once they were read.

use crate::config::{Machine, Surroundings};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Says where the values are; no secret itself.
const WHERE: &str = "REKEY_ENVIRONMENT_FD";

/// Our own program, wherever it lies by now.
const OURSELVES: &str = "/proc/self/exe";

/// What the configuration names of the environment, by name.
type Values = BTreeMap<String, Zeroizing<String>>;

/// This machine, with what was carried over from the environment before, and a list of what was asked for.
pub(super) struct Here {
    carried: Option<Values>,
    asked: RefCell<Values>,
}

impl Here {
    /// Takes over what there is.
    pub(super) fn new() -> Self {
        let place = std::env::var(WHERE).ok().and_then(|number| number.parse::<u32>().ok());
        Self { carried: place.and_then(taken_over), asked: RefCell::default() }
    }

    /// Why a bot that is started like this one would keep the secrets of its environment, if it would.
    pub(super) fn would_stay(&self) -> Option<io::Error> {
        let exists = |_| std::fs::metadata(OURSELVES).map(drop);
        if self.asked.borrow().is_empty() { None } else { carrier(&Values::new()).and_then(exists).err() }
    }

    /// Does not come back where the configuration took secrets from the environment and the system allows it; where it
    /// does not, says why.
    pub(super) fn without_secrets(&self) -> Option<io::Error> {
        let asked = self.asked.borrow();
        (self.carried.is_none() && !asked.is_empty()).then(|| start_anew(&asked))
    }
}

impl Surroundings for Here {
    fn variable(&self, name: &str) -> Option<String> {
        if let Some(value) = self.carried.as_ref().and_then(|carried| carried.get(name)) {
            return Some(value.to_string());
        }
        let value = Machine.variable(name)?;
        // Programs need it, and it is no secret.
        if name != "PATH" {
            self.asked.borrow_mut().insert(name.to_owned(), Zeroizing::new(value.clone()));
        }
        Some(value)
    }

    fn text(&self, path: &Path) -> io::Result<String> {
        Machine.text(path)
    }

    fn secret_file(&self, path: &Path) -> io::Result<String> {
        Machine.secret_file(path)
    }

    fn mode(&self, path: &Path) -> Option<u32> {
        Machine.mode(path)
    }

    fn is_sealed(&self, path: &Path) -> bool {
        Machine.is_sealed(path)
    }

    fn files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        Machine.files(folder)
    }
}

/// Reads the values and wipes where they were.
fn taken_over(number: u32) -> Option<Values> {
    let place = place_of(i32::try_from(number).ok()?);
    let text = Zeroizing::new(std::fs::read_to_string(&place).ok()?);
    let values: BTreeMap<String, String> = serde_json::from_str(&text).ok()?;
    std::fs::File::options().write(true).open(&place).and_then(|file| file.set_len(0)).ok()?;
    Some(values.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect())
}

fn place_of(descriptor: i32) -> String {
    format!("/proc/self/fd/{descriptor}")
}

/// A file without a name that holds the values and is there after the start.
#[cfg(target_os = "linux")]
fn carrier(values: &Values) -> io::Result<std::fs::File> {
    use std::io::Write as _;
    use std::os::fd::AsRawFd as _;
    let values: BTreeMap<&str, &str> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let text = Zeroizing::new(serde_json::to_vec(&values)?);
    let mut file = std::fs::File::from(rustix::fs::memfd_create("rekey", rustix::fs::MemfdFlags::empty())?);
    file.write_all(&text)?;
    // Where it cannot be opened once more, it could not be afterwards.
    std::fs::File::options().read(true).write(true).open(place_of(file.as_raw_fd()))?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn carrier(_: &Values) -> io::Result<std::fs::File> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

/// Comes back only with what kept it.
fn start_anew(values: &Values) -> io::Error {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::process::CommandExt as _;
    let place = match carrier(values) {
        Ok(place) => place,
        Err(error) => return error,
    };
    let mut arguments = std::env::args_os();
    let mut program = std::process::Command::new(OURSELVES);
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    for name in values.keys() {
        program.env_remove(name);
    }
    program.args(arguments).env(WHERE, place.as_raw_fd().to_string()).exec()
}
