import { existsSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { type Guest, makeGuest } from "./guest.ts";
import { damagedUserData } from "./random-user-data.ts";

let guest: Guest;
afterEach(() => guest.remove());

const encode = (text: string) => new TextEncoder().encode(text);
const directory = "/var/lib/cloud/instances/i-1";

test("a script runs once for an instance, per-boot things at each boot", () => {
  guest = makeGuest();
  const userData = `#cloud-config
bootcmd: [echo boot >> log]
runcmd:
- echo run $INSTANCE_ID >> log
- [sh, -c, 'echo "$1" >> log', sh, $HOME * 'x']
`;
  expect(guest.boot(userData)).toEqual({
    said: [
      expect.stringMatching(/^bootcmd: run \(\d+ ms\)$/),
      expect.stringMatching(/^runcmd: a script for the final stage \(\d+ ms\)$/),
      expect.stringMatching(/^scripts_user: 1 of 1 run \(\d+ ms\)$/),
    ],
    problems: [],
    isFinalWanted: true,
  });
  expect(guest.read("/log")).toBe("boot\nrun i-1\n$HOME * 'x'\n");
  const again = guest.boot(userData, { isNew: false });
  expect(guest.read("/log")).toBe("boot\nrun i-1\n$HOME * 'x'\nboot\n");
  // Nothing is left for a final stage then: it is not even started.
  expect(again.said).toEqual([expect.stringMatching(/^bootcmd/)]);
  expect(again.isFinalWanted).toBe(false);
  // As people do it with cloud-init.
  guest.host.remove(`${directory}/sem/config_scripts_user`);
  guest.boot(userData, { isNew: false });
  expect(guest.read("/log")?.endsWith("boot\nrun i-1\n$HOME * 'x'\n")).toBe(true);
  guest.boot(userData, { instanceId: "i-2" });
  expect(guest.read("/log")?.endsWith("boot\nrun i-2\n$HOME * 'x'\n")).toBe(true);
  expect(guest.read("/var/lib/cloud/data/previous-instance-id")).toBe("i-1\n");
  expect(guest.read("/var/lib/cloud/data/instance-id")).toBe("i-2\n");
  expect(guest.host.readLink("/var/lib/cloud/instance")).toBe("/var/lib/cloud/instances/i-2");
});

test("what is kept of user data is for root alone, and is what cloud-init keeps", () => {
  guest = makeGuest();
  guest.boot(gzipSync("#cloud-config\nwrite_files: [{path: /etc/s, content: secret, permissions: '0600'}]\n"), {
    vendorData: [encode("#cloud-config\nruncmd: [':']\n"), encode("#!/bin/sh\n:\n")],
  });
  expect(guest.mode(`${directory}/user-data.txt`)).toBe("600");
  expect(guest.mode(`${directory}/vendor-data.txt`)).toBe("600");
  expect(guest.mode(`${directory}/cloud-config.txt`)).toBe("600");
  expect(guest.mode(`${directory}/scripts/vendor/part-001`)).toBe("700");
  expect(guest.mode("/etc/s")).toBe("600");
  // What the final stage needed is gone after it.
  expect(existsSync(guest.path("/run/cloudimg/user-data.json"))).toBe(false);
});

test("user data lies over vendor data, over the kernel command line, over the image", () => {
  guest = makeGuest();
  guest.write("/etc/cloud/cloud.cfg", "final_message: image\nphone_home: {tries: 1}\nunknown_of_the_image: 1\n");
  guest.write("/etc/cloud/cloud.cfg.d/10.cfg", "hostname: ten\nfinal_message: ten\n");
  guest.write("/etc/cloud/cloud.cfg.d/20.cfg", "hostname: twenty\n");
  guest.write("/etc/cloud/cloud.cfg.d/README", "hostname: readme\n");
  guest.write("/proc/cmdline", "root=/dev/vda1 cc:final_message:%20line\\nhostname: line end_cc quiet");
  const vendorData = [encode("#cloud-config\nfqdn: a.vendor\nphone_home: {url: http://vendor/}\n")];
  guest.answer = () => ({ status: 200, headers: {}, body: new Uint8Array() });
  const { said, problems } = guest.boot("#cloud-config\nfqdn: user.example\n", { vendorData });
  expect(problems).toEqual([]);
  expect(guest.read("/proc/sys/kernel/hostname")).toContain("line");
  expect(guest.read("/etc/hosts")).toContain("127.0.1.1\tuser.example line");
  expect(said.at(-1)).toMatch(/^final_message: line \(/);
  expect(guest.requests.map(({ url }) => url)).toEqual(["http://vendor/"]);
  const disabled = guest.boot("#cloud-config\nvendor_data: {enabled: false}\n", { vendorData, instanceId: "i-3" });
  expect(disabled.said.join()).not.toContain("vendor");
});

test("cloud-config-url on the kernel command line is fetched once; a url that is another's is none of ours", () => {
  guest = makeGuest();
  guest.write("/proc/cmdline", "url=http://images/rootfs cloud-config-url=http://c/x");
  guest.answer = ({ url }) => ({ status: 200, headers: {}, body: encode(`#cloud-config\nhostname: ${url.length}\n`) });
  guest.boot(undefined);
  expect(guest.read("/etc/hostname")).toBe("20\n");
  guest.boot(undefined, { isNew: false });
  expect(guest.requests).toHaveLength(1);
  guest.answer = () => ({ status: 200, headers: {}, body: encode("not ours") });
  expect(guest.boot(undefined, { instanceId: "i-2" }).problems).toEqual([]);
});

test("keys that nobody obeys: one line each, and the rest goes on", () => {
  guest = makeGuest();
  const { problems } = guest.boot(`#cloud-config
packages: [nginx]
package_update: false
apt: {preserve_sources_list: true}
snap:
hostname: web
hostnmae: typo
network: {version: 2}
output: {all: '| tee -a /var/log/x'}
vendor_data: {enabled: true}
`);
  expect(problems).toEqual([
    "user data: key packages of cloud-init is not supported",
    "user data: key apt of cloud-init is not supported",
    "user data: key hostnmae is not known",
    "user data: key network does nothing in user data: the network is set up before it is read",
  ]);
  expect(guest.read("/etc/hostname")).toBe("web\n");
});

test.each([
  ["#cloud-config\na: [1\n", /^user data: part-001: line \d+: /],
  ["#cloud-config\n- a\n", /cloud-config is no mapping/],
  ["## template: jinja\n#cloud-config\nhostname: {{ x }}\n", /templates are not supported/],
  ["#part-handler\nimport os\n", /part handlers are not supported/],
  ["just text\n", /not used/],
  ["#include http://nowhere/\n", /#include: cannot fetch http:\/\/nowhere\/: nobody answers/],
  ["#cloud-config-archive\na: 1\n", /is no list/],
  ["#cloud-config-jsonp\n{}", /no list of operations/],
  ["#cloud-config-jsonp\nnonsense", /is no JSON/],
])("%j is reported, not obeyed", (userData, problem) => {
  guest = makeGuest();
  expect(guest.boot(userData)).toMatchObject({ said: [], problems: [expect.stringMatching(problem)] });
});

test("a disk that takes nothing: all is done, and what that means is told once", () => {
  guest = makeGuest((host) => ({
    writeFile(path, content, mode) {
      if (!path.startsWith("/run/")) throw new Error(`cannot write ${path}: No space left on device`);
      host.writeFile(path, content, mode);
    },
    makeDirectory(path, mode) {
      if (/^\/(var|etc)/.test(path) && host.attributes(path) === undefined)
        throw new Error(`cannot make ${path}: Read-only file system`);
      host.makeDirectory(path, mode);
    },
    link() {
      throw new Error("Read-only file system");
    },
  }));
  const userData = "#cloud-config\nbootcmd: [echo boot >> log]\nruncmd: [echo run >> log]\n";
  const { problems } = guest.boot(userData);
  expect(problems).toEqual([
    expect.stringContaining("user data: cannot make /var/lib/cloud"),
    expect.stringContaining("it is done again at the next boot"),
  ]);
  expect(guest.read("/log")).toBe("boot\nrun\n");
  guest.boot(userData, { instanceId: "i-2" });
  expect(guest.read("/log"), "another instance in the same boot has done nothing yet").toBe("boot\nrun\nboot\nrun\n");
});

test("a module that fails stops no other", () => {
  guest = makeGuest();
  const { problems } = guest.boot("#cloud-config\nrandom_seed: 7\nfqdn: 'a b'\nruncmd: {a: b}\nfinal_message: end\n");
  expect(problems).toEqual([
    "seed_random: random_seed is no mapping",
    "set_hostname: hostname or fqdn is no host name",
    "runcmd: is no list",
  ]);
});

test("no secret is ever quoted", () => {
  guest = makeGuest();
  const secret = "s3cr3t";
  const { problems } = guest.boot(
    [
      "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n",
      `--B\n\n#cloud-config\npassword: *${secret}\n`,
      `--B\n\n#cloud-config\na: "${secret}\n`,
      `--B\n\n#cloud-config\n${secret}\n`,
      `--B\n\n#cloud-config-jsonp\n[${secret}]\n`,
      `--B\n\n#cloud-config\nruncmd: [{echo ${secret}: 1}]\nwrite_files: [{path: ${secret}}, {path: /x, encoding: b64, content: '!${secret}'}, ${secret}]\n`,
      `--B\n\n#cloud-config\nrandom_seed: {data: '${secret}!', encoding: b64}\nphone_home: {url: 'http://u:${secret}@h/?t=${secret}', tries: 1}\n`,
      `--B\n\n#include http://u:${secret}@h/x?token=${secret}\n`,
      `--B\n\n#cloud-config\nmerge_how: ${secret}(x)\n`,
      "--B--\n",
    ].join("\n"),
  );
  expect(problems.length).toBeGreaterThan(9);
  expect(problems.join("\n")).not.toContain(secret);
});

test("a boothook runs at each boot before all modules; types for directories of scripts", () => {
  guest = makeGuest();
  const userData = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="="

--=
Content-Type: text/cloud-boothook

#cloud-boothook
#!/bin/sh
echo hook >> log
--=
Content-Type: text/x-shellscript-per-boot; name="every.sh"

#!/bin/sh
echo every >> log
--=
Content-Type: text/x-shellscript-per-once

#!/bin/sh
echo once >> log
--=
Content-Type: text/cloud-config

bootcmd: [echo bootcmd >> log]
--=--
`;
  expect(guest.boot(userData).problems).toEqual([]);
  expect(guest.read("/log")).toBe("hook\nbootcmd\nonce\nevery\n");
  guest.boot(userData, { instanceId: "i-2" });
  expect(guest.read("/log")).toBe("hook\nbootcmd\nonce\nevery\nhook\nbootcmd\nevery\n");
  expect(guest.mode("/var/lib/cloud/scripts/per-boot/every.sh")).toBe("700");
});

test("thousands of mistakes are some lines", () => {
  guest = makeGuest();
  const files = Array.from({ length: 3000 }, () => "x").join(", ");
  const keys = Array.from({ length: 500 }, (_, index) => `key${index}: 1`).join("\n");
  const { problems } = guest.boot(`#cloud-config\n${keys}\nwrite_files: [${files}]\n`);
  expect(problems).toHaveLength(42);
  expect(problems.slice(-2)).toEqual([
    "user data: 480 more problems like these",
    "write_files: 2980 more problems like these",
  ]);
});

test("damaged user data of all kinds ends a boot well", () => {
  guest = makeGuest(() => ({
    start: () => ({ poll: () => 0, kill: () => {} }),
    // Nobody waits here for what nobody answers.
    sleepMs: () => {},
  }));
  fc.assert(
    fc.property(damagedUserData, fc.boolean(), (text, isVendors) => {
      const bytes = new Uint8Array(Buffer.from(text, "latin1"));
      const { problems } = isVendors ? guest.boot(undefined, { vendorData: [bytes, bytes] }) : guest.boot(bytes);
      expect(problems.length).toBeLessThan(60);
    }),
    { numRuns: Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 100) },
  );
});

test.each(["..", ".", "a/../..", "a b"])("an instance's id is no path: %j", (instanceId) => {
  guest = makeGuest();
  guest.boot("#!/bin/sh\necho run >> log\n", { instanceId });
  expect(guest.read("/log")).toBe("run\n");
  expect(readdirSync(guest.path("/var/lib/cloud")).sort()).toEqual(["data", "instance", "instances", "sem"]);
  expect(readdirSync(guest.path("/var/lib/cloud/instances"))).toHaveLength(1);
});

test("of many large documents the first ones count: each would take its seconds", () => {
  guest = makeGuest();
  const part = (type: string, text: string) => `--B\nContent-Type: ${type}\n\n${text}\n`;
  const filler = `filler: ${"x".repeat(900 << 10)}\n`;
  const configs = [1, 2, 3].map((at) => part("text/cloud-config", `${filler}bootcmd: [echo ${at} >> log]\n`));
  const archives = [4, 5, 6].map((at) =>
    part(
      "text/cloud-config-archive",
      `- {type: text/x-shellscript, content: "#!/bin/sh\\necho ${at} >> log"}\n- ${filler}`,
    ),
  );
  const userData = ["MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n", ...configs, ...archives];
  const { problems } = guest.boot(`${userData.join("")}--B--\n`);
  expect(guest.read("/log")).toBe("2\n4\n5\n");
  expect(problems).toContain("user data: part-003: more than 2 MiB of cloud-config in all: not used");
  expect(problems).toContain("user data: more than 2 MiB of archives");
});
