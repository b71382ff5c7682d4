# What people do often; `just` lists it. Everything here can be typed by hand as well.

set shell := ["bash", "-euo", "pipefail", "-c"]

_list:
    @just --list

# All that must hold before a change lands
ci:
    .ci/run

# The stories, or those whose names contain a word: just test crash
test *words:
    cargo test --locked --test it -- {{ words }}

# A change of words or cards: write the new snapshots, to be read in the diff
snapshots *words:
    INSTA_UPDATE=always cargo test --locked --test it -- {{ words }}

# Every benchmark; each prints its ratios
bench:
    cargo bench --locked

# The random campaigns as a whole; `.ci/run` tells a part of them by seed
campaign:
    REKEY_SIM_FAULTS=3 cargo test --locked --release --test it simulation -- --ignored --nocapture
    REKEY_SIM_SEEDS=100000 cargo test --locked --release --test it random_worlds -- --nocapture
    REKEY_NINE_SEEDS=50 cargo test --locked --release --test it flow::nine -- --nocapture
    PROPTEST_CASES=100000 cargo test --locked --release --test it store::template
    cargo test --locked --release --test it campaign -- --nocapture

# What a release needs besides `ci`: the demo by the README's command, and the image
release: image
    cargo run --locked --release -- demo --auto
    cargo run --locked --release -- demo --auto --fail verify

# The container image, built without an engine, unpacked and tried under the manifest's limits (as root; buildah, umoci)
image:
    tests/image/run.sh
