import type { Context } from "../core/context.ts";
import { fail } from "../core/errors.ts";
import {
  type MetadataCloud,
  type MetadataOptions,
  metadataResponder,
  type NicAddress,
} from "../guest-config/formats/metadata-tree.ts";
import { startMetadataServer } from "../machine/metadata-server.ts";
import { smbiosWords } from "../machine/smbios.ts";
import type { Invocation } from "./command.ts";
import { type InstanceOptions, instanceFromOptions } from "./instance-options.ts";
import { metadataMachine } from "./metadata-machines.ts";
import { openProfile } from "./open-profile.ts";

export interface ServeOptions extends InstanceOptions {
  readonly as: MetadataCloud;
  readonly port?: number;
  readonly token?: NonNullable<MetadataOptions["token"]>;
}

/** Serves until the context's signal is aborted. Each request is told as it comes. */
export async function serveMetadata(
  profileName: string,
  options: ServeOptions,
  result: Invocation["result"],
  context: Context,
): Promise<void> {
  const { as: cloud, token, port } = options;
  if (token !== undefined && cloud !== "alibaba" && cloud !== "ec2")
    fail("usage/arguments", `cannot use --token with --as ${cloud}: that cloud has none`);
  const { profile } = await openProfile(profileName, context);
  const config = instanceFromOptions(profile, options);
  const responder = metadataResponder(cloud, config, { token, addresses: [guestAddress(cloud)] });
  const { emit, signal } = context;
  const onRequest = ({ method, path, status }: { method: string; path: string; status: number }) =>
    emit({ type: "log", level: "info", message: `${method} ${path} ${status}` });
  const server = await startMetadataServer(responder, { port, onRequest }, signal);
  const url = `http://127.0.0.1:${server.port}/`;
  const qemu = qemuArguments(cloud, server.port, config.network.interfaces[0]?.mac);
  result(
    [
      `${url} answers as ${cloud} for the instance ${config.instanceId}; Ctrl-C ends it`,
      `a guest finds it with: qemu-system-x86_64 … ${qemu.map(shellWord).join(" ")}`,
    ].join("\n"),
    { url, port: server.port, as: cloud, instanceId: config.instanceId, qemu },
  );
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await server.close();
}

/** In the network that `qemuArguments` makes: QEMU gives its first guest .15, and is the router .2 itself. */
function guestAddress(cloud: MetadataCloud): NicAddress {
  const network = networkOf(metadataMachine(cloud, "").address ?? "10.0.2.0");
  return { address: `${network}.15/24`, gateway: `${network}.2` };
}

function networkOf(address: string): string {
  return address.replace(/\.\d+$/, "");
}

/**
 * QEMU's own network leads connections to an address inside it to a program on this host, here `nc`: so the network is the service's. Where the guest is told an URL, the host's usual address will do.
 * https://www.qemu.org/docs/master/system/invocation.html, "guestfwd"
 */
function qemuArguments(cloud: MetadataCloud, port: number, mac: string | undefined): string[] {
  const { address, smbios } = metadataMachine(cloud, `http://10.0.2.2:${port}/`);
  const network =
    address === undefined
      ? "user,id=net0"
      : `user,id=net0,net=${networkOf(address)}.0/24,guestfwd=tcp:${address}:80-cmd:nc 127.0.0.1 ${port}`;
  return [
    ...["-netdev", network, "-device", `virtio-net-pci,netdev=net0${mac === undefined ? "" : `,mac=${mac}`}`],
    ...smbiosWords(smbios),
  ];
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`;
}
