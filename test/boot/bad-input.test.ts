import { afterAll, beforeAll, expect, test } from "vitest";
import { configDriveSource } from "../../src/commands/config-drive-source.ts";
import type { ByteSource } from "../../src/core/byte-source.ts";
import { bytesSource, readAll } from "../../src/core/byte-source.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";
import { type MetadataResponder, startMetadataServer } from "../../src/machine/metadata-server.ts";
import { linkLocalOf } from "../../src/machine/network/addresses.ts";
import { startVirtualNetwork } from "../../src/machine/network/virtual-network.ts";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { type BuiltForBoot, buildForBoot, type Guest, withDisk, withGuest, withMachine } from "./boot.ts";

// Whatever a machine is told, it comes up: with a network, with ssh, and with a word on what was wrong.

const mac = "52:54:00:aa:00:06";
let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot(
    `extends: cloudimg:base\nimage: { name: bad }\ninstance: { interfaces: [{ mac: "${mac}" }] }\n`,
  );
}, 300_000);
afterAll(() => built?.remove());

const silent = "10.9.0.1";
const answer = (status: number, body: string | Uint8Array = "") => ({ status, headers: {}, body });
const noService: MetadataResponder = () => answer(403);

interface Situation {
  /** What Alibaba's metadata service says, from here on. */
  serve(responder: MetadataResponder): void;
  /** Its requests since then. */
  requests(): number;
}

/** Boots a machine of Alibaba's, of which all sources can be had, where DHCP gives 10.7.0.20. */
async function boots(
  given: { readonly diskFile: string; readonly key: Awaited<ReturnType<typeof makeRunKey>> },
  {
    drives,
    first = noService,
  }: { drives: (config: InstanceConfig) => readonly ByteSource[]; first?: MetadataResponder },
  work: (guest: Guest, situation: Situation) => Promise<void>,
): Promise<void> {
  const signal = new AbortController().signal;
  let respond = first;
  let before = 0;
  const server = await startMetadataServer((...request) => respond(...request), {}, signal);
  const link = await startVirtualNetwork(
    {
      ipv4: ["10.7.0.1/24"],
      dhcp: { lease: { address: "10.7.0.20/24", routers: ["10.7.0.1"], nameservers: ["10.7.0.1"] } },
      services: { "100.100.100.200:80": { host: "127.0.0.1", port: server.port } },
      blackhole: [`${silent}/32`],
    },
    signal,
  );
  const situation: Situation = {
    serve(responder) {
      respond = responder;
      before = server.requests().length;
    },
    requests: () => server.requests().length - before,
  };
  try {
    let others: readonly ByteSource[] = [];
    const ssh = { host: "127.0.0.1", port: await link.forward(linkLocalOf(mac), 22) };
    const nic = await link.plug(mac);
    await withMachine(built, async (guest) => await work(guest, situation), {
      ssh,
      key: given.key,
      configDrive: (config) => {
        const [drive, ...rest] = drives(config);
        others = rest;
        return drive;
      },
      machine: async () => ({
        nics: [nic],
        diskFile: given.diskFile,
        extraDisks: others.map((source) => ({ source, cdrom: true })),
        smbios: { system: { manufacturer: "Alibaba Cloud", product: "Alibaba Cloud ECS" } },
      }),
    });
  } finally {
    await link.close();
    await server.close();
  }
}

async function statusOf({ run }: Guest) {
  return JSON.parse(await run("cat /run/cloudimg/status.json"));
}

/** That the guest has the network that there is when nobody says a sensible word. */
async function expectNetwork({ run }: Guest, why: string): Promise<void> {
  expect(await run("ip -o -4 addr show scope global | awk '{print $2, $4}'"), why).toBe("eth0 10.7.0.20/24");
  expect(await run("ip -4 route show default"), why).toContain("via 10.7.0.1");
}

/** The first bytes of a drive; the rest of the medium is not there. */
function cutAt(config: InstanceConfig, lengthBytes: number): ByteSource {
  return bytesSource(new Uint8Array(readAll(configDriveSource(config)).subarray(0, lengthBytes)));
}

