import { existsSync, mkdirSync, readdirSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";
import { basename, dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import {
  formatIp,
  linkLocalOf,
  multicastMac,
  parseIp,
  parseMac,
  solicitedNode,
} from "../../../src/machine/network/addresses.ts";
import { decodeArp, encodeArp } from "../../../src/machine/network/arp.ts";
import { encodeName } from "../../../src/machine/network/dns-names.ts";
import { broadcastMac, decodeEthernet, encodeEthernet, etherTypes } from "../../../src/machine/network/ethernet.ts";
import { framed, frameReader } from "../../../src/machine/network/framing.ts";
import { decodeIcmp, encodeIcmp } from "../../../src/machine/network/icmp.ts";
import { decodeIpv4, encodeIpv4 } from "../../../src/machine/network/ipv4.ts";
import { decodeIpv6, encodeIpv6 } from "../../../src/machine/network/ipv6.ts";
import {
  decodeNeighbour,
  encodeNeighbourAdvertisement,
  encodeNeighbourSolicitation,
} from "../../../src/machine/network/nd.ts";
import type { VirtualNetworkOptions } from "../../../src/machine/network/options.ts";
import { makeSocketDirectory } from "../../../src/machine/network/socket-directory.ts";
import { decodeTcp, encodeTcp, type TcpSegment } from "../../../src/machine/network/tcp-segment.ts";
import { decodeUdp, encodeUdp } from "../../../src/machine/network/udp.ts";
import { startVirtualNetwork } from "../../../src/machine/network/virtual-network.ts";
import { temporaryDirectory, until } from "../support.ts";

const routerMac = parseMac("52:55:00:00:00:01");
const router = parseIp("10.0.2.1");
const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

/** A card without a machine: what it is sent, and what it sends. */
async function startCard(socketPath: string, mac: string, address: string) {
  const socket = connect(socketPath);
  await new Promise((resolve) => socket.once("connect", resolve));
  ending.push(() => socket.destroy());
  const frames: Buffer[] = [];
  socket.on(
    "data",
    frameReader((frame) => frames.push(Buffer.from(frame))),
  );
  const own = parseMac(mac);
  const ip = parseIp(address);
  const isV4 = ip.length === 4;
  const send = (type: number, payload: Buffer, destination = routerMac) =>
    socket.write(framed(encodeEthernet({ destination, source: own, type, payload })));
  const sendIp = (protocol: number, payload: Buffer, destination: Buffer) =>
    send(
      isV4 ? etherTypes.ipv4 : etherTypes.ipv6,
      (isV4 ? encodeIpv4 : encodeIpv6)({ source: ip, destination, protocol, hops: 255, payload }),
    );
  const packets = () =>
    frames.flatMap((bytes) => {
      const frame = decodeEthernet(bytes);
      const packet = frame && (frame.type === etherTypes.ipv4 ? decodeIpv4 : decodeIpv6)(frame.payload);
      return packet === undefined ? [] : [packet];
    });
  const segments = () =>
    packets().flatMap((packet) => {
      const segment = packet.protocol === 6 ? decodeTcp(packet.payload, packet.source, packet.destination) : undefined;
      return segment === undefined ? [] : [segment];
    });
  const sendTcp = (segment: Partial<TcpSegment>, sourcePort: number, to: string, destinationPort: number) => {
    const destination = parseIp(to);
    const whole = { sequence: 0, window: 65_535, payload: Buffer.alloc(0), ...segment };
    sendIp(6, encodeTcp(whole, { sourcePort, destinationPort }, ip, destination), destination);
  };
  const sendUdp = (payload: Buffer, destinationPort: number, to: string) => {
    const destination = parseIp(to);
    sendIp(17, encodeUdp({ sourcePort: 999, destinationPort, payload }, ip, destination), destination);
  };
  const arps = () => frames.flatMap((bytes) => decodeArp(decodeEthernet(bytes)?.payload ?? bytes) ?? []);
  return { mac: own, ip, frames, socket, send, sendIp, sendTcp, sendUdp, packets, segments, arps };
}

async function start(options: VirtualNetworkOptions) {
  const abort = new AbortController();
  const network = await startVirtualNetwork(options, abort.signal);
  ending.push(() => network.close());
  const card = async (mac: string, address: string) => startCard((await network.plug(mac)).socketPath, mac, address);
  return { network, abort, card };
}

/** A program on this host that says back what it hears. */
async function startEcho(): Promise<{ host: string; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ending.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port, sockets };
}

const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"] as const;

describe("the switch", () => {
  test("gives frames for all to all, then those for one to that one", async () => {
    const { card } = await start({});
    const [one, two, three] = await Promise.all(macs.map((mac, index) => card(mac, `10.0.2.${index + 2}`)));
    if (one === undefined || two === undefined || three === undefined) return;
    const type = 0x88b5;
    two.send(type, Buffer.from("hello"), broadcastMac);
    await until("all have it", () => one.frames.length === 1 && three.frames.length === 1);
    expect(two.frames).toEqual([]);
    one.send(type, Buffer.from("for two"), two.mac);
    await until("it is there", () => two.frames.length === 1);
    one.send(type, Buffer.from("for all"), broadcastMac);
    await until("all have it", () => three.frames.length === 2);
    expect(three.frames.map((frame) => frame.subarray(14).toString())).toEqual(["hello", "for all"]);
  });

  test("a later machine may take a cable", async () => {
    const { network } = await start({ ipv4: ["10.0.2.1/24"] });
    const { socketPath } = await network.plug(macs[0]);
    for (let turn = 0; turn < 2; turn++) {
      const card = await startCard(socketPath, macs[turn] as string, "10.0.2.2");
      card.sendIp(1, encodeIcmp({ type: 8, code: 0, body: Buffer.from("ping") }, card.ip, router), router);
      await until("it answers", () => card.packets().length === 1);
      card.socket.destroy();
    }
  });
});

describe("the router", () => {
  test("answers ARP for its own addresses and its services', and nobody else's", async () => {
    const { card } = await start({
      ipv4: ["10.0.2.1/24"],
      services: { "169.254.169.254:80": { host: "127.0.0.1", port: 1 } },
    });
    const one = await card(macs[0], "10.0.2.2");
    for (const target of ["10.0.2.9", "10.0.2.1", "169.254.169.254"]) {
      const packet = {
        operation: "request",
        senderMac: one.mac,
        senderIp: one.ip,
        targetMac: Buffer.alloc(6),
      } as const;
      one.send(etherTypes.arp, encodeArp({ ...packet, targetIp: parseIp(target) }), broadcastMac);
    }
    await until("two answers", () => one.arps().length === 2);
    expect(one.arps().map(({ operation, senderIp, senderMac }) => [operation, formatIp(senderIp), senderMac])).toEqual([
      ["reply", "10.0.2.1", routerMac],
      ["reply", "169.254.169.254", routerMac],
    ]);
  });

  test("answers ping, says what it has no way to, and is silent where it shall be", async () => {
    const { card } = await start({ ipv4: ["10.0.2.1/24"], blackhole: ["10.9.0.0/16"] });
    const one = await card(macs[0], "10.0.2.2");
    const ping = (to: string) =>
      one.sendIp(1, encodeIcmp({ type: 8, code: 0, body: Buffer.from("....ping") }, one.ip, parseIp(to)), parseIp(to));
    ping("10.9.1.1");
    one.sendUdp(Buffer.from("x"), 9, "10.0.2.1");
    ping("203.0.113.1");
    ping("10.0.2.1");
    await until("three answers", () => one.packets().length === 3);
    const answers = one.packets().map(({ payload, source, destination }) => {
      const { type, code, body } = decodeIcmp(payload, source, destination) ?? {};
      return [formatIp(source), type, code, body?.subarray(4, 8).toString()];
    });
    expect(answers).toEqual([
      ["10.0.2.1", 3, 3, expect.stringMatching(/^E/)],
      ["10.0.2.1", 3, 0, expect.stringMatching(/^E/)],
      ["10.0.2.1", 0, 0, "ping"],
    ]);
  });

  test("leads from one of its networks into another, once it knows who has the address", async () => {
    const { card } = await start({ ipv4: ["10.0.2.1/24", "10.0.3.1/24"] });
    const one = await card(macs[0], "10.0.2.2");
    const two = await card(macs[1], "10.0.3.2");
    one.sendIp(200, Buffer.from("through"), two.ip);
    await until("it asks", () => two.arps().length > 0);
    const { senderIp, targetIp } = two.arps()[0] as { senderIp: Buffer; targetIp: Buffer };
    expect([formatIp(senderIp), formatIp(targetIp)]).toEqual(["10.0.3.1", "10.0.3.2"]);
    const reply = {
      operation: "reply",
      senderMac: two.mac,
      senderIp: two.ip,
      targetMac: routerMac,
      targetIp: senderIp,
    } as const;
    two.send(etherTypes.arp, encodeArp(reply));
    await until("it is there", () => two.packets().length === 1);
    expect(two.packets()[0]).toMatchObject({ hops: 254, payload: Buffer.from("through"), source: one.ip });
  });

  test("answers names, to A and AAAA apart, and no others", async () => {
    const { card, network } = await start({ ipv4: ["10.0.2.1/24"], names: { "Metadata.example": ["169.254.0.23"] } });
    const one = await card(macs[0], "10.0.2.2");
    const ask = (name: string, type: number) =>
      one.sendUdp(
        Buffer.concat([
          Buffer.from("00070100000100000000000000", "hex").subarray(0, 12),
          encodeName(name),
          Buffer.from([0, type, 0, 1]),
        ]),
        53,
        "183.60.83.19",
      );
    ask("METADATA.example", 1);
    ask("metadata.example", 28);
    ask("other.example", 1);
    await until("three answers", () => one.packets().length === 3);
    const answers = one
      .packets()
      .map(({ payload, source, destination }) => decodeUdp(payload, source, destination)?.payload);
    expect(answers.map((answer) => answer?.toString("hex", 0, 8))).toEqual([
      "0007818000010001",
      "0007818000010000",
      "0007818300010000",
    ]);
    expect(answers[0]?.subarray(-4)).toEqual(parseIp("169.254.0.23"));
    expect(network.events()).toContainEqual({ kind: "dns", from: "10.0.2.2", name: "other.example", type: 1 });
  });

  test("IPv6: advertises itself when asked, answers for its addresses, also to who looks whether one is free", async () => {
    const { card, network } = await start({
      ipv6: { prefixes: ["2001:db8::1/64"] },
      services: { "[fe80::a9fe:a9fe]:80": { host: "127.0.0.1", port: 1 } },
    });
    const one = await card(macs[0], linkLocalOf(macs[0]));
    const allRouters = parseIp("ff02::2");
    one.send(
      etherTypes.ipv6,
      encodeIpv6({
        source: one.ip,
        destination: allRouters,
        protocol: 58,
        hops: 255,
        payload: encodeIcmp({ type: 133, code: 0, body: Buffer.alloc(4) }, one.ip, allRouters),
      }),
      multicastMac(allRouters),
    );
    for (const [target, from] of [
      ["fe80::a9fe:a9fe", one.ip],
      ["2001:db8::1", parseIp("::")],
      ["2001:db8::9", one.ip],
    ] as const) {
      const destination = solicitedNode(parseIp(target));
      const payload = encodeIcmp(
        encodeNeighbourSolicitation({ target: parseIp(target), mac: one.mac }),
        from,
        destination,
      );
      one.send(
        etherTypes.ipv6,
        encodeIpv6({ source: from, destination, protocol: 58, hops: 255, payload }),
        multicastMac(destination),
      );
    }
    await until("three answers", () => one.packets().length === 3);
    const messages = one.packets().map(({ payload, source, destination }) => ({
      to: formatIp(destination),
      ...decodeIcmp(payload, source, destination),
    }));
    expect(messages.map(({ type, to }) => `${type} ${to}`)).toEqual([
      "134 ff02::1",
      `136 ${formatIp(one.ip)}`,
      "136 ff02::1",
    ]);
    const [, asked] = messages;
    expect(decodeNeighbour({ type: 136, code: 0, body: asked?.body ?? Buffer.alloc(0) })?.mac).toEqual(routerMac);
    expect(network.events()).toContainEqual({ kind: "router-solicitation", mac: macs[0] });
  });
});

describe("TCP", () => {
  test("leads to a service, both ways, and closes with it", async () => {
    const echo = await startEcho();
    const { card, network } = await start({ ipv4: ["10.0.2.1/24"], services: { "169.254.169.254:80": echo } });
    const one = await card(macs[0], "10.0.2.2");
    const say = (segment: Partial<TcpSegment>) => one.sendTcp(segment, 4000, "169.254.169.254", 80);
    say({ sequence: 99, syn: true, largestSegmentBytes: 1460 });
    await until("it is open", () => one.segments().length === 1);
    const { sequence, ...answer } = (one.segments()[0] as { segment: TcpSegment }).segment;
    expect(answer).toMatchObject({ syn: true, acknowledged: 100, largestSegmentBytes: 1460, windowScale: undefined });
    const next = (sequence + 1) >>> 0;
    say({ sequence: 100, acknowledged: next, payload: Buffer.from("hello") });
    await until("it comes back", () => one.segments().some(({ segment }) => segment.payload.toString() === "hello"));
    say({ sequence: 105, acknowledged: (next + 5) >>> 0, fin: true });
    await until("it ends too", () => one.segments().some(({ segment }) => segment.fin === true));
    expect(network.events()).toContainEqual({
      kind: "connect",
      from: "10.0.2.2",
      to: "169.254.169.254",
      port: 80,
      outcome: "open",
    });
  });

  test("is refused where there is no service, or the program behind it is gone", async () => {
    const gone = await startEcho();
    await ending.pop()?.();
    const { card, network } = await start({ ipv4: ["10.0.2.1/24"], services: { "10.0.2.1:80": gone } });
    const one = await card(macs[0], "10.0.2.2");
    for (const port of [80, 81]) one.sendTcp({ sequence: 7, syn: true }, 4000, "10.0.2.1", port);
    await until("both are refused", () => one.segments().length === 2);
    for (const { segment } of one.segments()) expect(segment).toMatchObject({ rst: true, acknowledged: 8 });
    one.sendTcp({ sequence: 7, acknowledged: 55 }, 4001, "10.0.2.1", 80);
    await until("one of no connection too", () => one.segments().length === 3);
    expect(one.segments()[2]?.segment).toMatchObject({ rst: true, sequence: 55, acknowledged: undefined });
    expect(network.events().filter((event) => event.kind === "connect" && event.outcome === "refused")).toHaveLength(2);
  });

  test("other addresses lead where the dialer says", async () => {
    const echo = await startEcho();
    const { card } = await start({
      ipv4: ["10.0.2.1/24"],
      dial: (address, port) => (`${address} ${port}` === "203.0.113.5 443" ? echo : undefined),
    });
    const one = await card(macs[0], "10.0.2.2");
    one.sendTcp({ sequence: 1, syn: true }, 4000, "203.0.113.5", 443);
    await until("it is open", () => one.segments()[0]?.segment.syn === true);
  });

  test("a program that breaks off resets the guest's connection, and the guest the program's", async () => {
    const echo = await startEcho();
    const { card } = await start({ ipv4: ["10.0.2.1/24"], services: { "10.0.2.1:80": echo } });
    const one = await card(macs[0], "10.0.2.2");
    for (const port of [4000, 4001]) one.sendTcp({ sequence: 7, syn: true }, port, "10.0.2.1", 80);
    await until("both are open", () => one.segments().length === 2 && echo.sockets.length === 2);
    for (const { segment, ports } of one.segments())
      one.sendTcp(
        { sequence: 8, acknowledged: (segment.sequence + 1) >>> 0, payload: Buffer.from([0]) },
        ports.destinationPort,
        "10.0.2.1",
        80,
      );
    await until("both are used", () => echo.sockets.every(({ bytesRead }) => bytesRead === 1));
    echo.sockets[0]?.resetAndDestroy();
    await until("the guest hears of it", () => one.segments().some(({ segment }) => segment.rst === true));
    const [reset] = one.segments().filter(({ segment }) => segment.rst === true);
    const other = reset?.ports.destinationPort === 4000 ? 4001 : 4000;
    one.sendTcp({ sequence: 9, rst: true }, other, "10.0.2.1", 80);
    await until("the program hears of it", () => echo.sockets.every(({ destroyed }) => destroyed));
  });

  test("a port of this host leads to a guest's, over IPv6 without any configuration", async () => {
    const { card, network } = await start({});
    const one = await card(macs[0], linkLocalOf(macs[0]));
    const port = await network.forward(linkLocalOf(macs[0]), 22);
    const socket = connect(port, "127.0.0.1");
    ending.push(() => socket.destroy());
    const heard: Buffer[] = [];
    socket.on("data", (bytes: Buffer) => heard.push(bytes));
    socket.write("hello");
    await until("it asks who that is", () => one.packets().some(({ protocol }) => protocol === 58));
    const question = one.packets().find(({ protocol }) => protocol === 58);
    expect(formatIp(question?.destination ?? router)).toBe("ff02::1:ff00:1");
    const here = encodeIcmp(
      encodeNeighbourAdvertisement({ target: one.ip, mac: one.mac }, true),
      one.ip,
      parseIp("fe80::1"),
    );
    one.sendIp(58, here, parseIp("fe80::1"));
    await until("it connects", () => one.segments().length > 0);
    const { segment, ports } = one.segments()[0] as {
      segment: TcpSegment;
      ports: { sourcePort: number; destinationPort: number };
    };
    expect([segment.syn, ports.destinationPort, segment.largestSegmentBytes]).toEqual([true, 22, 1440]);
    const acknowledged = (segment.sequence + 1) >>> 0;
    one.sendTcp({ sequence: 500, acknowledged, syn: true, largestSegmentBytes: 1440 }, 22, "fe80::1", ports.sourcePort);
    await until("what was written comes", () =>
      one.segments().some(({ segment }) => segment.payload.toString() === "hello"),
    );
    one.sendTcp(
      { sequence: 501, acknowledged: (acknowledged + 5) >>> 0, payload: Buffer.from("hi"), fin: true },
      22,
      "fe80::1",
      ports.sourcePort,
    );
    await until("and the answer", () => Buffer.concat(heard).toString() === "hi" && socket.readableEnded);
  });
});

describe("a connection of this process to a guest", () => {
  const guest = { mac: macs[0], address: "10.0.2.2" };

  /** A guest that says once how it is asked for a connection. */
  async function asked(limit = new AbortController().signal) {
    const { card, network } = await start({ ipv4: ["10.0.2.1/24"] });
    const one = await card(guest.mac, guest.address);
    const opening = network.connect(guest.address, 22, limit);
    opening.catch(() => {});
    // Whoever has said something on the link need not be asked for.
    one.sendTcp({ sequence: 1, syn: true }, 4000, "10.0.2.1", 9);
    const isSyn = ({ segment, ports }: ReturnType<typeof one.segments>[number]) =>
      segment.syn === true && ports.destinationPort === 22;
    await until("it is asked", () => one.segments().some(isSyn));
    const { segment, ports } = one.segments().find(isSyn) as ReturnType<typeof one.segments>[number];
    const acknowledged = (segment.sequence + 1) >>> 0;
    return { one, network, opening, acknowledged, port: ports.sourcePort };
  }

  test("is there when the guest has taken it", async () => {
    const { one, opening, acknowledged, port } = await asked();
    let isOpen = false;
    void opening.then(() => {
      isOpen = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOpen).toBe(false);
    one.sendTcp({ sequence: 500, acknowledged, syn: true }, 22, "10.0.2.1", port);
    const socket = await opening;
    ending.push(() => socket.destroy());
    const heard = new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(String(bytes))));
    one.sendTcp({ sequence: 501, acknowledged, payload: Buffer.from("SSH") }, 22, "10.0.2.1", port);
    expect(await heard).toBe("SSH");
    socket.write("hello");
    await until("what is written comes", () =>
      one.segments().some(({ segment }) => segment.payload.toString() === "hello"),
    );
  });

  test("fails with a code when the guest refuses it, and with the signal", async () => {
    const { one, opening, acknowledged, port } = await asked();
    one.sendTcp({ sequence: 0, acknowledged, rst: true }, 22, "10.0.2.1", port);
    await expect(opening).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const limit = new AbortController();
    const other = await asked(limit.signal);
    limit.abort(new Error("no longer"));
    await expect(other.opening).rejects.toThrow("no longer");
  });

  test("fails when the network ends, and after that", async () => {
    const { opening, network } = await asked();
    await network.close();
    await expect(opening).rejects.toMatchObject({ code: "ECONNREFUSED" });
    const { signal } = new AbortController();
    await expect(network.connect(guest.address, 22, signal)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

test("a port that is wished for is taken if it is free, or must be", async () => {
  const { network } = await start({});
  const port = await network.forward("10.0.2.2", 22, { port: 0 });
  expect(await network.forward("10.0.2.3", 22, { port })).not.toBe(port);
  await expect(network.forward("10.0.2.3", 22, { port, fixed: true })).rejects.toMatchObject({
    problems: [{ code: "host/port-in-use" }],
  });
});

test("when it ends, nothing of it is left", async () => {
  const { network, abort, card } = await start({
    ipv4: ["10.0.2.1/24"],
    ipv6: {},
    services: { "10.0.2.1:80": await startEcho() },
  });
  const { socketPath } = await network.plug(macs[1]);
  const one = await card(macs[0], "10.0.2.2");
  one.sendTcp({ sequence: 7, syn: true }, 4000, "10.0.2.1", 80);
  await until("it is open", () => one.segments().length === 1);
  const port = await network.forward("10.0.2.2", 22);
  const socket = connect(port, "127.0.0.1");
  const closed = Promise.all(
    [socket, one.socket].map((each) => new Promise((resolve) => each.on("error", () => {}).on("close", resolve))),
  );
  await until("it connects", () => !socket.connecting);
  abort.abort();
  expect(existsSync(dirname(socketPath))).toBe(false);
  await network.close();
  await closed;
  await expect(startVirtualNetwork({}, abort.signal)).rejects.toThrow();
});

test("what a process left that was killed goes away, what belongs to one that lives stays", () => {
  const parent = temporaryDirectory();
  // Process numbers end below 2^22 (proc(5), pid_max).
  for (const name of ["cloudimg-net-4194999-x", `cloudimg-net-${process.pid}-y`, "cloudimg-net-z"])
    mkdirSync(join(parent, name));
  const made = makeSocketDirectory(parent);
  expect(readdirSync(parent).sort()).toEqual(
    [basename(made), `cloudimg-net-${process.pid}-y`, "cloudimg-net-z"].sort(),
  );
});

test("what is no address is said at once", async () => {
  const wrong: VirtualNetworkOptions[] = [
    { ipv4: ["10.0.2/24"] },
    { services: { "10.0.2.1": { host: "h", port: 1 } } },
    { ipv6: { router: "2001:db8::1" } },
  ];
  for (const options of wrong)
    await expect(startVirtualNetwork(options, new AbortController().signal)).rejects.toThrow(RangeError);
});
