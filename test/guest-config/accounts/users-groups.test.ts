import { afterEach, beforeEach, expect, test } from "vitest";
import { usersGroups } from "../../../src/guest-config/user-data/users-groups.ts";
import { conformanceSuite } from "../conformance.ts";
import { conformanceResult } from "../conformance-functions.ts";
import { type Guest, makeGuest } from "./guest.ts";

conformanceSuite("users-groups", ({ input, env, expected, expected_error }) => {
  const { value, problems } = conformanceResult("users-groups", input, env ?? {});
  if (expected_error !== undefined) expect(problems).not.toEqual([]);
  else expect({ value, problems }).toEqual({ value: expected, problems: [] });
});

let guest: Guest;
beforeEach(async () => {
  guest = await makeGuest({ "/etc/skel/.profile": "skeleton" });
});
afterEach(() => guest.remove());

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICORRMOCw1shrA/RJB8AI5+qPlNzBFW14iT/Modc6mSg";

test("a user with all that one can have", () => {
  guest.write("/usr/bin/sudo", "");
  const { said, problems } = guest.run(usersGroups, {
    groups: { docker: ["web"], ops: [] },
    users: [
      "default",
      {
        name: "dev",
        gecos: "A Developer",
        groups: "sudo, wheel",
        uid: 2000,
        sudo: ["ALL=(ALL) NOPASSWD:ALL"],
        passwd: "$6$salt$hash",
        "lock-passwd": false,
        ssh_authorized_keys: [`${key} dev`],
        expiredate: "2030-12-31",
        inactive: "5",
      },
    ],
  });
  expect(problems).toEqual([]);
  expect(said).toBe("dev, group docker, group ops");
  expect(guest.read("/etc/passwd")).toBe(
    "root:x:0:0:root:/root:/bin/sh\n# kept\nweb:x:1000:1000::/home/web:/bin/sh\ndev:x:2000:2000:A Developer:/home/dev:/bin/sh\n",
  );
  expect(guest.read("/etc/group")).toBe(
    "root:x:0:\nsudo:x:27:dev\nusers:x:100:\nweb:x:1000:\ndev:x:2000:\ndocker:x:1001:web\nops:x:1002:\nwheel:x:1003:dev\n",
  );
  expect(guest.read("/etc/gshadow")).toContain("sudo:*::dev\ndev:!::\ndocker:!::web\n");
  expect(guest.read("/etc/shadow")).toContain("web:$6$old$hash:20000:0:99999:7:::\n");
  expect(guest.read("/etc/shadow")).toContain("dev:$6$salt$hash:20500:0:99999:7:5:22279:\n");
  expect(guest.mode("/etc/shadow")).toBe("640");
  expect(guest.owners()).toEqual([
    "0:42 /etc/gshadow.new",
    "0:42 /etc/shadow.new",
    "-R 2000:2000 /home/dev.cloudimg",
    "2000:2000 /home/dev/.ssh",
    "2000:2000 /home/dev/.ssh/authorized_keys",
  ]);
  expect(guest.read("/home/dev/.profile")).toBe("skeleton");
  expect([guest.mode("/home/dev"), guest.mode("/home/dev/.ssh")]).toEqual(["700", "700"]);
  expect(guest.read("/home/dev/.ssh/authorized_keys")).toBe(`${key} dev\n`);
  expect(guest.read("/etc/sudoers.d/90-cloud-init-users")).toBe("dev ALL=(ALL) NOPASSWD:ALL\n");
  expect(guest.mode("/etc/sudoers.d/90-cloud-init-users")).toBe("440");
});

test("a second time changes nothing", () => {
  const config = { users: ["default", { name: "dev", groups: ["sudo"], hashed_passwd: "$6$a$b", lock_passwd: false }] };
  guest.run(usersGroups, config);
  const files = ["passwd", "group", "shadow", "gshadow"].map((name) => guest.read(`/etc/${name}`));
  const programs = guest.started.length;
  expect(guest.run(usersGroups, config)).toEqual({ said: undefined, problems: [] });
  expect(["passwd", "group", "shadow", "gshadow"].map((name) => guest.read(`/etc/${name}`))).toEqual(files);
  expect(guest.started).toHaveLength(programs);
});

test("whoever is there keeps home, shell and number, and a password of which nothing is said", () => {
  const { problems } = guest.run(usersGroups, {
    users: [{ name: "web", uid: 77, shell: "/bin/none", passwd: "$6$new$x", groups: "ops" }],
  });
  expect(problems).toEqual([]);
  expect(guest.read("/etc/passwd")).toContain("web:x:1000:1000::/home/web:/bin/sh\n");
  expect(guest.read("/etc/shadow")).toContain("web:$6$old$hash:20000");
  expect(guest.read("/etc/group")).toContain("ops:x:1001:web\n");
});

