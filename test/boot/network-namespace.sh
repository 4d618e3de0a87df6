#!/bin/sh
# One case in a network namespace of its own, so that cases cannot see each other: network-namespace.sh DIRECTORY [SERVER].
# DIRECTORY holds `cards` (a line for each: name, MAC address or -) and documents: `1.json`, `2.json`, … are obeyed one after the
# other, and after each it is shown what there is. The other ends of the cards go to the bridge of the process SERVER.
if [ "$3" != inside ]; then exec unshare -n -m sh "$0" "$1" "${2:--}" inside; fi
mount -t sysfs none /sys
mount -t tmpfs none /run/cloudimg
mount -t tmpfs none /etc
echo "# nobody has written this yet" >/etc/resolv.conf
server=$2
plug() {
  ip link add "$1" type veth
  peer=$(cd /sys/class/net && echo veth[0-9]*)
  [ "$2" = - ] || ip link set dev "$1" address "$2"
  if [ "$server" = - ]; then
    ip link set dev "$peer" name "veth_$1"
    ip link set dev "veth_$1" up
  else
    ip link set dev "$peer" name "p$$$1"
    ip link set dev "p$$$1" netns "$server"
    nsenter -t "$server" -n sh -c "ip link set dev p$$$1 master br0 up"
  fi
}
# Takes a card of the machine itself into the namespace, by its MAC address.
take() {
  for card in $(nsenter -t 1 -n -m sh -c "grep -l '$1' /sys/class/net/*/address"); do
    card=${card%/address}
    nsenter -t 1 -n ip link set dev "${card##*/}" netns $$
  done
}
while read -r name mac; do plug "$name" "$mac"; done <"$1/cards"
[ ! -e "$1/before" ] || . "$1/before"
for document in "$1"/[0-9].json; do
  echo "==== $document"
  echo "== result"
  qjs -m "${0%/*}/apply.js" "$document" probe
  echo "== addresses"; ip -o addr show
  echo "== routes"; ip route show table all
  echo "== rules"; ip -4 rule show; ip -6 rule show
  echo "== resolv"; cat /etc/resolv.conf
  echo "== links"
  for name in /sys/class/net/*; do
    case $name in */veth* | */bonding_masters) continue ;; esac
    read -r mtu <"$name/mtu"; read -r address <"$name/address"
    echo "${name##*/} $mtu $address"
  done
  echo "== settings"
  for file in /sys/class/net/*/bonding/* /sys/class/net/*/bridge/*_* /sys/class/net/*/bridge/priority /sys/class/net/*/brport/path_cost /sys/class/net/*/brport/priority; do
    case $file in */bridge/multicast* | */bridge/nf_* | */bridge/group*) continue ;; esac
    [ ! -f "$file" ] || { a=; while read -r b; do a="$a $b"; done; echo "$file$a"; } <"$file" 2>/dev/null
  done
  for port in /sys/class/net/*/brif/*; do port=${port#/sys/class/net/}; echo "brif ${port%%/*} ${port##*/}"; done
  cat /proc/net/vlan/config 2>/dev/null
  for name in /proc/sys/net/ipv6/conf/*; do read -r ra <"$name/accept_ra"; echo "ra ${name##*/} $ra"; done
done
# The namespace lives as long as anybody in it.
for file in /run/cloudimg/*.pid; do [ ! -e "$file" ] || kill "$(cat "$file")"; done
