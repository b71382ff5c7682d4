//! Running a program once: nothing of our environment but what was named, bounded in time and in what it may say, in a
//! process group of its own that ends with it; what leaves the group is found by the run that it carries.

use super::kin::{self, RUN};
use super::orphans;
use crate::secret::Secret;
use crate::secret::walk::{Unsafe, Walk};
use crate::store::BadConnection;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

/// How long a program may take unless told.
const USUAL_LIMIT: Duration = Duration::from_secs(15);

/// How much a program may say.
const MOST: usize = 256 << 10;

/// Programs of one name that run at once.
const AT_ONCE: usize = 4;

/// `[command.<name>]` as configured.
#[derive(Default)]
pub struct Settings {
    /// The absolute path of the program.
    pub program: PathBuf,
    /// What it is always given before the operation; no secrets.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<String, Secret>,
    /// The longest it may take, waiting for its turn included; fifteen seconds unless told.
    pub timeout: Option<Duration>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .field("environment", &self.environment.keys())
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Nothing is started or looked at yet.
    pub fn open(&self, _section: &str) -> Result<Program, BadConnection> {
        let environment = self.environment.iter().map(|(name, value)| (name.clone(), value.duplicate()));
        Ok(Program {
            path: self.program.clone(),
            arguments: self.arguments.clone(),
            environment: environment.collect(),
            limit: self.timeout.unwrap_or(USUAL_LIMIT),
            turns: Semaphore::new(AT_ONCE),
        })
    }

    /// Which program it is, whatever it is called here.
    pub fn identity(&self) -> String {
        [self.program.to_string_lossy().as_ref()]
            .into_iter()
            .chain(self.arguments.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// A program that may be run.
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, Secret)>,
    limit: Duration,
    turns: Semaphore,
}

/// How a program ended by itself, and what it said.
pub(super) enum Ended {
    Exit(i32, Zeroizing<Vec<u8>>),
    Signal(i32),
}

/// Why a program did not end by itself.
pub(super) enum Failed {
    /// It never ran.
    NotStarted(ErrorKind),
    /// It never ran: others could have changed it.
    Unfit(Unfit),
    /// It never ran: no turn came up in time.
    Busy,
    /// It was stopped.
    TooLong(Duration),
    /// It was stopped.
    TooMuch(usize),
}

/// What is wrong with the program's file.
pub(super) struct Unfit {
    pub(super) why: String,
    pub(super) mend: String,
}

impl From<Unsafe> for Unfit {
    fn from(found: Unsafe) -> Self {
        Self { why: format!("others may change its program: {}", found.why), mend: found.mend }
    }
}

impl Program {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is a program that nobody but root and ourselves can have changed, or put there.
    pub(super) fn fit(&self) -> Result<(), Unfit> {
        let unfit = |why: &str, mend: String| Unfit { why: why.to_owned(), mend };
        let at = self.path.display();
        let gone = |_| unfit("its program is not there", "correct program, or install it there".to_owned());
        let real = std::fs::canonicalize(&self.path).map_err(gone)?;
        let found = std::fs::metadata(&real).map_err(gone)?;
        let mode = found.permissions().mode();
        if !found.is_file() || mode & 0o111 == 0 {
            return Err(unfit("its program is not executable", format!("chmod 755 {at}, or correct program")));
        }
        let us = rustix::process::geteuid().as_raw();
        if ![0, us].contains(&found.uid()) {
            return Err(unfit("another user owns its program and may change it", format!("chown root {at}")));
        }
        if mode & 0o022 != 0 {
            return Err(unfit("others may change its program", format!("chmod 755 {at}")));
        }
        // The name that is configured and, if that is a link, where it leads.
        for way in [self.path.as_path(), real.as_path()] {
            Walk::to(way).map_err(gone)?.check(us)?;
        }
        Ok(())
    }

