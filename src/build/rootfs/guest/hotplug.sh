#!/bin/sh
# Loads the driver of a device that appeared after the boot; uevent(8) of busybox runs it for each message of the kernel.
[ "$ACTION" = add ] && [ -n "$MODALIAS" ] && exec /usr/sbin/modprobe -bq "$MODALIAS"
exit 0
