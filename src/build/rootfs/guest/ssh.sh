#!/bin/sh
# dropbear with the host keys that cloudimg-init made on first boot; without it, the server makes one now.
set -f
options=$1 port=$2
# What cloud-config's ssh_pwauth said, which cloudimg-init has written there, goes before the profile (-s: no passwords).
logins=
[ -r /etc/dropbear/password-login ] && read -r logins </etc/dropbear/password-login
case $logins in
yes) options= ;;
no) options=-s ;;
esac
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