type Files = Readonly<Record<string, unknown>>;
const seeds = "/var/lib/cloud/seed";

/** Puts a source's files on the disk, as the only ones. Texts are taken as they are; all else becomes JSON. */
async function seed({ run }: Guest, directory: string, files: Files): Promise<void> {
  const writes = Object.entries(files).map(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return `echo ${Buffer.from(text).toString("base64")} | base64 -d >${directory}/${name}`;
  });
  await run(["set -e", `rm -rf ${seeds}`, `mkdir -p ${directory}`, ...writes].join("\n"));
}

const drive = `${seeds}/config_drive/openstack/latest`;
const noCloud = `${seeds}/nocloud`;

interface Case {
  readonly name: string;
  readonly directory: string;
  readonly files: Files;
  readonly service?: MetadataResponder;
  /** Each is part of one of the errors that the status has. */
  readonly errors: readonly (string | RegExp)[];
  /** The most that it may take. */
  readonly limitMs?: number;
  readonly instanceId?: string;
  readonly check?: (guest: Guest) => Promise<void>;
}

const meta = (uuid: string, more: object = {}) => ({ uuid, hostname: "seeded", ...more });
const staticNetwork = (links: readonly object[], networks: readonly object[]) => ({ links, networks, services: [] });
const card = { id: "a", type: "phy", ethernet_mac_address: mac, mtu: null };
const address = (ip_address: string, more: object = {}) => ({
  ...{ id: ip_address, link: "a", type: "ipv4", ip_address, netmask: "255.255.255.0", routes: [] },
  ...more,
});
const defaultRoute = { network: "0.0.0.0", netmask: "0.0.0.0", gateway: "10.7.0.1" };

const cases: readonly Case[] = [
  {
    name: "a meta_data.json that is none",
    directory: drive,
    files: { "meta_data.json": '{"uuid": "x", "admin_pass": "very secret', "network_data.json": {} },
    errors: ["meta_data.json is not JSON"],
    instanceId: "bad-1",
  },
  {
    name: "a network_data.json that is none",
    directory: drive,
    files: { "meta_data.json": meta("bad-2"), "network_data.json": "<html>" },
    errors: ["network_data.json is not JSON"],
    instanceId: "bad-2",
  },
  {
    name: "wrong types everywhere",
    directory: drive,
    files: {
      "meta_data.json": { uuid: 7, hostname: ["a"], public_keys: 3, files: "x", random_seed: {}, meta: [] },
      "network_data.json": { links: 3, networks: { a: 1 }, services: "x" },
      "vendor_data.json": 5,
      "vendor_data2.json": { "cloud-init": { a: 1 } },
      user_data:
        "#cloud-config\nusers: 7\ngroups: 1.5\nwrite_files: {}\nruncmd: x\nbootcmd: 3\nmounts: yes\nswap: []\nfqdn: [a]\nssh_authorized_keys: 4\nchpasswd: no\nntp: 1\nca_certs: []\ndisk_setup: 1\nfs_setup: {}\ngrowpart: 3\nrandom_seed: 1\nphone_home: 1\nunheard_of: 1\n",
    },
    errors: ["uuid is not text", "hostname is not text", "write_files: is no list", "unheard_of", "runcmd: is no list"],
  },
  {
    name: "a card that is not there",
    directory: drive,
    files: {
      "meta_data.json": meta("bad-3"),
      "network_data.json": staticNetwork(
        [{ ...card, ethernet_mac_address: "52:54:00:00:99:99" }],
        [address("10.7.0.99", { routes: [defaultRoute] })],
      ),
    },
    errors: ["52:54:00:00:99:99"],
    limitMs: 25_000,
    instanceId: "bad-3",
  },
  {
    name: "addresses that overlap, and routes that lead nowhere",
    directory: drive,
    files: {
      "meta_data.json": meta("bad-4"),
      "network_data.json": staticNetwork(
        [card],
        [
          address("10.7.0.20", { routes: [defaultRoute, { ...defaultRoute, gateway: "203.0.113.300" }] }),
          address("10.7.0.20"),
          address("10.7.0.20", { netmask: "255.255.0.0" }),
          address("300.1.2.3"),
        ],
      ),
    },
    errors: ["300.1.2.3", "203.0.113.300"],
    instanceId: "bad-4",
    check: async ({ run }) => {
      await run("ip -4 route show default | grep 'via 10.7.0.1 '");
    },
  },
  {
    name: "user data that are no YAML, and commands that never end",
    directory: noCloud,
    files: {
      "meta-data": "instance-id: bad-5\nlocal-hostname: seeded\n",
      "user-data": [
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n",
        "--B\nContent-Type: text/cloud-config\n\npassword: {[very secret",
        "--B\nContent-Type: text/cloud-config\n\nbootcmd: ['sleep 7777 & (sleep 7778; echo late); wait']",
        "--B\nContent-Type: text/x-shellscript; name=endless\n\n#!/bin/sh\nsleep 7779 & sleep 7780",
        "--B--\n",
      ].join("\n"),
    },
    errors: [/user data: part-001: line \d+: /, "bootcmd: did not end within 30 s and was killed"],
    limitMs: 50_000,
    instanceId: "bad-5",
    check: async ({ run }) => {
      expect(await run("ps | grep -c '[s]leep 777'; true"), "with all that they have started").toBe("0");
      // Whoever asks meanwhile hears that it is not done; the machine can be used.
      await run("setsid cloudimg-init final </dev/null >/dev/null 2>&1 &");
      await run("n=0; until ps | grep -q '[s]leep 7780'; do n=$((n+1)); [ $n -lt 200 ] || exit 1; usleep 100000; done");
      expect(await run("cloudimg-init status | head -n 1")).toBe("status: running");
      await run(
        "kill $(ps -o pid,args | awk '/[s]leep 77/ {print $1}'); cloudimg-init status --wait | grep -F 'endless was ended by signal'",
      );
    },
  },
  {
    name: "a service that nobody reaches",
    directory: noCloud,
    files: { "meta-data": `seedfrom: http://${silent}/\n`, "user-data": "" },
    errors: [/^datasource: http:\/\/10\.9\.0\.1\/: meta-data: no whole answer within [\d.]{1,4} s$/],
    limitMs: 40_000,
  },
];

