#!/bin/sh
# Runs rekey from the unpacked image as the Kubernetes manifest would: nobody's user, a read-only root, no privileges, and
# the manifest's limit of memory: a cgroup of its own, or where none can be made a limit of what a process may map for
# itself. What it may write is the folder that it is started in.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
root=$(cd "$(dirname "$0")/../../target/image/root" && pwd) work=$PWD limit=268435456
if [ -d /sys/fs/cgroup/memory ]; then cage=/sys/fs/cgroup/memory/rekey-image-$$ file=memory.limit_in_bytes
else cage=/sys/fs/cgroup/rekey-image-$$ file=memory.max; fi
if mkdir "$cage" 2>/dev/null && [ -e "$cage/$file" ] && echo $limit >"$cage/$file"; then
  echo $$ >"$cage/cgroup.procs"
else
  prlimit --pid $$ --data=$limit
fi
chown -R 65532:65532 "$work"
mkdir -p "$root$work" "$root/proc" "$root/dev"
# What a container runtime brings: /proc, /dev, and its own files for names.
for file in hosts resolv.conf; do [ -e "$root/etc/$file" ] || : >"$root/etc/$file"; done
exec unshare --mount --propagation private /bin/sh -eu -c '
  root=$1 work=$2
  shift 2
  mount --bind "$root" "$root"
  mount --bind "$work" "$root$work"
  for file in hosts resolv.conf; do mount --bind "/etc/$file" "$root/etc/$file"; done
  mount --rbind /dev "$root/dev"
  mount --rbind /proc "$root/proc"
  mount -o remount,bind,ro "$root"
  exec setpriv --no-new-privs unshare --root="$root" --wd="$work" --setgid=65532 --setuid=65532 -- \
    /usr/local/bin/rekey "$@"
' sh "$root" "$work" "$@"
