/** A network card and what its cable leads to. */
export type NicSpec = UserNic | SocketNic;

/** A network card and the private network behind it, which QEMU itself plays. */
export interface UserNic {
  /** Lower case, with colons. */
  readonly mac: string;
  /** IPv4 network with prefix length: `10.0.2.0/24`. */
  readonly network: string;
  /** Addresses in that network: of the router, of the DNS server, and the first that DHCP gives. */
  readonly router: string;
  readonly dns: string;
  readonly dhcpStart: string;
  readonly forwards: readonly ForwardSpec[];
}

/** A network card whose frames go through a socket in the file system, as those of a virtual network. QEMU can do it since 7.2. */
export interface SocketNic {
  /** Lower case, with colons. */
  readonly mac: string;
  readonly socketPath: string;
}

/** Connections to a loopback port of the host go to the guest. */
interface ForwardSpec {
  readonly hostPort: number;
  readonly guestAddress: string;
  readonly guestPort: number;
}

/** QEMU's arguments for a network card. */
export function networkCard(nic: NicSpec, index: number): string[] {
  const id = `net${index}`;
  const netdev = "socketPath" in nic ? JSON.stringify(socketNetdev(nic, id)) : userNetdev(nic, id);
  // No boot ROM: the machine never boots from the network, and the ROM may not be there.
  return ["-netdev", netdev, "-device", `virtio-net-pci,netdev=${id},mac=${nic.mac},romfile=`];
}

/** Places for network cards that come later: the first bus of a q35 does not take devices while it runs. */
export function spareSlots(count: number): string[] {
  const slots = Array.from(
    { length: count },
    (_, index) => `pcie-root-port,id=${spareSlot(index)},chassis=${index + 1}`,
  );
  return slots.flatMap((slot) => ["-device", slot]);
}

/** QMP commands that put a network card into the n-th spare slot of a machine that runs. */
export function lateNic(nic: SocketNic, index: number): [command: string, args: Record<string, unknown>][] {
  const id = `late${index}`;
  const device = {
    driver: "virtio-net-pci",
    netdev: id,
    id: `${id}card`,
    bus: spareSlot(index),
    mac: nic.mac,
    romfile: "",
  };
  return [
    ["netdev_add", socketNetdev(nic, id)],
    ["device_add", device],
  ];
}

function spareSlot(index: number): string {
  return `spare${index}`;
}

function userNetdev(nic: UserNic, id: string): string {
  const words = ["user", `id=${id}`, `net=${nic.network}`, `host=${nic.router}`, `dns=${nic.dns}`];
  words.push(`dhcpstart=${nic.dhcpStart}`);
  for (const { hostPort, guestAddress, guestPort } of nic.forwards)
    words.push(`hostfwd=tcp:127.0.0.1:${hostPort}-${guestAddress}:${guestPort}`);
  return words.join(",");
}

/** QEMU, qapi/net.json, NetdevStreamOptions. */
function socketNetdev({ socketPath }: SocketNic, id: string): Record<string, unknown> {
  return { type: "stream", id, server: false, addr: { type: "unix", path: socketPath } };
}
