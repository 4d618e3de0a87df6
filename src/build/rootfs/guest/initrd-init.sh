#!/bin/sh
# The initrd of cloudimg: finds the root file system and hands over to the init that is on it.
# An emulated machine takes some ten milliseconds to start a program: what the shell can do, it does itself.
export PATH=/bin

mount -t devtmpfs -o nosuid,mode=0755 dev /dev
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys

# file_system, overlay, data, rescue_shell, buses, first_modules, every_module, plug: chosen when the image was built.
. /settings.sh

root='' root_type=$file_system root_flags='' access=rw init=/sbin/init delay=0 limit=30 rescue=no
loaded=' ' seen=' ' device=''

say() {
  echo "cloudimg-initrd: $*"
}

# load NAME…: modules in this order, each once.
load() {
  for module; do
    case $loaded in
      *" $module "*) ;;
      *)
        loaded="$loaded$module "
        insmod "/modules/$module.ko" || say "cannot load the module $module"
        ;;
    esac
  done
}

# Loads the drivers of the devices that have appeared since last time.
plug_devices() {
  for bus in $buses; do
    for file in "/sys/bus/$bus/devices"/*/modalias; do
      [ -e "$file" ] || continue
      alias=''
      read -r alias <"$file"
      case $seen in
        *" $alias "*) ;;
        *)
          seen="$seen$alias "
          plug "$alias"
          ;;
      esac
    done
  done
}

# partition_id DISK NUMBER: the PARTUUID, from the disk's own table: GPT (UEFI 2.10, 5.3) or MBR.
partition_id() {
  if [ "$(dd if="$1" bs=8 skip=64 count=1 2>/dev/null)" = 'EFI PART' ]; then
    hexdump -s $((1024 + 128 * ($2 - 1) + 16)) -n 16 \
      -e '1/4 "%08x" "-" 1/2 "%04x" "-" 1/2 "%04x" "-" 2/1 "%02x" "-" 6/1 "%02x"' "$1"
  else
    hexdump -s 440 -n 4 -e '1/4 "%08x"' "$1"
    printf -- '-%02x' "$2"
  fi
}

find_partition() {
  for file in /sys/class/block/*/partition; do
    [ -e "$file" ] || continue
    read -r number <"$file"
    path=${file%/partition}
    name=${path##*/}
    parent=$(readlink -f "$path/..")
    if [ "$(partition_id "/dev/${parent##*/}" "$number")" = "$1" ]; then
      device=/dev/$name
      return 0
    fi
  done
  return 1
}

# A CD's volume has a time where others have a UUID: that of its last change (ECMA-119, 8.4.27), which findfs does not read.
find_disc() {
  wanted=''
  rest=$1
  while [ -n "$rest" ]; do
    wanted=$wanted${rest%%-*}
    case $rest in *-*) rest=${rest#*-} ;; *) rest='' ;; esac
  done
  for path in /sys/class/block/*; do
    name=${path##*/}
    if [ "$(dd if="/dev/$name" bs=1 skip=33598 count=16 2>/dev/null)" = "$wanted" ]; then
      device=/dev/$name
      return 0
    fi
  done
  return 1
}

find_root() {
  case $root in
    UUID=????-??-??-??-??-??-??) find_disc "${root#UUID=}" ;;
    UUID=* | LABEL=*) device=$(findfs "$root" 2>/dev/null) ;;
    PARTUUID=*) find_partition "${root#PARTUUID=}" ;;
    /dev/*)
      device=$root
      [ -b "$device" ]
      ;;
    *) return 1 ;;
  esac
}

wait_for_root() {
  load $first_modules
  plug_devices
  find_root && return 0
  read -r now rest </proc/uptime
  end=$((${now%.*} + limit))
  load_all_at=$((${now%.*} + 2))
  if [ "$limit" = 0 ]; then say "waiting for the root $root"; else say "waiting up to $limit s for the root $root"; fi
  while :; do
    sleep 0.1
    plug_devices
    find_root && return 0
    read -r now rest </proc/uptime
    # A device that no driver names, or a driver that names none.
    [ "${now%.*}" -ge "$load_all_at" ] && load $every_module
    [ "$limit" = 0 ] || [ "${now%.*}" -lt "$end" ] || return 1
  done
}

# Mounts the root at /root. A read-only one goes below an overlay, and the data partition, if there is one, to /data of the system.
mount_root() {
  if [ "$overlay" = none ]; then
    mount -t "$root_type" -o "$access$root_flags" "$device" /root
    return
  fi
  mount -t "$root_type" -o "ro$root_flags" "$device" /lower || return 1
  changes=/changes
  if [ -n "$data" ]; then
    data_access=ro
    if [ "$overlay" = data ]; then
      data_access=rw
      changes=/data/overlay
    fi
    partition=$(findfs "$data" 2>/dev/null) && mount -t ext4 -o "$data_access" "$partition" /data || {
      say "cannot mount the data partition $data"
      # Without its changes the system is better than none.
      changes=/changes
      data=''
    }
  fi
  if [ "$changes" != /changes ]; then
    # Somebody may have removed them to be rid of all changes.
    mkdir -p "$changes/upper" "$changes/work"
    mount_overlay || {
      say "cannot use the changes on the data partition $data: they are left out"
      changes=/changes
    }
  fi
  if [ "$changes" = /changes ]; then
    mount -t tmpfs -o mode=0755 changes /changes
    mkdir /changes/upper /changes/work
    mount_overlay || return 1
  fi
  [ -z "$data" ] || mount --move /data /root/data || say 'cannot mount the data partition at /data'
  return 0
}

mount_overlay() {
  mount -t overlay -o "lowerdir=/lower,upperdir=$changes/upper,workdir=$changes/work" overlay /root
}

# give_up REASON: says what there is; then a shell where it is allowed, else off.
give_up() {
  say "$1"
  found=no
  while read -r _ _ blocks name; do
    case $blocks in '' | *[!0-9]*) continue ;; esac
    [ "$found" = no ] && say 'these block devices are there:'
    found=yes
    say "  /dev/$name, $blocks KiB"
  done </proc/partitions
  [ "$found" = no ] && say 'there is no block device at all'
  if [ "$rescue_shell" = yes ] || [ "$rescue" = yes ]; then
    rescue_shell
    return
  fi
  say 'powering off'
  sleep 1
  poweroff -f
  while :; do sleep 60; done
}

rescue_shell() {
  say 'this is a rescue shell: its exit tries again'
  busybox --install -s /bin
  setsid cttyhack sh
}

set -f
read -r line </proc/cmdline
for word in $line; do
  case $word in
    root=*) root=${word#root=} ;;
    rootfstype=*) root_type=${word#rootfstype=} ;;
    rootflags=*) root_flags=,${word#rootflags=} ;;
    rootdelay=*) delay=${word#rootdelay=} ;;
    rootwait) limit=0 ;;
    rootwait=*) limit=${word#rootwait=} ;;
    ro | rw) access=$word ;;
    init=*) init=${word#init=} ;;
    cloudimg.rescue) rescue=yes ;;
  esac
done
set +f

[ "$delay" = 0 ] || sleep "$delay"
[ "$rescue" = yes ] && rescue_shell
while :; do
  if [ -z "$root" ]; then
    give_up 'cannot find the root: the kernel command line has no root='
  elif ! wait_for_root; then
    give_up "cannot find the root $root: it did not appear within $limit s"
  elif ! mount_root; then
    give_up "cannot mount the root $root: $device is no $root_type file system, or is damaged"
  elif [ ! -x "/root$init" ] && [ ! -L "/root$init" ]; then
    umount /root
    give_up "cannot start the system: there is no $init on the root $root"
  else
    break
  fi
done

read -r now rest </proc/uptime
say "root $root on $device after $now s"
for path in /dev /proc /sys; do mount --move "$path" "/root$path"; done
exec switch_root /root "$init" "$@"
