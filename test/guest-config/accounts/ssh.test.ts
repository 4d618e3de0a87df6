import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { guestScript } from "../../../src/build/rootfs/guest-script.ts";
import type { Command } from "../../../src/guest-config/initializer/host.ts";
import { quietHostKeysPath, readHostKeys } from "../../../src/guest-config/initializer/host-keys.ts";
import { ssh } from "../../../src/guest-config/user-data/ssh-keys.ts";
import { oracle } from "../../oracles/tools.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(async () => {
  guest = await makeGuest({ "/usr/bin/dropbearkey": "" });
});
afterEach(() => guest.remove());

const [one, two] = ["ssh-ed25519 AAAAC3Nza1", "ssh-rsa AAAAB3Nza2"];
const keysOf = (home: string) => guest.read(`${home}/.ssh/authorized_keys`);

test("the cloud's keys and those of cloud-config are the default user's; keys of named users theirs", () => {
  const { said, problems } = guest.run(
    ssh,
    { ssh_authorized_keys: [`${two} me\r\n`] },
    { publicKeys: [`${one} cloud`], authorizedKeys: { web: [`${one} web`] } },
  );
  expect({ said, problems }).toEqual({ said: "keys for web, root", problems: [] });
  expect(keysOf("/root")).toBe(`${one} cloud\n${two} me\n`);
  expect(keysOf("/home/web")).toBe(`${one} web\n`);
});

const prefix =
  "no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command=\"echo 'Please login as the user web rather than the user root.';echo;sleep 10;exit 142\" ";
test.each([
  [{}, undefined],
  [{ disable_root: true }, `${prefix}${one}\n`],
  [{ disable_root: false }, `${one}\n`],
  [{ disable_root: true, disable_root_opts: "no-pty,from=$USER" }, `no-pty,from=web ${one}\n`],
  [{ disable_root: "yes", allow_public_ssh_keys: false }, undefined],
])("another default user: root with %j", (config, expected) => {
  const { problems } = guest.run(ssh, { ...config, users: ["default"] }, { defaultUser: "web", publicKeys: [one] });
  expect(problems).toEqual([]);
  expect(keysOf("/root")).toBe(expected);
});

test("`user` changes whom the keys are for", () => {
  guest.run(ssh, { user: "web" }, { publicKeys: [one] });
  expect([keysOf("/home/web"), keysOf("/root")]).toEqual([`${one}\n`, undefined]);
});

test("what is no key is reported without being shown", () => {
  const { problems } = guest.run(ssh, {
    ssh_authorized_keys: ["-----BEGIN OPENSSH PRIVATE KEY-----\nSECRET", one],
    disable_root_opts: 'x"\nssh-rsa AAAA',
    ssh_import_id: ["gh:me"],
  });
  expect(problems).toEqual(["ssh_import_id is not supported", "2 lines for root is no public ssh key"]);
  expect(guest.run(ssh, { ssh_authorized_keys: 7 }).problems).toEqual([
    "ssh_authorized_keys is neither text nor a list of it",
  ]);
  expect(keysOf("/root")).toBe(`${one}\n`);
});

/** A dropbearkey that makes files with the type in them. */
function makeKeys(made: string[]) {
  guest.host.start = ({ argv, outputPath }: Command) => {
    const type = argv[argv.indexOf("-t") + 1] ?? "";
    made.push(type);
    guest.write(argv[argv.indexOf("-f") + 1] ?? "", "new");
    guest.write(outputPath ?? "", `Generating 256 bit ${type} key, this may take a while...\nFingerprint: SHA256:x\n`);
    return { poll: () => 0, kill: () => {} };
  };
}
const hostKeys = () => ["ed25519", "ecdsa", "rsa"].map((type) => guest.read(`/etc/dropbear/dropbear_${type}_host_key`));
const oldKeys = () => {
  for (const type of ["ed25519", "ecdsa"])
    for (const end of ["", ".pub"]) guest.write(`/etc/dropbear/dropbear_${type}_host_key${end}`, "old");
};

test("host keys of another instance are made anew, once", () => {
  oldKeys();
  const made: string[] = [];
  makeKeys(made);
  guest.run(ssh, { ssh_deletekeys: false });
  guest.run(ssh, {}, { isNew: false });
  expect(hostKeys()).toEqual(["old", "old", undefined]);
  expect(guest.run(ssh, {}).problems).toEqual([]);
  expect(hostKeys()).toEqual(["new", "new", undefined]);
  // dropbearkey writes the public half beside it, but not over another.
  expect(guest.read("/etc/dropbear/dropbear_ed25519_host_key.pub")).toBeUndefined();
  guest.run(ssh, {});
  expect(made).toEqual(["ed25519", "ecdsa"]);
});

test("types of host keys that are asked for, and no others", () => {
  oldKeys();
  const made: string[] = [];
  makeKeys(made);
  const { problems } = guest.run(ssh, { ssh_genkeytypes: ["rsa", "ed25519", "dsa"], ssh_deletekeys: false });
  expect(problems).toEqual(['ssh_genkeytypes: host keys of type "dsa" are not supported']);
  expect(hostKeys()).toEqual(["old", undefined, "new"]);
  guest.run(ssh, { ssh: { emit_keys_to_console: false } });
  expect(guest.read(quietHostKeysPath)).toBe("");
});

