#!/bin/sh
# dropbear with the host keys that cloudimg-init made on first boot; without it, the server makes one now.
set -f
options=$1 port=$2
set +f
set --
for key in /etc/dropbear/dropbear_*_host_key; do
  [ -s "$key" ] && set -- "$@" -r "$key"
done
if [ $# = 0 ]; then
  key=/etc/dropbear/dropbear_ed25519_host_key
  dropbearkey -t ed25519 -f "$key"
  set -- -r "$key"
fi
# In the foreground (-F), its log to standard error (-E).
exec dropbear -F -E $options -p "$port" "$@"
