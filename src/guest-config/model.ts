/**
 * What an instance is told, whatever the channel. Generators (formats/) turn it into config drives and metadata;
 * the initializer reads those back into it. Plain data: it must run in QuickJS too.
 */
export interface InstanceConfig {
  readonly instanceId: string;
  readonly hostname: string;
  /** Lines for authorized_keys, by user. */
  readonly authorizedKeys: Readonly<Record<string, readonly string[]>>;
  /** Who gets the keys that a channel gives without naming a user, as all clouds do. Root if absent. */
  readonly defaultUser?: string | undefined;
  readonly network: NetworkConfig;
  /** Bytes, if it is no text: what gzip has packed. */
  readonly userData?: string | Uint8Array | undefined;
  /** What the cloud itself wants done, in the forms that user data may have; user data wins. */
  readonly vendorData?: string | undefined;
  /** Root's, as crypt(5) has it. Only Tencent's os.conf can say it. */
  readonly passwordHash?: string | undefined;
  /** Only Alibaba's metadata can say them. */
  readonly ntpServers?: readonly string[] | undefined;
}

export interface NetworkConfig {
  readonly interfaces: readonly InterfaceConfig[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

export interface InterfaceConfig {
  /** Lower case, with colons. */
  readonly mac: string;
  readonly dhcp4: boolean;
  /** An IPv6 address from a server. */
  readonly dhcp6?: boolean | undefined;
  /** An IPv6 address from what routers advertise. */
  readonly slaac?: boolean | undefined;
  readonly mtu?: number | undefined;
  /** With prefix length: `192.0.2.7/24`, `2001:db8::7/64`. */
  readonly addresses: readonly string[];
  /** The default route is `0.0.0.0/0` or `::/0`. */
  readonly routes: readonly RouteConfig[];
  readonly nameservers: readonly string[];
  readonly search: readonly string[];
}

export interface RouteConfig {
  readonly to: string;
  readonly via?: string | undefined;
  readonly metric?: number | undefined;
}
