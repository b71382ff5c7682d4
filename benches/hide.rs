//! What it costs to hide secrets: the log of a job, 64 KiB, in a process that knows 200 values, beside looking for each value
//! as it is in the same text: `cargo bench --bench hide`.

use rekey::secret::{Secret, hide};
use std::hint::black_box;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(300);
const VALUES: usize = 200;
const LOG: usize = 64 << 10;

fn main() {
    let mut chance = Chance(7);
    let values: Vec<String> = (0..VALUES).map(|_| format!("nordwind-{}", chance.word(24))).collect();
    let known: Vec<Secret> = values.iter().map(|value| Secret::new(value.clone())).collect();
    let log = log(&mut chance);
    let leaky = log.replacen("sha256", &values[7], 1);
    assert_eq!(hide(&log), log, "there is nothing to hide");
    assert!(!hide(&leaky).contains(&values[7]) && hide(&leaky).len() < leaky.len(), "and here is something");
    println!("{} KiB of log, {VALUES} known values, {ROUNDS} rounds", log.len() >> 10);
    let copied = report("plain copy", &log, |text| black_box(text.to_owned()).len());
    let scanned = report("each value as it is", &log, |text| values.iter().filter(|v| text.contains(*v)).count());
    let hidden = report("hide", &log, |text| black_box(hide(text)).len());
    report("hide, 1 KiB at a time", &log, |text| pieces(text).map(|piece| black_box(hide(piece)).len()).sum());
    println!("hide to copy {:>12.4}, to each value as it is {:.2}", hidden / copied, hidden / scanned);
    assert_eq!(known.len(), VALUES, "they are known to the end");
}

fn pieces(text: &str) -> impl Iterator<Item = &str> {
    (0..text.len()).step_by(1024).map(|at| &text[at..text.len().min(at + 1024)])
}

/// Megabytes a second, the median of all rounds.
fn report(what: &str, text: &str, work: impl Fn(&str) -> usize) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(text, &work)).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<22}{:>10.1} MB/s", rounds[ROUNDS / 2]);
    rounds[ROUNDS / 2]
}

fn round(text: &str, work: impl Fn(&str) -> usize) -> f64 {
    let (start, mut bytes) = (Instant::now(), 0);
    while start.elapsed() < ROUND {
        black_box(work(text));
        bytes += text.len();
    }
    bytes as f64 / start.elapsed().as_secs_f64() / 1e6
}

/// What runners, package managers, compilers and containers print.
fn log(chance: &mut Chance) -> String {
    let mut log = String::new();
    while log.len() < LOG {
        let (number, digits, word) = (chance.next() % 1000, chance.hex(40), chance.word(9).to_lowercase());
        log += &match chance.next() % 8 {
            0 => format!(
                "2026-11-21T14:00:{:02}.{number:03}Z 00O \x1b[0;32m$ ./deploy.sh --stage {word}\x1b[0;m\n",
                number % 60
            ),
            1 => format!("   Compiling {word} v0.{}.{number} (/builds/acme/deploy/crates/{word})\n", number % 9),
            2 => {
                format!("npm http fetch GET 200 https://registry.npmjs.org/{word}/-/{word}-1.{number}.tgz {number}ms\n")
            }
            3 => format!("a{digits}  dist/{word}/{word}-{number}.js.map sha256\n"),
            4 => format!(
                "{{\"level\":\"info\",\"msg\":\"layer {word} already exists\",\"path\":\"\\/var\\/lib\\/{word}\",\"took\":{number}}}\n"
            ),
            5 => format!("test {word}::tests::the_{word}_is_kept_for_{number}_days ... ok\n"),
            6 => format!(
                "{number} packages are looking for funding, run `npm fund` for details (see {word}%20and%20more)\n"
            ),
            _ => format!("#{number} sha256:{digits}{} 12.{}MB / 90.1MB {number}s done\n", chance.hex(24), number % 10),
        };
    }
    log.truncate(log.floor_char_boundary(LOG));
    log
}

/// The same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn word(&mut self, length: usize) -> String {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..length).map(|_| char::from(letters[self.next() as usize % letters.len()])).collect()
    }

    fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b"0123456789abcdef"[self.next() as usize % 16])).collect()
    }
}
