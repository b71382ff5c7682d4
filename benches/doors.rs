//! Whether a crowd can end the bot or keep a click out: `cargo bench --bench doors`. The real binary runs in a memory
//! cgroup of the manifest's limit (where one can be made: as root, or in a delegated one), before 320 unfinished bodies of
//! 1 MiB, 512 pipelining clients that never read, 320 bodies of which one byte comes. A story of `tests/it` tells it in small.

#[path = "doors/load.rs"]
mod load;

use load::{Bot, LIMIT, Nuisance, Seen};

const CLICKS: usize = 200;

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let well = runtime.block_on(run());
    std::process::exit(if well { 0 } else { 1 });
}

async fn run() -> bool {
    let mut bot = Bot::start().await;
    match &bot.cage {
        Some(_) => println!("in a memory cgroup of {} MiB", LIMIT >> 20),
        None => {
            println!("no memory cgroup can be made here: the peak of resident memory is compared with {LIMIT} bytes")
        }
    }
    println!("{:<12}{:>6}{:>10}{:>14}{:>10}", "crowd of", "", "clicks", "slowest", "peak");
    let mut well = true;
    for (nuisance, many) in [(Nuisance::Unfinished, 320), (Nuisance::NonReader, 512), (Nuisance::OneByte, 320)] {
        let seen = bot.endure(nuisance, many, CLICKS).await;
        let Seen { counted, clicks, slowest, peak, healthy } = seen;
        let name = format!("{nuisance:?}");
        println!(
            "{name:<12}{many:>6}{:>10}{:>11} ms{:>6} MiB",
            format!("{counted}/{clicks}"),
            slowest.as_millis(),
            peak >> 20
        );
        well &= counted == clicks && healthy && peak < LIMIT;
    }
    if !well {
        println!("NOT WELL\n{}", bot.log());
    }
    well
}
