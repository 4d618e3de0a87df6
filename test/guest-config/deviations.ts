/** A recorded case of which we deliberately make something else than cloud-init does. */
export interface Deviation {
  readonly reason: string;
  /** What differs in the result: merged into what was recorded, null takes away. */
  readonly expected?: unknown;
}

/** By name of the case; families in alphabetical order. */
export const deviations: Readonly<Record<string, Deviation>> = {
  // ds-identify
  "dsid-freebsd-nocloud": { reason: "FreeBSD: volumes are found in Linux's sysfs", expected: { datasource_list: [] } },
  "dsid-ibmcloud-os-code": {
    reason: "the drive of IBM's cloud is a config drive and is read as one",
    expected: { datasource_list: ["ConfigDrive"] },
  },
  "dsid-syn-config-2-wrong-case-mixed": {
    reason: "a label counts in any case",
    expected: { datasource_list: ["ConfigDrive"] },
  },
  "dsid-syn-tencent-dmi-no-cdrom": {
    reason: "Tencent's metadata service is a source of ours",
    expected: { datasource_list: ["TencentCloud"] },
  },
  "dsid-test-config-drive-interacts-with-ibmcloud-config-disk": {
    reason: "the drive of IBM's cloud is a config drive and is read as one",
    expected: { datasource_list: ["ConfigDrive"] },
  },
  "dsid-test-ibmcloud-with-nocloud-seed": {
    reason: "the drive of IBM's cloud is a config drive and is read as one",
    expected: { datasource_list: ["ConfigDrive", "NoCloud"] },
  },
  // eni-network-interfaces
  "eni-dhcpv6-accept-ra": {
    reason: "`inet6 dhcp` is DHCPv6, not DHCPv4; accept-ra is heeded",
    expected: { interfaces: { iface0: { dhcp4: false, dhcp6: true, accept_ra: true } } },
  },
  "eni-dhcpv6-only": {
    reason: "`inet6 dhcp` is DHCPv6, not DHCPv4",
    expected: { interfaces: { iface0: { dhcp4: false, dhcp6: true } } },
  },
  "eni-dhcpv6-reject-ra": {
    reason: "`inet6 dhcp` is DHCPv6, not DHCPv4; accept-ra is heeded",
    expected: { interfaces: { iface0: { dhcp4: false, dhcp6: true, accept_ra: false } } },
  },
  "eni-dhcpv6-stateless": {
    reason: "`inet6 auto` means an address from router advertisements, `dhcp 1` the rest from DHCPv6",
    expected: { interfaces: { iface0: { slaac: true, dhcp6_stateless: true } } },
  },
  "eni-ipv6-slaac": {
    reason: "`inet6 auto` means an address from router advertisements",
    expected: { interfaces: { iface0: { slaac: true } } },
  },
  "eni-manual": {
    reason: "the MTU of an interface without addresses is set too",
    expected: { interfaces: { eth1: { mtu: 1480 } } },
  },
  "eni-testnoclouddatasource-test-metadata-network-interfaces": {
    reason: "a card is found by the MAC address that is given; `dns-servers` can only mean name servers",
    expected: {
      interfaces: {
        eth0: {
          mac: "00:16:3e:70:e1:04",
          match: { macaddress: "00:16:3e:70:e1:04" },
          dns: { nameservers: ["8.8.8.8"] },
        },
      },
      effective: { nameservers: ["8.8.8.8"] },
    },
  },
  "eni-wakeonlan-enabled": {
    reason: "`ethernet-wol` is heeded",
    expected: { interfaces: { iface0: { wakeonlan: true } } },
  },
  // network-config-v1
  "nc-bond-v1-v1": {
    reason: "bond_miimon, with underscores, is meant as much as bond-mode",
    expected: miimon("bond0"),
  },
  "nc-large-v1-v1": {
    reason: "bond_miimon, with underscores, is meant as much as bond-mode",
    expected: miimon("bond0"),
  },
  "syn-nameserver-search-only-is-skipped": {
    reason: "search domains without name servers are kept",
    expected: { dns: { search: ["x.example"] }, effective: { search: ["x.example"] } },
  },
  "t-testnetplannetrendering-test-render-nameserver-gateway4-v1": {
    reason: "a name server is an address: the length after it is dropped",
    expected: {
      dns: { nameservers: ["192.168.23.14", "11.0.0.11"] },
      effective: { nameservers: ["11.0.0.11", "192.168.23.14"] },
    },
  },
  "t-testnetworkmanagerrendernetworkstate-test-bond-active-backup-baseline-v1": badMacs(
    "ens1f0np0",
    "ens1f1np1",
    "bond0",
  ),
  "t-testnetworkmanagerrendernetworkstate-test-bond-balance-rr-baseline-v1": badMacs("ens1f0np0", "ens1f1np1", "bond0"),
  "t-testnetworkmanagerrendernetworkstate-test-bond-balance-tlb-baseline-v1": badMacs(
    "ens1f0np0",
    "ens1f1np1",
    "bond0",
  ),
  "t-testnetworkmanagerrendernetworkstate-test-bond-dns-baseline-v1": badMacs("ens1f0np0", "ens1f1np1", "bond0"),
  "t-testnetworkmanagerrendernetworkstate-test-bond-dns-redacted-with-method-disabled-v1": badMacs(
    "ens1f0np0",
    "ens1f1np1",
    "bond0",
  ),
  "t-testnetworkmanagerrendernetworkstate-test-subnet-route-metric-v1": badMacs("ens1f0np0"),
  // network-config-v2
  "syn-nameserver-search-only-is-dropped": {
    reason: "search domains without name servers are kept",
    expected: { interfaces: { eth0: { dns: { search: ["only.example"] } } }, effective: { search: ["only.example"] } },
  },
  "t-testnetworkmanagerrendernetworkstate-test-bond-multiword-options-from-v2-v2": badMacs("eth0", "eth1"),
  // passwords
  "pw-yescrypt-in-list-is-plain-text": {
    reason: "a hash of any kind that crypt(5) has is taken for one: nobody's password looks like that",
    expected: { chpasswd_calls: [{ hashed: true, entries: [["a", "$y$j9T$s$h"]] }] },
  },
  // vendor-data
  "vendordata-test-vd-load-dict-ci-dict": {
    reason: "recorded of the inner value alone; as a whole document it has nothing for us",
    expected: { value: [], problems: [] },
  },
};

function miimon(bond: string): unknown {
  const interfaces = { [bond]: { bond: { params: { miimon: "100" } } } };
  return { interfaces, effective: { interfaces } };
}

/** The cases were recorded with their addresses made unrecognizable. */
function badMacs(...names: string[]): Deviation {
  return {
    reason: "what is no MAC address is reported, and the card found by its name",
    expected: { interfaces: Object.fromEntries(names.map((name) => [name, { mac: null, match: null }])) },
  };
}
