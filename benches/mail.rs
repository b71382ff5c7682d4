//! How many sample mails are parsed and classified in a second, beside Python's `email` with its default policy on the
//! same mails in the same run: `cargo bench --bench mail`.

use rekey::notice::email::{Instance, MailPolicy, Proof, parse};
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(500);

/// What people write in Python today: default policy, subject, sender, verdict, both bodies.
const PYTHON: &str = r#"
import email, email.policy, re, sys, time
mails = [open(path, "rb").read() for path in sys.argv[3:]]
subject = re.compile(r"tokens? (will expire in (\d+) days?|have expired|has been (\w+))", re.I)
def classify(raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    found = subject.search(mail["Subject"])
    sender, verdict = mail["From"].addresses[0].addr_spec, mail["Authentication-Results"]
    bodies = [part.get_content() for part in (mail.get_body((kind,)) for kind in ("html", "plain")) if part]
    names = [re.findall(r"<li>(.*?)</li>|^\s+- (.*)", body, re.M) for body in bodies]
    return found, sender, verdict, names
for _ in range(int(sys.argv[1])):
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < float(sys.argv[2]):
        for raw in mails:
            classify(raw)
        count += len(mails)
    print(count / (time.perf_counter() - start))
"#;

fn main() {
    let paths = samples();
    let mails: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a sample is readable")).collect();
    let bytes: usize = mails.iter().map(Vec::len).sum();
    println!("{} mails, {} bytes on average, {ROUNDS} rounds", mails.len(), bytes / mails.len());
    let ours = median((0..ROUNDS).map(|_| round(&mails)).collect());
    println!("rekey             {ours:>9.0} mails/s");
    match python(&paths) {
        Some(theirs) => {
            println!("python3 email     {theirs:>9.0} mails/s");
            println!("ratio             {:>9.1}", ours / theirs);
        }
        None => println!("python3 is not here: no ratio"),
    }
}

fn samples() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples/emails");
    let entries = std::fs::read_dir(folder).expect("the samples are there");
    let mut paths: Vec<String> = entries.map(|entry| entry.expect("a file").path().display().to_string()).collect();
    paths.sort();
    paths
}

fn policy() -> MailPolicy {
    let instances = vec![
        Instance::at("https://gitlab.com", &["mg.gitlab.com"]).expect("a plain URL"),
        Instance::at("https://git.example.org:8443", &["example.org"]).expect("a plain URL"),
    ];
    let mut policy = MailPolicy::new(instances, Proof::Results { servers: vec!["mx.corp.example".into()] });
    policy.forwarders = vec!["corp.example".into()];
    policy
}

fn round(mails: &[Vec<u8>]) -> f64 {
    let (policy, start, mut count) = (policy(), Instant::now(), 0usize);
    while start.elapsed() < ROUND {
        let accepted = mails.iter().filter(|raw| parse(raw, &policy).is_ok()).count();
        assert_eq!(accepted + 2, mails.len(), "all but the reply and the look-alike are accepted");
        count += mails.len();
    }
    count as f64 / start.elapsed().as_secs_f64()
}

fn python(paths: &[String]) -> Option<f64> {
    let mut command = Command::new("python3");
    command.args(["-c", PYTHON, &ROUNDS.to_string(), &ROUND.as_secs_f64().to_string()]).args(paths);
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(median(text.lines().filter_map(|line| line.parse().ok()).collect()))
}

fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}
