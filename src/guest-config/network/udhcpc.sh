#!/bin/sh
# Obeys a DHCP server: busybox udhcpc calls this with what has happened and the lease in its environment.
# CLOUDIMG_METRIC: of the routes. CLOUDIMG_KEEP_MTU=1: the MTU is set by the instance's configuration.
# What was done last for a card is kept in $run/lease, so that a renewal that brings nothing new does nothing.
run=${CLOUDIMG_RUN:-/run/cloudimg}
resolv=${CLOUDIMG_RESOLV_CONF:-/etc/resolv.conf}
lease=$run/lease/$interface
names=$run/dns/10-$interface

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
  {
    [ -z "$domains" ] || echo "search$domains"
    for item in $servers; do echo "nameserver $item"; done
  } >"$resolv.cloudimg" && mv "$resolv.cloudimg" "$resolv"
  rmdir "$run/dns.lock" 2>/dev/null
}

# Takes back what the last lease brought, and nothing else: the card may have addresses of its own.
forget() {
  [ -r "$lease" ] || return 0
  while read -r word rest; do
    case $word in
      address) ip -4 addr del "${rest%% *}" dev "$interface" ;;
      route) ip -4 route del $rest dev "$interface" ;;
    esac
  done <"$lease" 2>/dev/null
  rm -f "$lease" "$names"
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
  mkdir -p "$run/lease" "$run/dns"
  wanted=$(
    echo "address $ip/${mask:-24} broadcast ${broadcast:-+}"
    [ "$CLOUDIMG_KEEP_MTU" = 1 ] || [ "${mtu:-0}" -lt 576 ] || echo "mtu $mtu"
    routes
    for server in $dns; do echo "nameserver $server"; done
    [ -z "${search:-$domain}" ] || echo "search ${search:-$domain}"
    for server in $ntpsrv; do echo "ntp $server"; done
  )
  if [ -r "$lease" ]; then
    [ "$(cat "$lease")" != "$wanted" ] || return 0
    forget
  fi
  echo "$wanted" | while read -r word rest; do
    case $word in
      mtu) ip link set dev "$interface" mtu $rest ;;
      address) ip -4 addr add $rest dev "$interface" ;;
      route) ip -4 route add $rest dev "$interface" ;;
      nameserver | search) echo "$word $rest" >>"$names.new" ;;
    esac
  done
  [ ! -e "$names.new" ] || mv "$names.new" "$names"
  echo "$wanted" >"$lease.new" && mv "$lease.new" "$lease"
  compose
}

case $1 in
  deconfig)
    forget
    ip link set dev "$interface" up
    ;;
  bound | renew) apply ;;
  compose) compose ;;
esac
exit 0
