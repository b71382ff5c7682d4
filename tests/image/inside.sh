#!/bin/sh
# Runs rekey from the unpacked image as the Kubernetes manifest would: nobody's user, a read-only root, no privileges, in a
# memory cgroup of the manifest's limit where one can be made. What it may write is the folder that it is started in.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$(cd "$(dirname "$0")/../../target/image/root" && pwd) work=$PWD
cage=/sys/fs/cgroup/memory/rekey-image
[ -d /sys/fs/cgroup/memory ] || cage=/sys/fs/cgroup/rekey-image
if mkdir -p "$cage" 2>/dev/null && [ -e "$cage/cgroup.procs" ]; then
  echo 268435456 2>/dev/null >"$cage/memory.limit_in_bytes" || echo 268435456 2>/dev/null >"$cage/memory.max" || true
  echo $$ >"$cage/cgroup.procs"
fi
chown -R 65532:65532 "$work"
mkdir -p "$root$work" "$root/proc" "$root/dev"
# What a container runtime brings: /proc, /dev, and its own resolv.conf.
exec unshare --mount --propagation private /bin/sh -eu -c '
  root=$1 work=$2
  shift 2
  mount --bind "$root" "$root"
  mount --bind "$work" "$root$work"
  mount --rbind /dev "$root/dev"
  mount --rbind /proc "$root/proc"
  mount -o remount,bind,ro "$root"
  exec setpriv --no-new-privs unshare --root="$root" --wd="$work" --setgid=65532 --setuid=65532 -- \
    /usr/local/bin/rekey "$@"
' sh "$root" "$work" "$@"
