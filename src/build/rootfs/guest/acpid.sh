#!/bin/sh
# Waits for the power button. It needs the button's input device; machines without one have nothing to wait for.
modprobe -abq button evdev
tries=0
while [ ! -e /dev/input/event0 ]; do
  tries=$((tries + 1))
  [ "$tries" -gt 50 ] && exec sleep 3600
  sleep 0.1
done
exec acpid -f -l /dev/null
