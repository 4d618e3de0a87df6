import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { composeResolvConf } from "../../src/guest-config/network/resolver.ts";
import { oracle } from "../oracles/tools.ts";

const script = fileURLToPath(new URL("../../src/guest-config/network/udhcpc.sh", import.meta.url));
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cloudimg-udhcpc-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs the script with the shell that the guest has. Its `ip` fails here, on a card that does not exist. */
async function udhcpc(event: string, environment: Record<string, string>) {
  const [program = "", ...first] = await oracle("busybox");
  const env = {
    PATH: process.env["PATH"],
    CLOUDIMG_RUN: directory,
    CLOUDIMG_RESOLV_CONF: join(directory, "resolv.conf"),
    interface: "cloudimg-none",
    ...environment,
  };
  const { status } = spawnSync(program, [...first, "sh", script, event], { env });
  expect(status).toBe(0);
}
const read = (path: string) =>
  existsSync(join(directory, path)) ? readFileSync(join(directory, path), "utf8") : undefined;

test("resolv.conf is made of all sides as the initializer does it", async () => {
  const words = (item: string) =>
    fc
      .array(
        fc.constantFrom("a.org", "b.org", "c.org", "d", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "::1"),
        { minLength: 1, maxLength: 3 },
      )
      .map((list) => `${item} ${list.join(" ")}`);
  const file = fc
    .array(fc.oneof(words("search"), words("nameserver")), { maxLength: 4 })
    .map((lines) => lines.map((line) => `${line}\n`).join(""));
  const samples = fc.sample(fc.array(file, { minLength: 1, maxLength: 3 }), { numRuns: 25, seed: 1 });
  mkdirSync(join(directory, "dns"));
  for (const files of samples) {
    for (const index of [0, 1, 2]) writeFileSync(join(directory, "dns", `0${index}`), files[index] ?? "");
    await udhcpc("compose", {});
    expect(read("resolv.conf")).toBe(composeResolvConf(files));
  }
});

const lease = { ip: "10.0.2.15", mask: "24", router: "10.0.2.2 10.0.2.9", dns: "10.0.2.3 10.0.2.4", domain: "lan" };

test("a lease becomes address, one default route, name servers and search list", async () => {
  await udhcpc("bound", { ...lease, CLOUDIMG_METRIC: "100", mtu: "1400", ntpsrv: "10.0.2.5", broadcast: "10.0.2.255" });
  expect(read("lease/cloudimg-none")).toBe(
    "address 10.0.2.15/24 broadcast 10.0.2.255\nmtu 1400\nroute 0.0.0.0/0 via 10.0.2.2 metric 100\nnameserver 10.0.2.3\nnameserver 10.0.2.4\nsearch lan\nntp 10.0.2.5\n",
  );
  expect(read("resolv.conf")).toBe("search lan\nnameserver 10.0.2.3\nnameserver 10.0.2.4\n");
});

test("classless routes (option 121) replace the routers, and 0.0.0.0 is no gateway (RFC 3442)", async () => {
  await udhcpc("bound", {
    ...lease,
    staticroutes: "169.254.169.254/32 10.0.2.3 10.9.0.0/16 0.0.0.0 0.0.0.0/0 10.0.2.1",
  });
  expect(read("lease/cloudimg-none")?.match(/^route.*$/gm)).toEqual([
    "route 169.254.169.254/32 via 10.0.2.3",
    "route 10.9.0.0/16",
    "route 0.0.0.0/0 via 10.0.2.1",
  ]);
});

test("an address without a subnet reaches its gateway on the link", async () => {
  await udhcpc("bound", { ...lease, mask: "32" });
  expect(read("lease/cloudimg-none")).toContain("route 0.0.0.0/0 via 10.0.2.2 onlink\n");
});

test("the search list (option 119) is preferred to the domain, and a fixed or absurd MTU stays", async () => {
  await udhcpc("bound", { ...lease, search: "a.test b.test", mtu: "1400", CLOUDIMG_IGNORE: "mtu" });
  expect(read("resolv.conf")).toContain("search a.test b.test\n");
  expect(read("lease/cloudimg-none")).not.toContain("mtu");
  await udhcpc("renew", { ...lease, mtu: "68" });
  expect(read("lease/cloudimg-none")).not.toContain("mtu");
});

test("a lease that ends is taken back", async () => {
  await udhcpc("bound", lease);
  await udhcpc("deconfig", {});
  expect([read("lease/cloudimg-none"), read("dns/10-cloudimg-none")]).toEqual([undefined, undefined]);
});

test("servers cannot make the shell run anything", async () => {
  const evil = `$(touch ${directory}/evil) \`touch ${directory}/evil\` ; touch ${directory}/evil`;
  await udhcpc("bound", { ...lease, domain: evil, search: evil, dns: evil, router: evil, staticroutes: evil });
  expect(existsSync(join(directory, "evil"))).toBe(false);
});
