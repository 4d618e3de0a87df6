#!/bin/sh
# Obeys a DHCP server: busybox udhcpc and udhcpc6 call this with what has happened and the lease in its environment.
# CLOUDIMG_FAMILY: 6 for udhcpc6. CLOUDIMG_METRIC: of the routes. CLOUDIMG_IGNORE: what of mtu, routes, dns, domains, ntp the
# instance's configuration decides itself. CLOUDIMG_HOSTNAME=1: nobody else names the instance.
# What was done last for a card is kept in $run/lease, so that a renewal that brings nothing new does nothing.
run=${CLOUDIMG_RUN:-/run/cloudimg}
resolv=${CLOUDIMG_RESOLV_CONF:-/etc/resolv.conf}
family=${CLOUDIMG_FAMILY:-4}
if [ "$family" = 6 ]; then
  leases=$run/lease6 names=$run/dns/20-$interface client=udhcpc6
else
  leases=$run/lease names=$run/dns/10-$interface client=udhcpc
fi
lease=$leases/$interface
mtu_before=$run/mtu.$interface

heeds() { case " $CLOUDIMG_IGNORE " in *" $1 "*) return 1 ;; esac; }

# resolv.conf from all sides: search domains and the first three name servers, none twice.
compose() {
  tries=0
  until mkdir "$run/dns.lock" 2>/dev/null || [ $tries -ge 20 ]; do usleep 100000; tries=$((tries + 1)); done
  domains= servers= count=0
  for file in "$run"/dns/*; do
    [ -r "$file" ] || continue
    while read -r word rest; do
      for item in $rest; do
        case $word in
          search) case " $domains " in *" $item "*) ;; *) domains="$domains $item" ;; esac ;;
          nameserver)
            case " $servers " in
              *" $item "*) ;;
              *) [ $count -ge 3 ] || { servers="$servers $item"; count=$((count + 1)); } ;;
            esac ;;
        esac
      done
    done <"$file"
  done
  text=$(
    [ -z "$domains" ] || echo "search$domains"
    for item in $servers; do echo "nameserver $item"; done
  )
  publish
  status=$?
  rmdir "$run/dns.lock" 2>/dev/null
  return $status
}

write() { [ -z "$text" ] || echo "$text"; }

# In one step where that is possible. A link is followed, unless it leads nowhere. If nothing can be written there, the file is kept in
# $run and laid over the one that is there.
publish() {
  target=$resolv
  if [ -L "$resolv" ]; then
    target=$(readlink -f "$resolv")
    [ -d "${target%/*}" ] || target=$resolv
  fi
  { write >"$target.cloudimg" && mv "$target.cloudimg" "$target"; } 2>/dev/null && return
  rm -f "$target.cloudimg" 2>/dev/null
  { write >"$target"; } 2>/dev/null && return
  write >"$run/resolv.conf" && mount -o bind "$run/resolv.conf" "$resolv"
}

# Takes back what the last lease brought, and nothing else: the card may have addresses of its own.
forget() {
  [ -r "$lease" ] || return 0
  while read -r word rest; do
    case $word in
      address) ip "-$family" addr del "${rest%% *}" dev "$interface" ;;
      route) ip "-$family" route del $rest dev "$interface" ;;
    esac
  done <"$lease" 2>/dev/null
  [ "$family" = 6 ] || [ ! -r "$mtu_before" ] || cat "$mtu_before" >"/sys/class/net/$interface/mtu"
  rm -f "$lease" "$names" "$mtu_before"
}

# RFC 3442: with classless routes (option 121) the routers (option 3) are not heeded. The gateway 0.0.0.0 means: on the wire.
routes() {
  onlink=
  [ "${mask:-24}" != 32 ] || onlink=" onlink"
  metric=
  [ "${CLOUDIMG_METRIC:-0}" = 0 ] || metric=" metric $CLOUDIMG_METRIC"
  if [ -n "$staticroutes" ]; then
    set -- $staticroutes
    while [ $# -ge 2 ]; do
      if [ "$2" = 0.0.0.0 ]; then echo "route $1$metric"; else echo "route $1 via $2$metric$onlink"; fi
      shift 2
    done
  else
    for gateway in $router; do
      echo "route 0.0.0.0/0 via $gateway$metric$onlink"
      break
    done
  fi
}

apply() {
  mkdir -p "$leases" "$run/dns"
  wanted=$(
    if [ "$family" = 6 ]; then
      [ -z "$ipv6" ] || echo "address $ipv6/128"
    else
      echo "address $ip/${mask:-24} broadcast ${broadcast:-+}"
      ! heeds mtu || [ "${mtu:-0}" -lt 576 ] || echo "mtu $mtu"
      ! heeds routes || routes
    fi
    ! heeds dns || for server in $dns; do echo "nameserver $server"; done
    [ -z "${search:-$domain}" ] || ! heeds domains || echo "search ${search:-$domain}"
    ! heeds ntp || for server in $ntpsrv; do echo "ntp $server"; done
    [ "$CLOUDIMG_HOSTNAME" != 1 ] || echo "hostname $hostname"
  )
  if [ -r "$lease" ]; then
    [ "$(cat "$lease")" != "$wanted" ] || return 0
    forget
  fi
  echo "$wanted" | while read -r word rest; do
    case $word in
      mtu)
        cat "/sys/class/net/$interface/mtu" >"$mtu_before" 2>/dev/null
        ip link set dev "$interface" mtu $rest
        ;;
      address) ip "-$family" addr add $rest dev "$interface" ;;
      route) ip -4 route add $rest dev "$interface" ;;
      nameserver | search) echo "$word $rest" >>"$names.new" ;;
      hostname) case $rest in [A-Za-z0-9]*) hostname "${rest%%.*}" ;; esac ;;
    esac
  done
  [ ! -e "$names.new" ] || mv "$names.new" "$names"
  echo "$wanted" >"$lease.new" && mv "$lease.new" "$lease"
  # Routes of the instance's configuration that lead over the addresses of this lease.
  [ ! -r "$run/routes/$interface" ] || . "$run/routes/$interface"
  compose
}

# Has the card a link-local address that nobody else has? The flag 0x40: it is still looking.
has_link_local() {
  while read -r address index length scope flags card; do
    case "$card $scope $flags" in "$interface 20 "[0-389ab]*) return 0 ;; esac
  done </proc/net/if_inet6
  return 1
}

case $1 in
  start6)
    shift
    echo $$ >"$run/$client.$interface.pid"
    tries=0
    until has_link_local || [ $tries -ge 100 ]; do usleep 100000; tries=$((tries + 1)); done
    exec udhcpc6 "$@"
    ;;
  deconfig)
    forget
    ip link set dev "$interface" up
    ;;
  bound | renew | informed) apply ;;
  compose)
    compose
    exit
    ;;
  stop)
    read -r pid <"$run/$client.$interface.pid" && kill "$pid"
    rm -f "$run/$client.$interface.pid"
    forget
    compose
    ;;
esac
exit 0