test("passwords are locked unless told otherwise, and go through no command line", () => {
  const { problems } = guest.run(usersGroups, {
    users: [
      { name: "a", plain_text_passwd: "it's $ecret", lock_passwd: false },
      { name: "b", plain_text_passwd: "other" },
      { name: "c" },
      { name: "d", lock_passwd: false },
      { name: "e", passwd: "!" },
      { name: "f", hashed_passwd: "!$6$a$b", lock_passwd: false },
      { name: "web", lock_passwd: true },
    ],
  });
  expect(problems).toEqual([]);
  const field = (name: string) =>
    guest
      .read("/etc/shadow")
      ?.split("\n")
      .find((line) => line.startsWith(`${name}:`))
      ?.split(":")[1];
  expect(field("a")).toMatch(/^\$6\$[^$]+\$.{86}$/);
  expect(field("b")).toMatch(/^!\$6\$/);
  expect([field("e"), field("f")]).toEqual(["*", "!$6$a$b"]);
  expect([field("c"), field("d"), field("web"), field("root")]).toEqual(["*", "*", "!$6$old$hash", "*"]);
  expect(guest.started.join("\n")).not.toMatch(/ecret|other/);
  expect(guest.read("/run/cloudimg/passwords")).toBeUndefined();
  expect(guest.read("/run/cloudimg/passwords.hashed")).toBeUndefined();
});

test("what cannot be is reported, and the rest is done", () => {
  const { problems } = guest.run(usersGroups, {
    users: [
      { name: "x:0:0", ssh_authorized_keys: [key] },
      { name: "123" },
      { name: "a\nroot2::0:0::/:/bin/sh" },
      { name: "g", gecos: "one\ntwo:0", shell: "/bin/zsh", uid: 1000, colour: "red", ssh_import_id: ["gh:x"] },
      { name: "n", shell: "/usr/sbin/nologin", system: true, ssh_authorized_keys: [key] },
      { name: "s", sudo: ["ALL=ALL\nweb ALL=ALL", 7, true], hashed_passwd: "x:y", no_user_group: true },
      7,
    ],
    groups: ["b:ad", { good: ["nobody-here"] }],
  });
  expect(problems).toEqual([
    "users has an entry that is neither a name nor an object",
    '"x:0:0" is no user\'s name',
    '"123" is no user\'s name',
    '"a\\nroot2::0:0::/:/bin/sh" is no user\'s name',
    "user g: ssh_import_id is not supported",
    "user g: gecos is no text that fits into a line of /etc/passwd",
    "user g: colour is not known",
    "user s: hashed_passwd is no crypt hash",
    "user g: this image has no /bin/zsh; it gets /bin/sh",
    "user g: another user has the number 1000; it gets the next that is free",
    '"b:ad" is no group\'s name',
    'group good: there is no user "nobody-here"',
    "user s: sudo has a rule that is not one line of text",
    "user s: sudo has a rule that is not one line of text",
    "user s: sudo has a rule that is not one line of text",
    "user n: without a home directory it cannot have keys",
  ]);
  expect(guest.read("/etc/passwd")?.split("\n").slice(3)).toEqual([
    "g:x:1001:1001::/home/g:/bin/sh",
    "n:x:999:999::/home/n:/usr/sbin/nologin",
    "s:x:1002:100::/home/s:/bin/sh",
    "",
  ]);
});

test("a key of the cloud may only say where to log in", () => {
  guest.run(
    usersGroups,
    { users: ["default", { name: "old", ssh_redirect_user: true }] },
    { defaultUser: "web", publicKeys: [key] },
  );
  expect(guest.read("/home/old/.ssh/authorized_keys")).toBe(
    `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user web rather than the user old.';echo;sleep 10;exit 142" ${key}\n`,
  );
});

test("the image's default user is made if it is not there; /etc that cannot be written is a problem", () => {
  guest.write("/usr/bin/sudo", "");
  const config = { system_info: { default_user: { name: "admin", sudo: "ALL=(ALL) ALL", groups: ["sudo"] } } };
  expect(guest.run(usersGroups, config)).toEqual({ said: "admin", problems: [] });
  expect(guest.read("/etc/group")).toContain("sudo:x:27:admin\n");
  guest.host.writeFile = (path) => {
    throw new Error(`cannot write ${path}: Read-only file system`);
  };
  const users = [{ name: "next", ssh_authorized_keys: key }];
  expect(guest.run(usersGroups, { users })).toEqual({
    said: undefined,
    problems: [expect.stringContaining("Read-only file system"), "there is no user next to give a key to"],
  });
});

test("a thousand users", () => {
  const users = Array.from({ length: 1000 }, (_, index) => ({ name: `user-${index}`, no_create_home: index > 5 }));
  const startedMs = performance.now();
  expect(guest.run(usersGroups, { users }).problems).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(5000);
  expect(guest.read("/etc/passwd")).toContain("user-999:x:2000:2000:");
});