test("a key that is still being made is waited for", () => {
  const made: string[] = [];
  makeKeys(made);
  guest.write("/run/cloudimg/dropbearkey.ed25519.log", "Generating 256 bit ed25519 key, this may take a while...\n");
  let pauses = 0;
  guest.host.sleepMs = () => {
    if (++pauses < 3) return;
    guest.write("/etc/dropbear/dropbear_ed25519_host_key", "first");
    guest.write("/run/cloudimg/dropbearkey.ed25519.log", "Generating 256 bit ed25519 key\nFingerprint: SHA256:y\n");
  };
  expect(guest.run(ssh, { ssh_genkeytypes: "rsa, ed25519" }).problems).toEqual([]);
  expect([pauses, ...made]).toEqual([3, "rsa"]);
  expect(hostKeys()).toEqual(["first", undefined, "new"]);
});

/** A key pair as ssh-keygen makes it. */
async function openSshKey(...options: string[]): Promise<{ readonly text: string; readonly line: string }> {
  const [keygen = "", ...first] = await oracle("ssh-keygen");
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-hostkey-"));
  const file = join(directory, "key");
  try {
    spawnSync(keygen, [...first, "-q", "-N", "", "-C", "me", "-f", file, ...options]);
    const [type, body] = readFileSync(`${file}.pub`, "utf8").split(" ");
    return { text: readFileSync(file, "utf8"), line: `${type} ${body}` };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("an ed25519 host key needs no program; others need one that converts them", async () => {
  oldKeys();
  const { text, line } = await openSshKey("-t", "ed25519");
  const { text: other, line: otherLine } = await openSshKey("-t", "ecdsa");
  const given = { ed25519_private: `\r\n${text.replaceAll("\n", "\r\n")}`, ecdsa_private: other, ed25519_public: line };
  expect(guest.run(ssh, { ssh_keys: given }).problems).toEqual([
    "ssh_keys: ecdsa_private is no ed25519 key without a passphrase, and this image has no dropbearconvert for others",
  ]);
  const path = "/etc/dropbear/dropbear_ed25519_host_key";
  expect(guest.read(path)?.slice(0, 15)).toBe("\0\0\0\x0bssh-ed25519");
  expect(statSync(guest.path(path)).mode & 0o777).toBe(0o600);
  expect(hostKeys().slice(1)).toEqual([undefined, undefined]);
  guest.write("/var/lib/cloudimg/host-keys", `${line} SHA256:known\n${otherLine} SHA256:too\n`);
  expect(readHostKeys(guest.host)).toEqual([{ line, fingerprint: "SHA256:known" }]);

  const [converter = "", ...further] = await oracle("dropbearconvert");
  guest.write("/usr/bin/dropbearconvert", `#!/bin/sh\nexec ${[converter, ...further].join(" ")} "$@"\n`);
  chmodSync(guest.path("/usr/bin/dropbearconvert"), 0o755);
  const config = { ssh_keys: { ...given, dsa_private: "x", rsa_private: "broken" } };
  expect(guest.run(ssh, config).problems).toEqual([
    'ssh_keys: "dsa_private" is no host key of a type that is supported',
    "ssh_keys: dropbearconvert cannot read rsa_private",
  ]);
  guest.write("/var/lib/cloudimg/host-keys", `${line} SHA256:known\n${otherLine} SHA256:too\n`);
  expect(readHostKeys(guest.host).map(({ line }) => line)).toEqual([line, otherLine]);
  expect(guest.read("/run/cloudimg/host-key")).toBeUndefined();
});

test("what is given and cannot be used leaves the image's own host keys", () => {
  oldKeys();
  const { problems } = guest.run(ssh, { ssh_keys: { ed25519_private: "SECRET" }, ssh_deletekeys: false });
  expect(problems).toEqual([
    "ssh_keys: ed25519_private is no ed25519 key without a passphrase, and this image has no dropbearconvert for others",
  ]);
});

test.each([
  ["-s", undefined, "-s"],
  ["-s", "yes\n", ""],
  ["", "no\n", "-s"],
  ["", "nonsense", ""],
])("dropbear's service: profile %j, cloud-config %j", async (profile, told, expected) => {
  const [busybox = "", ...first] = await oracle("busybox");
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-ssh-"));
  mkdirSync(join(directory, "etc/dropbear"), { recursive: true });
  writeFileSync(join(directory, "etc/dropbear/dropbear_rsa_host_key"), "x");
  if (told !== undefined) writeFileSync(join(directory, "etc/dropbear/password-login"), told);
  const script = guestScript("ssh")
    .replaceAll("/etc/dropbear", `${directory}/etc/dropbear`)
    .replace("exec dropbear", "echo");
  const { stdout } = spawnSync(busybox, [...first, "sh", "-c", script, "ssh", profile, "22"], { encoding: "utf8" });
  const words = ["-F -E", expected, "-p 22 -r", `${directory}/etc/dropbear/dropbear_rsa_host_key`];
  expect(stdout.trim()).toBe(words.filter((word) => word !== "").join(" "));
  rmSync(directory, { recursive: true });
});
