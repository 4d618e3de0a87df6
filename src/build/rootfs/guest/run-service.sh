#!/bin/sh
# run-service NAME USER [once]: keeps /etc/cloudimg/services/NAME running. Its output goes to the console and to
# /var/log/NAME.log. When it ends it is started again after a second; longer each time, if it ends within ten.
export PATH=/usr/sbin:/usr/bin
name=$1 user=$2 mode=${3:-respawn}
program=/etc/cloudimg/services/$name
pipe=/run/services/$name

mkdir -p /run/services
[ -p "$pipe" ] || mkfifo -m 0600 "$pipe"
# A pipe of its own, and not `program | tee`: what the program leaves running (a log-in of ssh) must not delay its restart.
exec 3<>"$pipe"
logger=''
start_logger() {
  [ -n "$logger" ] && kill -0 "$logger" 2>/dev/null && return
  tee -a "/var/log/$name.log" <"$pipe" >/dev/console 3>&- &
  logger=$!
}

run() {
  if [ "$user" = root ]; then
    "$program"
  else
    su -s /bin/sh -c "exec $program" "$user"
  fi
}

delay=1
while :; do
  start_logger
  read -r started _ </proc/uptime
  run </dev/null >&3 2>&1 3>&-
  status=$?
  if [ "$mode" = once ]; then
    [ "$status" = 0 ] || echo "cloudimg-service: $name ended with status $status" >&3
    exit
  fi
  read -r ended _ </proc/uptime
  [ $((${ended%.*} - ${started%.*})) -ge 10 ] && delay=1
  echo "cloudimg-service: $name ended with status $status, starts again in $delay s" >&3
  sleep "$delay"
  [ "$delay" -lt 30 ] && delay=$((delay * 2))
done
