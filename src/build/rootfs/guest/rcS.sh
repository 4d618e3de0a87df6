#!/bin/sh
# Brings the system up; init runs it once, before everything else. An emulated machine takes some ten milliseconds to
# start a program: what the shell can do, it does itself.
export PATH=/usr/sbin:/usr/bin

# Each of these is there already when an initrd has handed over.
[ -e /proc/mounts ] || mount -t proc -o nosuid,nodev,noexec proc /proc
[ -e /sys/kernel ] || mount -t sysfs -o nosuid,nodev,noexec sysfs /sys

dev=no root=''
while read -r _ path _ options _; do
  case $path in
    /) root=$options ;;
    /dev) dev=yes ;;
  esac
done </proc/mounts
[ "$dev" = yes ] || mount -t devtmpfs -o nosuid,mode=0755 dev /dev
case $root in ro | ro,*) mount -o remount,rw / ;; esac

mount -t tmpfs -o nosuid,nodev,mode=0755 run /run
mkdir -p /dev/pts /dev/shm /run/lock /run/services
mount -t devpts -o nosuid,noexec,gid=5,mode=0620,ptmxmode=0666 devpts /dev/pts
mount -t tmpfs -o nosuid,nodev,mode=1777 shm /dev/shm

# The interpreter of cloudimg-init, which comes next: its pages are read from the disk while the drivers look for their devices.
[ ! -x /usr/bin/qjs ] || qjs -e 1 &

read -r hostname </etc/hostname && echo "$hostname" >/proc/sys/kernel/hostname
ip link set lo up

# The modules of /etc/modules, and the drivers of the devices that are there. A driver of a disk controller may bring
# disks and CD-ROMs to light (loading one waits until it has looked), which need drivers in their turn.
load_drivers() {
  cat /etc/modules /sys/bus/*/devices/*/modalias 2>/dev/null | sort -u | xargs modprobe -abq
}
set -- /sys/bus/scsi/devices/*
before="$*"
load_drivers
set -- /sys/bus/scsi/devices/*
[ "$*" = "$before" ] || load_drivers

# More than the root: further partitions and swap space, whose drivers are there by now. What user data has put there may wait
# for a server that is not reached yet; whoever wants to log in does not.
lines=0
while read -r device _; do
  case $device in '' | '#'*) ;; *) lines=$((lines + 1)) ;; esac
done </etc/fstab
if [ "$lines" -gt 1 ]; then
  timeout -s KILL 20 mount -a
  timeout -s KILL 10 swapon -a
fi

read -r now _ </proc/uptime
echo "cloudimg-rc: devices and file systems ready after $now s"
