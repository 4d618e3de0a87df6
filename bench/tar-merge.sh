#!/bin/bash
# The fastest known way: all packages become one tar in a pipe, from which mke2fs makes the file system. No module index, no initrd.
#
# usage: tar-merge.sh WORK ROOT_BYTES < packages; WORK/leave-out has paths that the image shall not have, a line each.
set -euo pipefail
work=$1 root_bytes=$2
disk=$work/disk.raw
start_sector=2048

archives=()
while read -r deb; do
  exec {pipe}< <(dpkg-deb --fsys-tarfile "$deb")
  archives+=("@/dev/fd/$pipe")
done

truncate -s $((start_sector * 512 + root_bytes)) "$disk"
echo "start=$start_sector, type=83, bootable" | sfdisk -q --label dos "$disk"
sed 's,^,./,' "$work/leave-out" > "$work/patterns"
bsdtar -c -f - -X "$work/patterns" "${archives[@]}" |
  mke2fs-tar -q -F -t ext4 -b 4096 -O '^64bit,^metadata_csum,^orphan_file,^metadata_csum_seed' -d - \
    -E offset=$((start_sector * 512)) "$disk" "$((root_bytes / 1024))k"
