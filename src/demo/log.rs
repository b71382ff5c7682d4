//! The bot's last log lines, kept for the page.

use super::lock;
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

/// How many lines are kept.
const KEPT: usize = 200;

/// Give it to the logger as its writer, in JSON format.
#[derive(Clone, Debug, Default)]
pub struct BotLog(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    open: Vec<u8>,
    lines: VecDeque<String>,
    count: usize,
}

impl io::Write for BotLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = lock(&self.0);
        inner.open.extend_from_slice(bytes);
        while let Some(end) = inner.open.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = inner.open.drain(..=end).collect();
            inner.lines.push_back(String::from_utf8_lossy(line.trim_ascii()).into_owned());
            inner.count += 1;
        }
        while inner.lines.len() > KEPT {
            inner.lines.pop_front();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BotLog {
    /// How many lines there were so far.
    pub(super) fn count(&self) -> usize {
        lock(&self.0).count
    }

    /// The lines, oldest first, as the logger wrote them.
    pub(super) fn lines(&self) -> Vec<Value> {
        let inner = lock(&self.0);
        inner.lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Why a mail was of no use, if a line after the first `seen` says so.
    pub(super) fn why_after(&self, seen: usize) -> Option<String> {
        let inner = lock(&self.0);
        let new = inner.count.saturating_sub(seen);
        let lines = inner.lines.iter().rev().take(new).filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut about_mail = lines.filter(|line| line["endpoint"] == "mail");
        about_mail.find_map(|line| line["why"].as_str().or(line["message"].as_str()).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn the_reason_is_that_of_the_newest_mail_and_of_nothing_before_it() {
        let mut log = BotLog::default();
        log.write_all(b"{\"endpoint\":\"mail\",\"why\":\"old\"}\n{\"endpoint\":").unwrap();
        let seen = log.count();
        assert_eq!(log.why_after(seen), None);
        log.write_all(b"\"mail\",\"why\":\"a reply\"}\n{\"message\":\"other\"}\n").unwrap();
        assert_eq!(log.why_after(seen).as_deref(), Some("a reply"));
        assert_eq!(log.lines().len(), 3);
    }
}
