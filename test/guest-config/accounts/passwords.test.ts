import { afterEach, beforeEach, expect, test } from "vitest";
import { setPasswords } from "../../../src/guest-config/user-data/set-passwords.ts";
import { withPasswordAuthentication } from "../../../src/guest-config/user-data/set-passwords-ssh.ts";
import { setPasswordHashes } from "../../../src/guest-config/user-data/shadow.ts";
import { runOracle } from "../../oracles/run.ts";
import { oracle } from "../../oracles/tools.ts";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { deviations } from "../deviations.ts";
import { type Guest, makeGuest } from "./guest.ts";

conformanceSuite("passwords", ({ name, input, env, expected }) => {
  const { value, problems } = conformanceResult("passwords", input, env ?? {});
  expect(problems).toEqual([]);
  expect(value).toEqual({ ...(expected as object), ...(deviations[name]?.expected as object) });
});

let guest: Guest;
beforeEach(async () => {
  guest = await makeGuest({ "/dev/console": "", "/etc/ssh/sshd_config": "Port 22\nMatch User x\n  Y z\n" });
});
afterEach(() => guest.remove());

const shadowOf = (name: string) =>
  guest
    .read("/etc/shadow")
    ?.split("\n")
    .find((line) => line.startsWith(`${name}:`))
    ?.split(":")
    .slice(1, 3);

test("a password is hashed as the guest's own tool does it, and has to be changed", async () => {
  expect(guest.run(setPasswords, { password: "it's $ecret" })).toEqual({ said: "root", problems: [] });
  const [hash = "", changed] = shadowOf("root") ?? [];
  expect(changed).toBe("0");
  const salt = hash.split("$")[2] ?? "";
  await oracle("busybox");
  const { output } = await runOracle("busybox", ["mkpasswd", "-m", "sha512", "-S", salt, "it's $ecret"]);
  expect(hash).toBe(output.trim());
  expect(guest.started.join()).not.toContain("ecret");
  expect(guest.read("/etc/passwd")).toContain("# kept\n");
});

test("hashes, texts and random ones; random ones are told to the console alone", () => {
  const { said, problems } = guest.run(setPasswords, {
    chpasswd: {
      expire: false,
      users: [
        { name: "root", type: "RANDOM" },
        { name: "web", password: "$y$j9T$salt$hash" },
      ],
    },
  });
  expect({ said, problems }).toEqual({ said: "root, web", problems: [] });
  expect(shadowOf("web")).toEqual(["$y$j9T$salt$hash", "20500"]);
  expect(shadowOf("root")?.[0]).toMatch(/^\$6\$/);
  expect(guest.read("/dev/console")).toBe("Set the following 'random' passwords\nroot:abcdefghjkmnpqrstuvw\n");
  expect(guest.started.join()).not.toContain("abcdefgh");
});

test("nothing gets into the files that could be another account, and no problem tells a password", () => {
  const before = guest.read("/etc/shadow");
  const { said, problems } = guest.run(setPasswords, {
    chpasswd: {
      users: [
        { name: "web", password: "$6$a$SECRET\nx::0:" },
        { name: "web", password: "SECRET", type: "md5" },
        { name: "web", password: "SECRET:x" },
        { name: "web", type: "text", password: "SECRET\nother" },
        { name: "nobody-here", type: "text", password: "SECRET" },
        { password: "SECRET" },
        "SECRET",
      ],
      list: "SECRET\nweb:\n",
    },
    ssh_pwauth: "SECRET",
  });
  expect(said).toBeUndefined();
  expect(problems).toHaveLength(10);
  expect(problems.join()).not.toContain("SECRET");
  expect(guest.read("/etc/shadow")).toBe(before);
});

test("without a tool that hashes, hashes are still set", () => {
  const start = guest.host.start;
  guest.host.start = (command) =>
    command.argv[2]?.includes("mkpasswd") ? start({ ...command, argv: ["sh", "-c", "exit 127"] }) : start(command);
  const { problems } = guest.run(setPasswords, { chpasswd: { list: ["root:plain", "web:$6$a$new"] } });
  expect(problems).toEqual(["cannot hash a password: mkpasswd failed"]);
  expect([shadowOf("root")?.[0], shadowOf("web")?.[0]]).toEqual(["*", "$6$a$new"]);
  expect(guest.read("/run/cloudimg/passwords")).toBeUndefined();
});

test("os.conf's hashes are set once, and checked", () => {
  expect(setPasswordHashes(guest.host, { root: "$6$a$b", none: "$6$a$b", web: "a:b" })).toEqual([
    "there is no user none to set a password for",
    "the password of web is no crypt hash",
  ]);
  expect(shadowOf("root")).toEqual(["$6$a$b", "20500"]);
  expect(guest.owners()).toEqual(["0:42 /etc/shadow.new"]);
  const programs = guest.started.length;
  expect(setPasswordHashes(guest.host, { root: "$6$a$b" })).toEqual([]);
  expect(guest.started).toHaveLength(programs);
});

test("a hash in /etc/passwd itself gives way, and an account without a line in /etc/shadow gets one", async () => {
  guest.remove();
  guest = await makeGuest({ "/etc/passwd": "web:$1$old$x:1000:1000::/:/bin/sh", "/etc/shadow": "" });
  expect(setPasswordHashes(guest.host, { web: "$6$a$b" })).toEqual([]);
  expect(guest.read("/etc/passwd")).toBe("web:x:1000:1000::/:/bin/sh");
  expect(guest.read("/etc/shadow")).toBe("web:$6$a$b:20500:0:99999:7:::\n");
});

test("ssh_pwauth, for each server that is there", () => {
  expect(guest.run(setPasswords, { ssh_pwauth: "no" }).said).toBe("ssh refuses passwords");
  expect(guest.read("/etc/dropbear/password-login")).toBeUndefined();
  expect(guest.read("/etc/ssh/sshd_config")).toBe("Port 22\nPasswordAuthentication no\nMatch User x\n  Y z\n");
  guest.write("/usr/sbin/dropbear", "");
  guest.write("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n");
  guest.write("/etc/ssh/sshd_config.d/x", "");
  expect(guest.run(setPasswords, { ssh_pwauth: true })).toEqual({ said: "ssh takes passwords", problems: [] });
  expect(guest.read("/etc/dropbear/password-login")).toBe("yes\n");
  expect(guest.read("/etc/ssh/sshd_config.d/50-cloud-init.conf")).toBe("PasswordAuthentication yes\n");
  expect(guest.run(setPasswords, { ssh_pwauth: "unchanged" })).toEqual({ said: undefined, problems: [] });
});

test.each([
  ["", "PasswordAuthentication no\n"],
  ["a", "a\nPasswordAuthentication no"],
  ["#PasswordAuthentication yes\n", "#PasswordAuthentication yes\nPasswordAuthentication no\n"],
  [" passwordauthentication=yes\nMatch all\n", "PasswordAuthentication no\nMatch all\n"],
  ["Match all\nPasswordAuthentication yes\n", "PasswordAuthentication no\nMatch all\nPasswordAuthentication yes\n"],
])("sshd_config %j", (config, expected) => {
  expect(withPasswordAuthentication(config, "no")).toBe(expected);
  expect(withPasswordAuthentication(expected, "no")).toBe(expected);
});
