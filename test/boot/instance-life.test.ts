import { gzipSync } from "node:zlib";
import { Client } from "ssh2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRunKey } from "../../src/smoke/run-key.ts";
import { type BuiltForBoot, buildForBoot, type Guest, type GuestChanges, withDisk, withGuest } from "./boot.ts";

// One disk over four boots: as a new instance, as the same one, as another one (an image of it was started), and without its drive.

const mac = "52:54:00:aa:00:05";
let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot(
    `extends: cloudimg:base\nimage: { name: life }\ninstance: { interfaces: [{ mac: "${mac}" }] }\n`,
  );
}, 300_000);
afterAll(() => built?.remove());

/** None of these may be seen by others, or in what is shown. */
const secrets = { typed: "typed in vain 7", plain: 'pla\'in "$x" \\ `id`', seed: "c2VlZCBvZiB0aGUgdGVzdA==" };
const count = (what: string) => `mkdir -p /var/lib/life; echo "$INSTANCE_ID" >>/var/lib/life/${what}`;
const packed = gzipSync("unpacked\n").toString("base64");

const config = `#cloud-config
hostname: told
fqdn: told.example.org
manage_etc_hosts: true
bootcmd: ['${count("bootcmd")}']
runcmd:
  - '${count("runcmd")}'
  - [sh, -c, 'echo "$1" >/srv/word', sh, 'a $HOME; \`id\`']
groups: [makers, { builders: [root] }]
users:
  - default
  - name: alice
    gecos: Alice Example
    groups: [makers, adm]
    lock_passwd: false
    plain_text_passwd: ${JSON.stringify(secrets.plain)}
    sudo: 'ALL=(ALL) NOPASSWD:ALL'
    ssh_authorized_keys: ['KEY alice@example.org']
  - { name: locked, shell: /bin/sh }
ssh_pwauth: true
chpasswd: { expire: false, users: [{ name: root, password: ${JSON.stringify(secrets.typed)}, type: text }] }
random_seed: { data: ${secrets.seed}, encoding: b64 }
write_files:
  - { path: /srv/text, content: "größe\\n" }
  - { path: /srv/packed, encoding: gz+b64, content: ${packed}, permissions: '4750', owner: 'root:adm' }
  - { path: /srv/binary, content: !!binary AAEC/w==, permissions: '0600' }
  - { path: /srv/late, encoding: b64, content: bGF0ZQ==, defer: true, owner: 'alice:makers' }
  - { path: /etc/motd, content: "more\\n", append: true }
mounts: [[tmpfs, /mnt/memory, tmpfs, 'size=1m']]
swap: { filename: /swap.img, size: 16M }
timezone: Europe/Berlin
ntp: { servers: [192.0.2.9] }
ca_certs: { trusted: ["-----BEGIN CERTIFICATE-----\\nMIIBszCCAVmgAwIBAgIUX\\n-----END CERTIFICATE-----"] }
`;
const userData = (key: string) =>
  [
    "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n",
    `--B\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n${gzipSync(config.replace("KEY", key)).toString("base64")}`,
    `--B\nContent-Type: text/x-shellscript; name=script\n\n#!/bin/sh\n${count("script")}`,
    `--B\nContent-Type: text/cloud-boothook\n\n#!/bin/sh\n${count("hook")}`,
    `--B\nContent-Type: text/x-shellscript-per-boot\n\n#!/bin/sh\n${count("per-boot")}`,
    `--B\nContent-Type: text/x-shellscript-per-once\n\n#!/bin/sh\n${count("per-once")}`,
    "--B--\n",
  ].join("\n");
const vendorData = "#cloud-config\nhostname: vendor\nfinal_message: the vendor says good-bye\n";

/** What the image cannot do, each told once. */
const impossible = [
  "users_groups: there are rules for sudo, but this image has no sudo",
  "timezone: timezone Europe/Berlin: this image has no time zones",
  "ntp: ntp is not supported: this image has no program that sets the clock",
];

async function statusOf({ run }: Guest) {
  return JSON.parse(await run("cloudimg-init status --wait >/dev/null; cat /run/cloudimg/status.json"));
}

/** How often each thing was done, and as which instance. */
async function counts({ run }: Guest): Promise<Record<string, string>> {
  const text = await run("cd /var/lib/life && for name in *; do echo $name $(cat $name); done");
  return Object.fromEntries(text.split("\n").map((line) => line.split(/ (.*)/s).slice(0, 2)));
}

