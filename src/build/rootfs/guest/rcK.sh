#!/bin/sh
# Takes the system down; init runs it before it halts, restarts or powers off, and starts nothing again meanwhile.
export PATH=/usr/sbin:/usr/bin
echo 'cloudimg-rc: shutting down'

# Whether a process of user space runs besides init and this one. Kernel threads have no executable.
is_busy() {
  for path in /proc/[0-9]*; do
    case ${path#/proc/} in 1 | $$) continue ;; esac
    [ -e "$path/exe" ] && return 0
  done
  return 1
}

# All but init and this shell.
kill -TERM -1
tries=0
while [ "$tries" -lt 30 ] && is_busy; do
  tries=$((tries + 1))
  sleep 0.1
done
kill -KILL -1

while read -r device path _; do
  case "$device $path" in
    '/dev/'*' /') ;;
    '/dev/'*) umount "$path" ;;
  esac
done </proc/mounts
sync
mount -o remount,ro /
read -r now _ </proc/uptime
echo "cloudimg-rc: file systems closed after $now s"
