#!/bin/sh
# Keeps logs from filling the disk: every ten minutes, what is longer than 4 MiB becomes NAME.1 and starts anew. Writers append, so they need not know.
export PATH=/usr/sbin:/usr/bin
while sleep 600; do
  for log in $(find /var/log -name '*.log' -size +8192); do
    cp "$log" "$log.1" && : >"$log"
  done
done
