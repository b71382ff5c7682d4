#!/bin/sh
# Builds the container image where there is no container engine: a static binary on nothing, which buildah (1.28 or newer,
# as root) writes as an OCI layout. The same source gives the same layers. The Dockerfile makes the same image.
#   manifests/image/build.sh [LAYOUT]      by default target/image/oci; push it with: skopeo copy oci:LAYOUT docker://…
# PROFILE=release builds faster and bigger.
set -eu
cd "$(dirname "$0")/../.."
profile=${PROFILE:-image} layout=${1:-target/image/oci} version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
host=$(rustc -vV | sed -n 's/^host: //p')

RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile "$profile" --target "$host" \
  --no-default-features --features aws --bin rekey
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
manifests/image/root.sh "target/$host/$profile/rekey" "$root"

mkdir -p "$(dirname "$layout")"
rm -rf "$layout"
# Copying is all that is done to the image, so neither overlays nor a running container are needed.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
container=$(buildah from scratch)
trap 'rm -rf "$root"; buildah rm "$container" >/dev/null 2>&1 || true' EXIT
buildah copy --quiet "$container" "$root" / >/dev/null
buildah config --user 65532:65532 --workingdir /var/lib/rekey --port 8080 --port 9090 \
  --entrypoint '["/usr/local/bin/rekey"]' --cmd 'serve --config /etc/rekey/rekey.toml' \
  --label org.opencontainers.image.title=rekey --label "org.opencontainers.image.version=$version" \
  --label org.opencontainers.image.licenses="$(sed -n 's/^license = "\(.*\)"/\1/p' Cargo.toml)" "$container"
buildah commit --quiet --disable-compression=false --format oci --timestamp 0 "$container" "oci:$layout:$version" >/dev/null
echo "$layout: rekey $version, $(du -sk "$layout" | cut -f1) KiB compressed"
