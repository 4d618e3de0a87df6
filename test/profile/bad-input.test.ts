// biome-ignore-all lint/suspicious/noTemplateCurlyInString: profiles as they are written
import { expect, test } from "vitest";
import { loadProfile } from "../../src/profile/load.ts";
import { complaints } from "./profile-files.ts";

test("an unknown key near a known one", async () => {
  expect(await complaints({ "p.yaml": "pakages: {}\nimage: { name: p }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:1: cannot use this profile: unknown key "pakages" [profile/invalid]
      hint: did you mean "packages"?"
  `);
});

test("an unknown key that belongs elsewhere", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p }\ninclude: [nginx]\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:1: cannot use this profile: unknown key "include" [profile/invalid]
      hint: "include" belongs under "packages""
  `);
});

test("an unknown key near nothing", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p }\noutput: { zebra: 1 }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:11: cannot use this profile: unknown key "zebra" in output [profile/invalid]
      hint: what can stand here: formats, compress, compat, compression, clusterSize"
  `);
});

test("an unknown key with nothing after the colon", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p }\nservces:\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:1: cannot use this profile: unknown key "servces" [profile/invalid]
      hint: did you mean "services"?"
  `);
});

test("an unknown key in an entry of a list that may also be text", async () => {
  expect(
    await complaints({ "p.yaml": "image: { name: p }\npackages:\n  include:\n    - nginx\n    - nam: curl\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:5:7: cannot use this profile: unknown key "nam" in packages.include[1] [profile/invalid]
      hint: did you mean "name"?"
  `);
});

test("a required key that is missing", async () => {
  expect(await complaints({ "p.yaml": "image: { arch: amd64 }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:1: cannot use this profile: image.name is missing [profile/invalid]
      hint: add "name" to image: The image's name: lower-case letters, digits, dots and dashes."
  `);
});

test("an empty file", async () => {
  expect(await complaints({ "p.yaml": "" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:1: cannot use this profile: image is missing [profile/invalid]
      hint: add "image": What the image is called and what it runs on."
  `);
});

test("a file that is a list", async () => {
  expect(await complaints({ "p.yaml": "- image\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:1: cannot use this profile: it must be a map of sections, but it is a list [profile/invalid]
      hint: start with a section, like \`image:\`"
  `);
});

test("text where a list belongs, a number where text belongs, text where a map belongs", async () => {
  expect(
    await complaints({ "p.yaml": "image: { name: p, version: 1.20 }\nkernel: { cmdline: quiet }\ndisk: 2GiB\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:28: cannot use this profile: image.version must be text, not the number 1.2 [profile/invalid]
      hint: put it in quotes
    p.yaml:2:20: cannot use this profile: kernel.cmdline must be a list, not "quiet" [profile/invalid]
      hint: write a list: one entry per line, each after a dash
    p.yaml:3:7: cannot use this profile: disk must be a map of keys, not "2GiB" [profile/invalid]
      hint: write keys with values below it, indented"
  `);
});

test("a word that is not in the list", async () => {
  expect(
    await complaints({ "p.yaml": "image: { name: p, arch: amd46 }\noutput: { formats: [raw, vhdx] }\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:25: cannot use this profile: image.arch must be one of amd64, arm64, riscv64, not "amd46" [profile/invalid]
      hint: did you mean "amd64"?
    p.yaml:2:26: cannot use this profile: output.formats[1] must be one of raw, qcow2, vhd, vhd-fixed, vmdk, vmdk-flat, vdi, not "vhdx" [profile/invalid]
      hint: did you mean "vhd"?"
  `);
});

test("sizes, durations and modes without unit or quotes", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
disk: { size: 2 gigs }
smoke: { timeout: 30 }
files: [{ content: x, target: /x, mode: 0644 }]
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:15: cannot use this profile: disk.size must be a size with a unit, like 64MiB or 2GiB, not "2 gigs" [profile/invalid]
    p.yaml:3:19: cannot use this profile: smoke.timeout must be a duration with a unit, like 30s or 5m, not the number 30 [profile/invalid]
    p.yaml:4:41: cannot use this profile: files[0].mode must be octal digits in quotes, like "0644", not the number 644 [profile/invalid]"
  `);
});

test("numbers out of range", async () => {
  expect(
    await complaints({
      "p.yaml":
        "image: { name: p }\nservices: { http: { port: 70000 } }\ninstance: { cpus: 0 }\noutput: { formats: [] }\n",
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:27: cannot use this profile: services.http.port must be 65535 or less, not 70000 [profile/invalid]
    p.yaml:3:19: cannot use this profile: instance.cpus must be 1 or more, not 0 [profile/invalid]
    p.yaml:4:20: cannot use this profile: output.formats must have at least 1 entry, not 0 [profile/invalid]"
  `);
});

test("a target that is not an absolute path", async () => {
  expect(
    await complaints({
      "p.yaml":
        "image: { name: p }\nfiles:\n  - content: x\n    target: etc/x\n  - content: x\n    target: /etc/../x\n",
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:4:13: cannot use this profile: files[0].target must be an absolute path without \`.\`, \`..\` or a trailing slash, not "etc/x" [profile/invalid]
    p.yaml:6:13: cannot use this profile: files[1].target must be an absolute path without \`.\`, \`..\` or a trailing slash, not "/etc/../x" [profile/invalid]"
  `);
});

test("an empty entry of a list", async () => {
  expect(
    await complaints({ "p.yaml": "image: { name: p }\nkernel:\n  modules:\n    - ext4\n    -\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:5:6: cannot use this profile: kernel.modules[1] must be text, but there is nothing [profile/invalid]
      hint: remove the empty entry, or fill it in"
  `);
});

test("a duplicate key", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p }\nfiles: []\nfiles: []\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:3:1: cannot use this profile: duplicate key "files" [profile/invalid]
      hint: it is already on line 2: merge the two"
  `);
});

test("YAML that is indented with a tab", async () => {
  expect(await complaints({ "p.yaml": "image:\n\tname: p\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:1: cannot read this profile: not valid YAML: a tab indents this line [profile/syntax]
      hint: indent with spaces"
  `);
});

test("YAML with an open bracket and an open quote", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:1: cannot read this profile: not valid YAML: a { is not closed by } [profile/syntax]
      hint: it may begin some lines above: add what closes it there"
  `);
});

test("YAML with a second colon", async () => {
  expect(await complaints({ "p.yaml": "image:\n  name: a: b\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:9: cannot read this profile: not valid YAML: there is a second colon on this line [profile/syntax]
      hint: put quotes around text that contains a colon and a space"
  `);
});

test("two YAML documents", async () => {
  expect(await complaints({ "p.yaml": "image: { name: p }\n---\nimage: { name: q }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:1: cannot read this profile: not valid YAML: there is more than one document [profile/syntax]
      hint: remove the line ---"
  `);
});

test("an alias of nothing and one of itself", async () => {
  expect(await complaints({ "p.yaml": "image: { name: *nobody }\nfiles: &f [*f]\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:16: cannot use this profile: there is no anchor &nobody before *nobody [profile/invalid]
      hint: put quotes around text that starts with *
    p.yaml:2:12: cannot use this profile: the alias *f stands inside what it repeats [profile/invalid]
      hint: write the value out"
  `);
});

test("a file that is not text", async () => {
  expect(await complaints({ "p.yaml": Uint8Array.of(0x51, 0x46, 0x49, 0xfb, 0xff) })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml: cannot read this profile: it is not UTF-8 text [profile/syntax]
      hint: is this really a YAML profile, and not an image or an archive?"
  `);
});

test("a variable that is not set, and a reference that is none", async () => {
  expect(
    await complaints({
      "p.yaml":
        'image: { name: p, version: "1-${env:BUILD}" }\ninstance: { userData: "${env:1ST}", cpus: "${env:CPUS}" }\n',
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:31: cannot use this profile: the environment variable BUILD is not set [profile/invalid]
      hint: set it (export BUILD=…), or give a default: \${env:BUILD:-default}
    p.yaml:2:24: cannot use this profile: "\${env:1ST}" is not a reference to an environment variable [profile/invalid]
      hint: write \${env:NAME}, \${env:NAME:-default} or, for these very characters, $\${env:
    p.yaml:2:44: cannot use this profile: the environment variable CPUS is not set [profile/invalid]
      hint: set it (export CPUS=…), or give a default: \${env:CPUS:-default}"
  `);
});

test("a reference to the environment in a flow map without quotes", async () => {
  expect(await complaints({ "p.yaml": "image: { name: ${env:NAME} }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:17: cannot read this profile: not valid YAML: unexpected "{" after a complete value [profile/syntax]
      hint: inside { } and [ ], put quotes around \${env:NAME}"
  `);
});

test("a base that is missing, with a near name beside it", async () => {
  expect(
    await complaints({ "p.yaml": "extends: bsae.yaml\nimage: { name: p }\n", "base.yaml": "" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:10: cannot read the profile bsae.yaml: there is no such file [profile/not-found]
      hint: did you mean "base.yaml"?"
  `);
});

test("a base that extends what extends it", async () => {
  expect(
    await complaints({ "p.yaml": "extends: a.yaml\nimage: { name: p }\n", "a.yaml": "extends: p.yaml\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    a.yaml:1:10: cannot use this profile: it extends itself: p.yaml → a.yaml → p.yaml [profile/invalid]
      hint: remove one of these \`extends\`"
  `);
});

test("a built-in profile that does not exist", async () => {
  expect(await complaints({ "p.yaml": "extends: cloudimg:bass\nimage: { name: p }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:10: cannot use this profile: there is no built-in profile "cloudimg:bass" [profile/invalid]
      hint: there is: cloudimg:base"
  `);
});

test("mistakes in several files, each at its own place, all at once", async () => {
  expect(
    await complaints({
      "p.yaml": "extends: base.yaml\nimage: { name: p }\noutptu: {}\n",
      "base.yaml": "kernel: { moduls: [] }\ndisk: { label: a label that is too long }\n",
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    base.yaml:1:11: cannot use this profile: unknown key "moduls" in kernel [profile/invalid]
      hint: did you mean "modules"?
    base.yaml:2:16: cannot use this profile: disk.label must be at most 16 ASCII characters without spaces, not "a label that is too long" [profile/invalid]
    p.yaml:3:1: cannot use this profile: unknown key "outptu" [profile/invalid]
      hint: did you mean "output"?"
  `);
});

test("a broken base does not make the rest look incomplete", async () => {
  expect(
    await complaints({ "p.yaml": "extends: base.yaml\noutptu: {}\n", "base.yaml": "image: {\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    base.yaml:2:1: cannot read this profile: not valid YAML: a { is not closed by } [profile/syntax]
      hint: it may begin some lines above: add what closes it there
    p.yaml:2:1: cannot use this profile: unknown key "outptu" [profile/invalid]
      hint: did you mean "output"?"
  `);
});

test("files: both, neither, owner by half, one target twice", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
files:
  - { source: a, content: a, target: /a }
  - { target: /b }
  - { content: c, target: /c, user: root }
  - { content: c, target: /c }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:3:27: cannot use this profile: files[0] has both source and content [profile/invalid]
      hint: keep one of the two
    p.yaml:4:5: cannot use this profile: files[1] has neither source nor content [profile/invalid]
      hint: say where the file comes from
    p.yaml:5:37: cannot use this profile: files[2] has a user but no group [profile/invalid]
      hint: add "group" beside it
    p.yaml:6:27: cannot use this profile: files[2] already goes to /c [profile/invalid]
      hint: remove one of the two, or say "replace: true" here"
  `);
});

test("users: one name twice, one number twice, root's number, nobody to log in as", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
users:
  - { name: ada, uid: 1000 }
  - { name: ada }
  - { name: eve, uid: 1000 }
  - { name: tor, uid: 0 }
instance: { user: adda }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:4:13: cannot use this profile: there are two users named ada [profile/invalid]
      hint: merge the two
    p.yaml:5:23: cannot use this profile: two users have the number 1000 [profile/invalid]
      hint: leave uid out, and each gets a free one
    p.yaml:6:23: cannot use this profile: the number 0 is root's, and root's only [profile/invalid]
      hint: choose a number from 1000
    p.yaml:7:19: cannot use this profile: instance.user "adda" is not in users [profile/invalid]
      hint: did you mean "ada"?"
  `);
});

test("services: one port twice, one name twice, a name that is taken", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
services:
  http: { port: 22 }
  commands: [{ name: a, command: a }, { name: a, command: b }, { name: ssh, command: c }]
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:3:17: cannot use this profile: ssh and http both listen on port 22 [profile/invalid]
      hint: change one of the two
    p.yaml:4:47: cannot use this profile: there are two services named a [profile/invalid]
      hint: rename one of the two
    p.yaml:4:72: cannot use this profile: the service name ssh is taken by services.ssh [profile/invalid]
      hint: choose another name"
  `);
});

test("checks of services that are off, and patterns that are none", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
services: { ssh: { enabled: false } }
smoke:
  ssh: [{ run: "true", stdout: "(" }]
  http: [{ headers: { Server: "[" } }]
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:4:8: cannot use this profile: smoke.ssh checks a service that services.ssh.enabled turns off [profile/invalid]
      hint: enable the service, or remove the checks
    p.yaml:4:32: cannot use this profile: smoke.ssh[0].stdout is not a regular expression: Unterminated group [profile/invalid]
      hint: put a backslash before ( ) [ ] { } . * + ? to mean the character itself
    p.yaml:5:31: cannot use this profile: smoke.http[0].headers.Server is not a regular expression: Unterminated character class [profile/invalid]
      hint: put a backslash before ( ) [ ] { } . * + ? to mean the character itself"
  `);
});

test("disk and output: odd sector, odd cluster, a disk smaller than its image", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
disk: { size: 1000000001B }
output: { clusterSize: 96KiB }
instance: { diskSize: 1MB }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:15: cannot use this profile: disk.size must be a multiple of 512 bytes, the size of a sector [profile/invalid]
      hint: use MiB or GiB
    p.yaml:3:24: cannot use this profile: output.clusterSize must be a power of two from 512B to 2MiB [profile/invalid]
      hint: 64KiB suits most
    p.yaml:4:23: cannot use this profile: instance.diskSize is smaller than disk.size [profile/invalid]
      hint: an instance's disk can only be larger than its image"
  `);
});

test("network: addresses that are none, one MAC twice, a group's MAC", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p }
instance:
  interfaces:
    - { mac: "52:54:00:00:00:01", addresses: [192.0.2.7, 192.0.2.7/33], gateway: router }
    - { mac: "52:54:00:00:00:01", nameservers: [dns.example], routes: [{ to: 10.0.0.0, via: x }] }
    - { mac: "53:54:00:00:00:02" }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:4:47: cannot use this profile: instance.interfaces[0].addresses[0] must be an address with prefix length, like 192.0.2.7/24, not "192.0.2.7" [profile/invalid]
    p.yaml:4:58: cannot use this profile: instance.interfaces[0].addresses[1] must be an address with prefix length, like 192.0.2.7/24, not "192.0.2.7/33" [profile/invalid]
    p.yaml:4:82: cannot use this profile: instance.interfaces[0].gateway must be an IP address, not "router" [profile/invalid]
    p.yaml:5:14: cannot use this profile: two interfaces have the MAC address 52:54:00:00:00:01 [profile/invalid]
      hint: leave mac out, and each gets its own
    p.yaml:5:49: cannot use this profile: instance.interfaces[1].nameservers[0] must be an IP address, not "dns.example" [profile/invalid]
    p.yaml:5:78: cannot use this profile: instance.interfaces[1].routes[0].to must be a network with prefix length, like 10.0.0.0/8, not "10.0.0.0" [profile/invalid]
    p.yaml:5:93: cannot use this profile: instance.interfaces[1].routes[0].via must be an IP address, not "x" [profile/invalid]
    p.yaml:6:14: cannot use this profile: instance.interfaces[2].mac must be a card's own address: its first octet is even, not "53:54:00:00:00:02" [profile/invalid]"
  `);
});

test("contradictions: a package left out and asked for, two kernels, root= by hand, a processor without BIOS", async () => {
  expect(
    await complaints({
      "p.yaml": `image: { name: p, arch: arm64 }
packages: { include: [nginx], exclude: [nginx] }
kernel: { package: linux-image-arm64, file: Image, cmdline: [root=/dev/vda1] }
provider: { local: { sshPort: 9080 } }
disk: { partitionTable: legacy }
`,
    }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:2:23: cannot use this profile: packages.exclude leaves nginx out [profile/invalid]
      hint: remove it from one of the two
    p.yaml:3:45: cannot use this profile: kernel has both package and file [profile/invalid]
      hint: keep one of the two
    p.yaml:3:62: cannot use this profile: kernel.cmdline[0] sets root=, which cloudimg adds itself [profile/invalid]
      hint: remove it
    p.yaml:4:13: cannot use this profile: sshPort and httpPort are both 9080 [profile/invalid]
      hint: change one of the two
    p.yaml:5:25: cannot use this profile: arm64 machines do not boot by BIOS, which disk.partitionTable "legacy" is for [profile/invalid]
      hint: use "efi""
  `);
});

test("an unknown key does not hide what else is wrong", async () => {
  expect(
    await complaints({ "p.yaml": "image: { name: p, nmae: q }\ninstance: { user: ada }\n" }),
  ).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:19: cannot use this profile: unknown key "nmae" in image [profile/invalid]
      hint: did you mean "name"?
    p.yaml:2:19: cannot use this profile: instance.user "ada" is not in users [profile/invalid]
      hint: add it to users, or use one of: root"
  `);
});

test("what came from the environment is never repeated: it may be a secret", async () => {
  const files = {
    "p.yaml": 'image: { name: p }\nusers: [{ name: ada, passwordHash: "${env:HASH}", shell: "${env:HASH}" }]\n',
  };
  const text = await complaints(files, { HASH: "$6$secret hash" });
  expect(text).toContain("users[0].passwordHash must be");
  expect(text).not.toContain("secret");
});

test("a required key that is misspelt is one problem", async () => {
  expect(await complaints({ "p.yaml": "image: { nam: p }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:10: cannot use this profile: unknown key "nam" in image [profile/invalid]
      hint: did you mean "name"?"
  `);
});

test("a base that is a directory", async () => {
  expect(await complaints({ "p.yaml": "extends: sub\nimage: { name: p }\n", "sub/x": "" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:10: cannot read the profile sub: it is a directory [profile/not-found]"
  `);
});

test("extends that is neither a path nor a list of them", async () => {
  expect(await complaints({ "p.yaml": "extends: [7, { file: a }]\nimage: { name: p }\n" })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:1:11: cannot use this profile: extends must be the path of a profile, or a list of them [profile/invalid]
    p.yaml:1:14: cannot use this profile: extends must be the path of a profile, or a list of them [profile/invalid]"
  `);
});

test("a profile that does not exist", async () => {
  const error = await loadProfile("/nonexistent/p.yaml", { environment: {} }).catch((thrown) => thrown);
  expect(error).toMatchObject({ exitCode: 3, code: "profile/not-found" });
  expect(error.problems).toMatchInlineSnapshot(`
    [
      {
        "code": "profile/not-found",
        "hint": "cloudimg init NAME writes a profile to start from",
        "message": "cannot read the profile /nonexistent/p.yaml: there is no such file",
        "where": undefined,
      },
    ]
  `);
});

test("a hostile pile of aliases is refused in bounded time", async () => {
  const bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 10; level++) bomb.push(`a${level}: &a${level} [${`*a${level - 1},`.repeat(10)}]`);
  expect(await complaints({ "p.yaml": bomb.join("\n") })).toContain("it has more than 100000 values");
});

test("a firmware that the image does not boot by", async () => {
  const profile = "image: { name: p }\nboot: { efi: uki }\ninstance: { firmware: uefi-secure }\n";
  expect(await complaints({ "p.yaml": profile })).toMatchInlineSnapshot(`
    "exit 3
    p.yaml:3:23: cannot use this profile: the image does not boot by instance.firmware "uefi-secure", but by bios, uefi [profile/invalid]
      hint: change it, or disk.partitionTable, boot.efi or the kernel"
  `);
  const fitting = { "p.yaml": profile.replace("-secure", "") };
  await expect(complaints(fitting)).rejects.toThrow("the profile was accepted");
});

test.each([101, 2000, 100_000])("lists that are nested %d deep", async (depth) => {
  const text = `image: { name: p }\nusers: ${"[".repeat(depth)}${"]".repeat(depth)}\n`;
  expect(await complaints({ "p.yaml": text })).toMatch(/^p\.yaml:2:\d+: .*nested/m);
});