const services: readonly (Omit<Case, "directory" | "files"> & { readonly service: MetadataResponder })[] = [
  {
    name: "a service that says 500",
    service: () => answer(500, "oops"),
    errors: ["HTTP 500"],
    limitMs: 40_000,
  },
  { name: "a service that refuses its token", service: () => answer(401), errors: ["HTTP 401"], limitMs: 40_000 },
  {
    name: "bodies of 100 MB, documents of others",
    service: (method, path) =>
      method === "PUT"
        ? answer(200, "token")
        : path.endsWith("/user-data") || path.endsWith("/vendor-data")
          ? answer(200, Buffer.alloc(100 << 20, "x"))
          : path.endsWith("/all")
            ? answer(200, JSON.stringify({ "instance-id": "bad-6", hostname: "big", network: 5, "public-keys": 7 }))
            : answer(404),
    errors: ["user-data cannot be read: the answer is longer than", "vendor-data cannot be read"],
    limitMs: 30_000,
    instanceId: "bad-6",
  },
];

/** The initializer runs again and finds this. */
async function expectCase(guest: Guest, { name, errors, limitMs = 15_000, instanceId, check }: Case): Promise<void> {
  const { run } = guest;
  await run("cloudimg-init boot >/dev/null 2>&1; true");
  const status = await statusOf(guest);
  if (process.env["CLOUDIMG_FIGURES"])
    process.stderr.write(`${name}: ${status.totalMs} ms, ${status.peakKiB} KiB\n  ${status.errors.join("\n  ")}\n`);
  expect(["degraded", "running"], name).toContain(status.status);
  for (const text of errors)
    expect(status.errors, name).toContainEqual(
      typeof text === "string" ? expect.stringContaining(text) : expect.stringMatching(text),
    );
  expect(status.totalMs, name).toBeLessThan(limitMs);
  expect(status.peakKiB, name).toBeLessThan(48 << 10);
  if (instanceId !== undefined) expect(status.instanceId, name).toBe(instanceId);
  if (errors.some((text) => String(text).includes("300.1")))
    expect(await run("ip -o -4 addr show scope global | awk '{print $4}' | sort -u"), name).toContain("10.7.0.20/24");
  else await expectNetwork(guest, name);
  expect(await run("grep -l 'very secret' /run/cloudimg/*.* /run/cloud-init/* /var/log/*; true"), name).toBe("");
  await check?.(guest);
}

