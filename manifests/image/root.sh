#!/bin/sh
# Lays out the root of the container image: root.sh BINARY ROOT. All that is in it is the binary, the roots of trust, and
# who the bot is. The binary must be static; nothing else that could run is there, no shell and no package manager.
set -eu
binary=$1 root=$2 nobody=65532

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/etc/rekey" "$root/var/lib/rekey"
install -m 0755 "$binary" "$root/usr/local/bin/rekey"
install -m 0644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
echo "nonroot:x:$nobody:$nobody:rekey:/var/lib/rekey:/sbin/nologin" >"$root/etc/passwd"
echo "nonroot:x:$nobody:" >"$root/etc/group"
# Names come from these two alone; other sources would need libraries that a static binary does not have.
echo "hosts: files dns" >"$root/etc/nsswitch.conf"
chown "$nobody:$nobody" "$root/var/lib/rekey"
chmod 0700 "$root/var/lib/rekey"
