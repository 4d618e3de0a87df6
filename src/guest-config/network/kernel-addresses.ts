import type { Host } from "../initializer/host.ts";
import { formatIp } from "../ip.ts";

/** IFA_F_PERMANENT of linux/if_addr.h: not from a router. */
const permanent = 0x80;
/** IPV6_ADDR_SCOPE_GLOBAL of the kernel: neither of the link nor of this machine. */
const globalScope = "00";

/** The addresses that cards have made of what routers advertise, with prefix length. /proc/net/if_inet6: address, index, length, scope and flags in hexadecimal, name. */
export function advertisedAddresses(host: Host, name: string): string[] {
  return (host.readText("/proc/net/if_inet6") ?? "").split("\n").flatMap((line) => {
    const [digits = "", , length = "", scope, flags = "", nic] = line.trim().split(/\s+/);
    if (nic !== name || scope !== globalScope || (Number.parseInt(flags, 16) & permanent) !== 0) return [];
    const bytes = digits.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
    return bytes.length === 16 ? [`${formatIp({ family: 6, bytes })}/${Number.parseInt(length, 16)}`] : [];
  });
}
