#!/bin/sh
# busybox's acpid runs it when the power button is pressed: what a cloud's "stop" does first.
echo 'cloudimg-rc: the power button was pressed' >/dev/console
exec /usr/sbin/poweroff
