#!/bin/sh
# Builds the image, unpacks it, and lets the stories of the command line run the rekey that is in it, under the limits of
# the Kubernetes manifest. As root, with buildah and umoci from Debian. Takes minutes; a release calls it, no change does.
set -eu
cd "$(dirname "$0")/../.."
layout=target/image/oci
manifests/image/build.sh "$layout"
rm -rf target/image/bundle target/image/root
umoci unpack --image "$layout:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)" target/image/bundle
mv target/image/bundle/rootfs target/image/root
found=$(find target/image/root -type f -perm -u+x | sed 's,^target/image/root,,')
[ "$found" = /usr/local/bin/rekey ] || { echo "more than rekey can be run in the image: $found" >&2; exit 1; }
REKEY_STORIES_BINARY="$PWD/tests/image/inside.sh" cargo test --locked --test it -- cli::serve cli::doctor cli::commands