    /// Runs it to its end, or until it is stopped; dropping the future stops it too.
    pub(super) async fn run(&self, operation: &str, input: Zeroizing<Vec<u8>>) -> Result<Ended, Failed> {
        let deadline = Instant::now() + self.limit;
        let _turn = self.turn(deadline).await?;
        self.fit().map_err(Failed::Unfit)?;
        let run = format!("{:032x}", rand::random::<u128>());
        let begun = orphans::Run::begin(|| self.start(operation, &run));
        let (mut child, orphans) = begun.map_err(|error| Failed::NotStarted(error.kind()))?;
        let group = Group { leader: orphans.leader(), run, orphans };
        match timeout_at(deadline, talk(&mut child, input, &group)).await {
            Ok(Ok((status, output))) => Ok(ended(status, output)),
            Ok(Err(TooMuch)) => Err(Failed::TooMuch(MOST)),
            Err(_) => Err(Failed::TooLong(self.limit)),
        }
    }

    async fn turn(&self, deadline: Instant) -> Result<SemaphorePermit<'_>, Failed> {
        let turn = timeout_at(deadline, self.turns.acquire()).await.map_err(|_| Failed::Busy)?;
        Ok(turn.expect("the semaphore is never closed"))
    }

    fn start(&self, operation: &str, run: &str) -> io::Result<Child> {
        let environment = self.environment.iter().map(|(name, value)| (name, value.expose()));
        Command::new(&self.path)
            .args(&self.arguments)
            .arg(operation)
            .env_clear()
            .envs(environment)
            .env(RUN, run)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// It said more than it may.
struct TooMuch;

/// All processes of one run; none outlives it.
struct Group {
    leader: Option<Pid>,
    run: String,
    orphans: orphans::Run,
}

impl Group {
    fn end(&self) {
        if let Some(leader) = self.leader {
            // If nobody is left, that is what was wanted.
            let _gone = kill_process_group(leader, Signal::KILL);
        }
        kin::end(&self.run);
        self.orphans.end();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

async fn talk(
    child: &mut Child,
    input: Zeroizing<Vec<u8>>,
    group: &Group,
) -> Result<(ExitStatus, Zeroizing<Vec<u8>>), TooMuch> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let ends = async {
        let status = child.wait().await;
        // What it left running would keep its output open.
        group.end();
        status
    };
    let ((), said, (), status) = tokio::join!(feed(stdin, input), taken_or_stopped(stdout, group), drain(stderr), ends);
    // Whoever buried it in our place left nobody to ask: as good as killed.
    Ok((status.unwrap_or_else(|_| ExitStatus::from_raw(Signal::KILL.as_raw())), said?))
}

/// Stops the program as soon as it has said too much, so that its end comes.
async fn taken_or_stopped(from: Option<impl AsyncRead + Unpin>, group: &Group) -> Result<Zeroizing<Vec<u8>>, TooMuch> {
    let said = take(from).await;
    if said.is_err() {
        group.end();
    }
    said
}

/// A program that does not read all of its input has no need of it.
async fn feed(stdin: Option<ChildStdin>, input: Zeroizing<Vec<u8>>) {
    let Some(mut stdin) = stdin else { return };
    let _enough = stdin.write_all(&input).await;
}

async fn take(from: Option<impl AsyncRead + Unpin>) -> Result<Zeroizing<Vec<u8>>, TooMuch> {
    let mut output = Zeroizing::new(Vec::with_capacity(MOST + 1));
    let Some(from) = from else { return Ok(output) };
    let _broken = from.take(MOST as u64 + 1).read_to_end(&mut output).await;
    if output.len() > MOST { Err(TooMuch) } else { Ok(output) }
}

/// What it says aside may hold the value in any disguise, so it is never looked at.
async fn drain(from: Option<impl AsyncRead + Unpin>) {
    if let Some(mut from) = from {
        let _broken = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
}

fn ended(status: ExitStatus, output: Zeroizing<Vec<u8>>) -> Ended {
    match status.code() {
        Some(code) => Ended::Exit(code, output),
        None => Ended::Signal(status.signal().unwrap_or(0)),
    }
}
