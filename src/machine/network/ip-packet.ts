/** What IPv4 and IPv6 have in common. */
export interface IpPacket {
  readonly source: Buffer;
  readonly destination: Buffer;
  readonly protocol: number;
  /** TTL or hop limit. */
  readonly hops: number;
  readonly payload: Buffer;
}

export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;
