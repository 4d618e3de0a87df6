#!/bin/sh
# What a person would write: every package unpacked to a directory, its modules indexed, an initrd packed, a file system made of the
# directory on a partitioned disk. Run under fakeroot, so that owners are right.
#
# usage: plain-tools.sh WORK ROOT_BYTES INITRD_MODULES < packages; WORK/leave-out has paths that the image shall not have, a line each.
set -eu
work=$1 root_bytes=$2 initrd_modules=$3
root=$work/root initrd=$work/initrd disk=$work/disk.raw
start_sector=2048

# Packages for a merged /usr, without the package that brings the links.
mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
while read -r deb; do dpkg-deb -x "$deb" "$root"; done

(cd "$root" && xargs -d '\n' -r rm -rf < "$work/leave-out")

version=$(ls "$root/usr/lib/modules")
modules=$root/usr/lib/modules/$version
find "$modules" -name '*.ko.xz' -exec xz -d {} +
depmod -b "$root" "$version"

mkdir -p "$initrd/bin" "$initrd/modules" "$initrd/dev" "$initrd/proc" "$initrd/sys" "$initrd/root"
cp "$root/usr/bin/busybox" "$initrd/bin/busybox"
for name in $initrd_modules; do
  # A line of modules.dep: the module, a colon, what it needs.
  for file in $(grep "/$name\.ko:" "$modules/modules.dep" | tr -d :); do cp "$modules/$file" "$initrd/modules/"; done
done
printf '#!/bin/busybox sh\nexec /bin/busybox switch_root /root /sbin/init\n' > "$initrd/init"
chmod 755 "$initrd/init"
(cd "$initrd" && find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet | gzip -n) > "$root/boot/initrd.img"

truncate -s $((start_sector * 512 + root_bytes)) "$disk"
echo "start=$start_sector, type=83, bootable" | sfdisk -q --label dos "$disk"
mke2fs -q -F -t ext4 -b 4096 -O '^64bit,^metadata_csum,^orphan_file,^metadata_csum_seed' -d "$root" \
  -E offset=$((start_sector * 512)) "$disk" "$((root_bytes / 1024))k"