/** Whether the ssh server takes this password. */
function logsIn({ instance }: Guest, username: string, password: string): Promise<boolean> {
  return new Promise((resolve) => {
    const client = new Client();
    client.once("ready", () => resolve(true)).once("error", () => resolve(false));
    client.once("ready", () => client.end());
    client.connect({ ...instance.ssh, username, password, readyTimeout: 60_000 });
  });
}

test("an instance over four boots", { timeout: 400_000 }, async () => {
  const key = await makeRunKey();
  const static4 = { dhcp4: false, addresses: ["10.0.2.15/24"], routes: [{ to: "0.0.0.0/0", via: "10.0.2.2" }] };
  const boots = async (diskFile: string, instanceId: string | undefined, work: (guest: Guest) => Promise<void>) => {
    const changes: GuestChanges = {
      key,
      configDrive: (config) => {
        if (instanceId === undefined) return undefined;
        const network = {
          ...config.network,
          interfaces: config.network.interfaces.map((nic) => ({ ...nic, ...static4, nameservers: ["10.0.2.3"] })),
        };
        return { ...config, instanceId, network, userData: userData(key.publicKeyLine), vendorData };
      },
      machine: { diskFile, diskSizeBytes: 1024 ** 3 },
    };
    await withGuest(built, work, changes);
  };
  const keysOf = async ({ run }: Guest) => await run("cat /var/lib/cloudimg/host-keys");
  await withDisk(async (diskFile) => {
    let hostKeys = "";
    await boots(diskFile, "life-1", async (guest) => {
      const { run } = guest;
      const status = await statusOf(guest);
      expect(status.errors).toEqual(impossible);
      expect(status).toMatchObject({ status: "degraded", source: "config-drive", instanceId: "life-1" });
      expect(status.nics).toMatchObject([{ name: "eth0", method: "static" }]);
      expect(await counts(guest)).toEqual({
        ...{ bootcmd: "life-1", runcmd: "life-1", script: "life-1", hook: "life-1" },
        ...{ "per-boot": "life-1", "per-once": "life-1" },
      });
      expect(guest.console()).toContain("final_message: the vendor says good-bye");

      expect(await run("hostname; cat /etc/hostname; grep 127.0.1.1 /etc/hosts")).toBe(
        "told\ntold\n127.0.1.1\ttold.example.org told",
      );
      expect(await run("id alice; grep alice: /etc/passwd | cut -d: -f5-")).toMatch(
        /^uid=1000\(alice\) gid=\d+\(alice\) groups=(?=.*\(adm\)).*\(makers\).*\nAlice Example:\/home\/alice:/,
      );
      expect(await run("grep builders: /etc/group; awk -F: '$1==\"locked\" {print $2}' /etc/shadow")).toMatch(
        /^builders:x:\d+:root\n[!*]+$/,
      );
      expect(await run("stat -c '%a %U:%G' /home/alice /home/alice/.ssh /home/alice/.ssh/authorized_keys")).toBe(
        "700 alice:alice\n700 alice:alice\n600 alice:alice",
      );
      expect(await run("stat -c '%a %U:%G' /srv/packed /srv/late /srv/binary")).toBe(
        "4750 root:adm\n644 alice:makers\n600 root:root",
      );
      expect(
        await run("cat /srv/text /srv/packed /srv/late /srv/word; od -An -tx1 /srv/binary; tail -n 1 /etc/motd"),
      ).toBe("größe\nunpacked\nlatea $HOME; `id`\n 00 01 02 ff\nmore");
      expect(
        await run("awk '$2 == \"/mnt/memory\" {print $3}' /proc/mounts; awk 'NR > 1 {print $1}' /proc/swaps"),
      ).toBe("tmpfs\n/swap.img");
      expect(await run("grep -c MIIBszCCAVmgAwIBAgIUX /etc/ssl/certs/ca-certificates.crt")).toBe("1");
      expect(await run("df -k / | awk 'END {print ($2 > 900000)}'")).toBe("1");

      expect(await logsIn(guest, "alice", secrets.plain)).toBe(true);
      expect(await logsIn(guest, "alice", "wrong")).toBe(false);
      expect(await logsIn(guest, "root", secrets.typed)).toBe(true);

      // What programs read that know cloud-init.
      const file = async (path: string) => JSON.parse(await run(`cat ${path}`));
      expect(await file("/run/cloud-init/result.json")).toEqual({
        v1: { datasource: "DataSourceConfigDrive [source=/dev/sr0]", errors: [] },
      });
      const { v1 } = await file("/var/lib/cloud/data/status.json");
      expect(v1["modules-final"].finished).toBeGreaterThanOrEqual(v1["init-local"].start);
      expect(v1["modules-config"].recoverable_errors).toEqual({ WARNING: impossible });
      expect(await run("cloudimg-init query v1.instance_id; cloudimg-init query ds.meta_data.uuid")).toBe(
        "life-1\nlife-1",
      );
      expect(await run("readlink /var/lib/cloud/instance; cat /var/lib/cloud/data/previous-instance-id")).toBe(
        "/var/lib/cloud/instances/life-1\nNO_PREVIOUS_INSTANCE_ID",
      );

      // Nobody but root can read a secret, and nothing that is shown has one.
      const patterns = [secrets.plain, secrets.typed, secrets.seed, "seed of the test"].map(
        (text) => `-e '${text.replaceAll("'", "'\\''")}'`,
      );
      const readable = `find /etc /run /var /tmp /home -xdev -type f -perm /044 -exec grep -lF ${patterns.join(" ")} {} +`;
      expect(await run(`echo ${secrets.seed} >/tmp/control; ${readable}; true`)).toBe("/tmp/control");
      expect(await run(`grep -lF ${patterns.join(" ")} /run/cloudimg/*.* /var/log/*; true`)).toBe("");
      expect(
        await run(
          "find /run/cloudimg /run/cloud-init -type f -perm /022; awk -F: '$2 ~ /^.6/ {print $1}' /etc/shadow | wc -l",
        ),
      ).toBe("2");
      expect(await run("stat -c %a /etc/shadow /var/log/cloudimg-init.log")).toBe("640\n640");
      for (const text of Object.values(secrets)) expect(guest.console()).not.toContain(text);
      hostKeys = await keysOf(guest);
      expect(hostKeys.split("\n")).toHaveLength(2);
      await run("sync");
    });

    await boots(diskFile, "life-1", async (guest) => {
      const status = await statusOf(guest);
      expect(status, "what is done once is told once").toMatchObject({ status: "done", errors: [], hostname: "told" });
      expect(await counts(guest)).toEqual({
        ...{ bootcmd: "life-1 life-1", runcmd: "life-1", script: "life-1", hook: "life-1 life-1" },
        ...{ "per-boot": "life-1 life-1", "per-once": "life-1" },
      });
      expect(await keysOf(guest)).toBe(hostKeys);
      expect(await guest.run("tail -n 1 /etc/motd; grep -c . /etc/motd; awk 'NR > 1 {print $1}' /proc/swaps")).toMatch(
        /^more\n\d+\n\/swap.img$/,
      );
      await guest.run("sync");
    });

    await boots(diskFile, "life-2", async (guest) => {
      const status = await statusOf(guest);
      expect(status).toMatchObject({ status: "degraded", instanceId: "life-2", errors: impossible });
      expect(await counts(guest)).toEqual({
        ...{ bootcmd: "life-1 life-1 life-2", runcmd: "life-1 life-2", script: "life-1 life-2" },
        ...{ hook: "life-1 life-1 life-2", "per-boot": "life-1 life-1 life-2", "per-once": "life-1" },
      });
      const keys = await keysOf(guest);
      expect(keys.split("\n")).toHaveLength(2);
      for (const line of keys.split("\n")) expect(hostKeys).not.toContain(line);
      hostKeys = keys;
      expect(await guest.run("cat /var/lib/cloud/data/instance-id /var/lib/cloud/data/previous-instance-id")).toBe(
        "life-2\nlife-1",
      );
      expect(await guest.run("grep -c '^alice:' /etc/passwd; awk 'NR > 1 {print $1}' /proc/swaps")).toBe(
        "1\n/swap.img",
      );
      await guest.run("sync");
    });

    await boots(diskFile, undefined, async (guest) => {
      const status = await statusOf(guest);
      expect(status).toMatchObject({ status: "done", source: "cache", instanceId: "life-2", hostname: "told" });
      expect(status.nics).toMatchObject([{ name: "eth0", method: "static", addresses: ["10.0.2.15/24"] }]);
      expect(guest.console()).toContain("as last time: instance life-2");
      expect(await guest.run("ip -4 route show default; grep nameserver /etc/resolv.conf")).toMatch(
        /^default via 10\.0\.2\.2 .*\nnameserver 10\.0\.2\.3$/,
      );
      expect(await keysOf(guest)).toBe(hostKeys);
      expect(await counts(guest)).toMatchObject({ runcmd: "life-1 life-2", bootcmd: "life-1 life-1 life-2 life-2" });
      expect(await logsIn(guest, "alice", secrets.plain)).toBe(true);
    });
  });
});