test("a machine that is told nothing but nonsense, boot after boot", { timeout: 590_000 }, async () => {
  const key = await makeRunKey();
  await withDisk(async (diskFile) => {
    const userData = `#!/bin/sh\n# ${"long ".repeat(60_000)}\n`;
    const drives = (config: InstanceConfig) => {
      const told = { ...config, instanceId: "bad-1", userData };
      return [cutAt(told, 120_000), cutAt(told, 40_000)];
    };
    await boots({ diskFile, key }, { drives }, async (guest, { serve, requests }) => {
      await guest.ready();
      const { run } = guest;
      const status = await statusOf(guest);
      expect(status).toMatchObject({ status: "degraded", source: "config-drive", instanceId: "bad-1" });
      expect(status.errors).toContainEqual(expect.stringContaining("/dev/sr1: it has no openstack directory"));
      expect(status.errors).toContainEqual(expect.stringContaining("user_data cannot be read"));
      await expectNetwork(guest, "drives that are cut off");
      await run("for name in sr0 sr1; do echo 1 >/sys/block/$name/device/delete; done");

      for (const one of cases) {
        await seed(guest, one.directory, one.files);
        await expectCase(guest, one);
      }
      const hostKeys = await run("cat /var/lib/cloudimg/host-keys");
      await run(`rm -rf ${seeds}`);
      for (const one of services) {
        serve(one.service);
        await expectCase(guest, { ...one, directory: "", files: {} });
        expect(requests(), one.name).toBeGreaterThan(0);
      }
      // Another instance, since the last one has another id: but it is no new one at each boot, whatever is wrong with its source.
      const ofBig = await run("cat /var/lib/cloudimg/host-keys");
      expect(ofBig).not.toBe(hostKeys);
      await run("cloudimg-init boot >/dev/null 2>&1; true");
      expect(await run("cat /var/lib/cloudimg/host-keys")).toBe(ofBig);

      // init has to end it: whoever the source names can log in all the same, and nobody waits for the rest.
      serve(noService);
      const other = (await makeRunKey()).publicKeyLine;
      await seed(guest, noCloud, {
        "meta-data": { "instance-id": "bad-10", "public-keys": [other] },
        "user-data": "#cloud-config\nbootcmd: [sleep 25]\n",
      });
      await run("timeout -s KILL 8 cloudimg-init boot; [ -e /run/cloudimg/final ] && cloudimg-init final");
      expect(await run("cloudimg-init status --wait; [ $? = 1 ]")).toContain("took too long and was ended");
      expect(await run("cat /root/.ssh/authorized_keys")).toContain(other);
      await guest.line(/cloudimg-init: ready: source=unknown/);
      await run(`rm -rf ${seeds}`);

      // What mounting a file system of a server is like that does not answer.
      await run("printf '#!/bin/sh\\nexec sleep 5000\\n' >/usr/sbin/mount.slow && chmod 755 /usr/sbin/mount.slow");
      await run("echo 'server:/x /mnt slow defaults 0 0' >>/etc/fstab");
      // A disk that takes nothing more, as another instance.
      await run("dd if=/dev/zero of=/full bs=1M 2>/dev/null; dd if=/dev/zero of=/full2 bs=1k 2>/dev/null; sync");
      expect(await run("echo x >/full3 2>/dev/null && wc -c </full3 || echo nothing")).toBe("nothing");
    });

    const full = (config: InstanceConfig) => [
      configDriveSource({
        ...config,
        instanceId: "bad-7",
        hostname: "full",
        userData:
          "#cloud-config\nusers: [default, eve]\nwrite_files: [{path: /srv/x, content: abc}]\nruncmd: ['echo ran >/run/ran']\n",
      }),
    ];
    await boots({ diskFile, key }, { drives: full }, async (guest) => {
      const [seconds = ""] = /[\d.]+(?= s$)/.exec(await guest.line(/cloudimg-rc: .* ready after [\d.]+ s$/)) ?? [];
      expect(Number(seconds), "a mount that hangs is waited for, but not for ever").toBeGreaterThan(20);
      await guest.ready();
      const { run } = guest;
      const status = JSON.parse(await run("cloudimg-init status --wait >/dev/null; cat /run/cloudimg/status.json"));
      if (process.env["CLOUDIMG_FIGURES"]) process.stderr.write(`full: ${status.errors.join("\n  ")}\n`);
      expect(status).toMatchObject({ status: "degraded", instanceId: "bad-7" });
      expect(status.errors).toContainEqual(expect.stringContaining("No space left on device"));
      expect(await run("hostname; cat /run/ran")).toBe("full\nran");
      await expectNetwork(guest, "a full disk");

      // What an error of the disk makes of it: a root that can be read only.
      const boot = await run("cat /proc/sys/kernel/random/boot_id");
      await run(`rm -f /full /full2 && mkdir -p ${seeds} && mount -t tmpfs tmpfs ${seeds}`);
      await run(`mkdir -p ${drive} && sync && echo u >/proc/sysrq-trigger && ! touch /srv/y 2>/dev/null`);
      const files = {
        "meta_data.json": meta("bad-8", { hostname: "stiff" }),
        user_data:
          "#cloud-config\nusers: [default, eve]\nwrite_files: [{path: /srv/y, content: abc}]\nruncmd: ['echo ran >/run/ran2']\n",
      };
      for (const [name, value] of Object.entries(files))
        await run(
          `echo ${Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64")} | base64 -d >${drive}/${name}`,
        );
      await run("cloudimg-init boot >/dev/null 2>&1; cloudimg-init final >/dev/null 2>&1; true");
      const stiff = await statusOf(guest);
      if (process.env["CLOUDIMG_FIGURES"]) process.stderr.write(`read-only: ${stiff.errors.join("\n  ")}\n`);
      expect(stiff).toMatchObject({ status: "degraded", instanceId: "bad-8", hostname: "stiff" });
      expect(stiff.errors).toContainEqual(expect.stringContaining("Read-only file system"));
      expect(await run("hostname; cat /run/ran2")).toBe("stiff\nran");
      await expectNetwork(guest, "a root that can be read only");
      expect(await run("cat /proc/sys/kernel/random/boot_id")).toBe(boot);
    });
  });
});

