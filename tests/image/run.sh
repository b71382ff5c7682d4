#!/bin/sh
# Builds the image, unpacks it, and lets the stories of the command line run the rekey that is in it, under the limits of
# the Kubernetes manifest. As root, with buildah and umoci from Debian. Takes minutes; a release calls it, no change does.
set -eu
cd "$(dirname "$0")/../.."
layout=target/image/oci version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
manifests/image/build.sh "$layout"
rm -rf target/image/bundle target/image/root
umoci unpack --image "$layout:$version" target/image/bundle
mv target/image/bundle/rootfs target/image/root
fail() { echo "$1" >&2; exit 1; }
found=$(find target/image/root -type f -perm /111 | sed 's,^target/image/root,,')
[ "$found" = /usr/local/bin/rekey ] || fail "more than rekey can be run in the image: $found"
[ -s target/image/root/etc/ssl/certs/ca-certificates.crt ] || fail "no roots of trust are in the image"
[ "$(find target/image/root -perm /6000)" = "" ] || fail "something in the image runs as somebody else"

# A static binary finds names by itself: what is not there is refused there, and not unknown.
names=$(mktemp -d)
trap 'rm -rf "$names"; rmdir /sys/fs/cgroup/rekey-image-* /sys/fs/cgroup/memory/rekey-image-* 2>/dev/null || true' EXIT
cat >"$names/rekey.toml" <<END
server = { listen = "127.0.0.1:0" }
database = { url = "sqlite:$names/rekey.db" }
gitlab = { url = "http://localhost:9", token = "env:TOKEN" }
issues = { project = "acme/operations" }
people = { ada = { gitlab = "ada" } }
[[token]]
id = "deploy"
owner = { group = "acme", service_account = "deploy-bot" }
name = "deploy token"
approvers = ["ada"]
[[token.store]]
kind = "gitlab_variable"
project = "acme/deploy"
key = "DEPLOY_TOKEN"
[[token.verify]]
kind = "pipeline"
project = "acme/deploy"
ref = "main"
job = "deploy"
END
said=$(cd "$names" && TOKEN=glpat-NotARealTokenAtAll0 "$OLDPWD/tests/image/inside.sh" doctor --config rekey.toml || true)
echo "$said" | grep -q 'localhost:9.*refused' || fail "names are not found in the image: $said"

# Left out: stories whose store is a program, of which the image has none but rekey, and one that mounts by itself.
REKEY_STORIES_BINARY="$PWD/tests/image/inside.sh" cargo test --locked --test it -- cli::serve cli::doctor cli::commands \
  --skip a_place_with_more_secrets_than_could_be_kept_out_of_words_is_refused \
  --skip what_a_stores_program_leaves_running_ends_with_it \
  --skip what_others_could_read_or_change_is_refused_with_the_command_that_mends_it \
  --skip a_file_that_is_mounted_by_itself_is_found_before_anything_is_made
peak=$(cat /sys/fs/cgroup/rekey-image-*/memory.peak /sys/fs/cgroup/memory/rekey-image-*/memory.max_usage_in_bytes \
  2>/dev/null | sort -n | tail -1)
echo "$layout: the binary has $(stat -c %s target/image/root/usr/local/bin/rekey | awk '{print int($1/1048576)}') MiB," \
  "the most memory of one run was ${peak:+$((peak / 1048576)) of }256 MiB"
