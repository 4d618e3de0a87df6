import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { linkLocalOf } from "../../src/machine/network/addresses.ts";
import { startVirtualNetwork, type VirtualNetwork } from "../../src/machine/network/virtual-network.ts";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

const yaml = `
extends: cloudimg:base
image:
  name: probe
instance:
  interfaces:
    - mac: 52:54:00:aa:00:01
`;
const mac = "52:54:00:aa:00:01";
const lateMac = "52:54:00:aa:00:02";
const sizeBytes = 20 * 1024 ** 2;

/** A web server that gives 20 MB and says what it was sent. */
async function startPeer() {
  const content = randomBytes(sizeBytes);
  const server = createServer((request, response) => {
    if (request.method === "GET") return void response.end(content);
    const hash = createHash("sha256");
    request.on("data", (bytes: Buffer) => hash.update(bytes));
    request.on("end", () => response.end(hash.digest("hex")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { content, port, close: () => server.close() };
}

describe("a guest on a virtual network", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  let network: VirtualNetwork;
  let peer: Awaited<ReturnType<typeof startPeer>>;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
    peer = await startPeer();
    const service = { host: "127.0.0.1", port: peer.port };
    network = await startVirtualNetwork(
      {
        ipv4: ["10.7.0.1/24"],
        dhcp: {
          lease: {
            address: "10.7.0.20/24",
            routers: ["10.7.0.9"],
            routes: [
              { to: "0.0.0.0/0", via: "10.7.0.1" },
              { to: "198.51.100.0/24", via: "10.7.0.1" },
            ],
            nameservers: ["10.7.0.1"],
            mtu: 1400,
          },
        },
        ipv6: { prefixes: ["2001:db8:7::1/64"] },
        dhcp6: { lease: { address: "2001:db8:7::20", nameservers: ["2001:db8:7::1"], search: ["lab.test"] } },
        services: { "169.254.169.254:80": service, "[fd00:100::100:200]:80": service },
        names: { "metadata.example": ["169.254.169.254"] },
        blackhole: ["10.9.0.0/16"],
      },
      new AbortController().signal,
    );
  });
  afterAll(async () => {
    await network?.close();
    peer?.close();
    built?.remove();
  });

  test("gets its addresses and routes, is reached by ssh through it, and moves 20 MB each way unharmed", async () => {
    const nic = await network.plug(mac);
    const port = await network.forward(linkLocalOf(mac), 22);
    await withGuest(
      built,
      async ({ run, machine }) => {
        expect(await run("ip -o -4 addr show dev eth0 | awk '{print $4}'")).toBe("10.7.0.20/24");
        const routes = (await run("ip -4 route show")).split("\n").map((line) => line.trim().replace(/ +/g, " "));
        expect(routes).toContainEqual(expect.stringMatching(/^default via 10\.7\.0\.1 dev eth0/));
        expect(routes).toContainEqual(expect.stringMatching(/^198\.51\.100\.0\/24 via 10\.7\.0\.1 dev eth0/));
        expect(await run("cat /sys/class/net/eth0/mtu")).toBe("1400");
        expect(await run("cat /etc/resolv.conf")).toContain("nameserver 10.7.0.1");
        await expect
          .poll(() => run("ip -o -6 addr show dev eth0 scope global"), { timeout: 30_000, interval: 500 })
          .toContain("2001:db8:7:0:5054:ff:feaa:1/64");

        expect(await run("ping -c 1 -W 5 10.7.0.1 | grep -c ' 0% packet loss'")).toBe("1");
        expect(await run("ping -6 -c 1 -W 5 2001:db8:7::1 | grep -c ' 0% packet loss'")).toBe("1");
        expect(await run("wget -qO /big http://metadata.example/ && sha256sum < /big")).toContain(
          createHash("sha256").update(peer.content).digest("hex"),
        );
        expect(await run("wget -qO- 'http://[fd00:100::100:200]/' | cmp - /big && echo same")).toBe("same");
        const request = `printf 'POST / HTTP/1.0\\r\\nContent-Length: ${sizeBytes}\\r\\n\\r\\n'`;
        expect(await run(`{ ${request}; cat /big; } | nc 169.254.169.254 80 | tail -n 1`)).toBe(
          createHash("sha256").update(peer.content).digest("hex"),
        );
        expect(await run("nc -w 2 10.7.0.1 81 </dev/null 2>&1 || true")).toMatch(/refused/i);
        expect(await run("nc -w 2 203.0.113.1 81 </dev/null 2>&1 || true")).toMatch(/refused|unreachable/i);
        expect(await run("nc -w 2 10.9.0.1 81 </dev/null 2>&1 || true")).toMatch(/timed out/i);

        await machine.addNic(await network.plug(lateMac));
        await expect
          .poll(() => run("cat /sys/class/net/*/address"), { timeout: 30_000, interval: 500 })
          .toContain(lateMac);
        // What clients that are not ours make of our servers.
        await run("printf '#!/bin/sh\nset | grep ^[a-z]\n' > /tmp/print && chmod +x /tmp/print && ip link set eth1 up");
        const lease = await run("udhcpc -i eth1 -n -q -f -O staticroutes -O mtu -s /tmp/print");
        for (const line of ["ip='10.7.0.21'", "subnet='255.255.255.0'", "mtu='1400'", "dns='10.7.0.1'"])
          expect(lease).toContain(line);
        expect(lease).toContain("staticroutes='0.0.0.0/0 10.7.0.1 198.51.100.0/24 10.7.0.1'");
        await expect
          .poll(() => run("ip -o -6 addr show dev eth1"), {
            timeout: 30_000,
            interval: 500,
          })
          .toContain(linkLocalOf(lateMac));
        const lease6 = await run("udhcpc6 -i eth1 -n -q -f -O dns -O search -s /tmp/print");
        for (const line of [
          "ipv6='2001:0db8:0007:0000:0000:0000:0000:0020'",
          "dns='2001:0db8:0007:0000:0000:0000:0000:0001'",
          "search='lab.test'",
        ])
          expect(lease6).toContain(line);
        const leases = network
          .events()
          .flatMap((event) => (event.kind === "lease" ? [`${event.mac} ${event.address}`] : []));
        expect(new Set(leases)).toEqual(new Set([`${mac} 10.7.0.20/24`, `${lateMac} 10.7.0.21/24`]));
      },
      { machine: { nics: [nic], spareNicSlots: 1 }, ssh: { host: "127.0.0.1", port } },
    );
  });
});