test("a root of squashfs obeys user data in memory", { timeout: 200_000 }, async () => {
  const stiff = await buildForBoot(
    "extends: cloudimg:base\nimage: { name: stiff }\ndisk: { partitionTable: legacy, fileSystem: squashfs }\n",
  );
  try {
    const configDrive = (config: InstanceConfig) => ({
      ...config,
      instanceId: "bad-9",
      hostname: "squashed",
      userData:
        "#cloud-config\nusers: [default, eve]\nwrite_files: [{path: /srv/y, content: abc}]\nruncmd: ['id eve >/run/ran']\nswap: {filename: /swap.img, size: 1M}\n",
    });
    await withGuest(
      stiff,
      async (guest) => {
        const { run } = guest;
        await run("cloudimg-init status --wait >/dev/null; true");
        const status = await statusOf(guest);
        if (process.env["CLOUDIMG_FIGURES"]) process.stderr.write(`squashfs: ${status.errors.join("\n  ")}\n`);
        expect(status).toMatchObject({ instanceId: "bad-9", hostname: "squashed" });
        expect(await run("hostname; cat /srv/y; cat /run/ran")).toMatch(/^squashed\nabcuid=1000\(eve\)/);
        expect(status.errors.filter((text: string) => !text.startsWith("mounts: "))).toEqual([]);
      },
      { configDrive },
    );
  } finally {
    stiff.remove();
  }
});
