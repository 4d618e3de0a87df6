import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type AccountFiles,
  findRecord,
  isAccountName,
  isField,
  putRecord,
  takenIds,
  withPassword,
} from "../../../src/guest-config/user-data/accounts-files.ts";
import {
  withGroup,
  withGroups,
  withMemberships,
  withUser,
  withWishedPassword,
} from "../../../src/guest-config/user-data/accounts-plan.ts";
import { readWish } from "../../../src/guest-config/user-data/accounts-wish.ts";
import { planPasswords } from "../../../src/guest-config/user-data/set-passwords-plan.ts";
import { planKeyGrants } from "../../../src/guest-config/user-data/ssh-keys-plan.ts";
import { rulesFor } from "../../../src/guest-config/user-data/sudo.ts";
import { readUsers } from "../../../src/guest-config/user-data/users-groups-default.ts";

const numRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 1000);

const line = fc
  .array(fc.constantFrom(":", "::", "root", "a", "x", "0", "1000", "+", "-", "#", "\t", "é", "$6$a$b", "\r"), {
    maxLength: 12,
  })
  .map((words) => words.join(""));
const text = fc.array(line, { maxLength: 6 }).map((lines) => lines.join("\n"));
const files: fc.Arbitrary<AccountFiles> = fc.record({
  passwd: text,
  group: text,
  shadow: fc.option(text, { nil: undefined }),
  gshadow: fc.option(text, { nil: undefined }),
});
const name = fc.constantFrom("root", "a", "x", "new", "me.too");

/** All that is not a record of these names is there as before, in its order. */
function expectOthersKept(before: string | undefined, after: string | undefined, names: readonly string[]): void {
  const others = (value: string) =>
    value.split("\n").filter((each) => each !== "" && !names.some((one) => each.startsWith(`${one}:`)));
  expect(others(after ?? "")).toEqual(others(before ?? ""));
}

test("a record replaces its own or comes at the end; every other line stays as it is", () => {
  fc.assert(
    fc.property(files, fc.constantFrom("passwd", "shadow", "group", "gshadow"), name, (before, kind, user) => {
      const fields = [user, "x", 7, 7, "", "/", "/bin/sh"];
      const after = putRecord(kind, before, fields);
      expectOthersKept(before[kind], after[kind], [user]);
      expect(findRecord(kind, after, user)).toEqual(fields.map(String));
      expect(putRecord(kind, after, fields)).toEqual(after);
      for (const other of ["passwd", "shadow", "group", "gshadow"] as const)
        if (other !== kind) expect(after[other]).toBe(before[other]);
    }),
    { numRuns },
  );
});

test("a password changes its own lines only", () => {
  fc.assert(
    fc.property(files, name, (before, user) => {
      const after = withPassword(before, user, "$6$s$h", 9);
      for (const kind of ["passwd", "shadow"] as const) expectOthersKept(before[kind], after[kind], [user]);
      expect(findRecord("shadow", after, user)?.slice(0, 3)).toEqual([user, "$6$s$h", "9"]);
      expect(findRecord("passwd", after, user)?.[1] ?? "x").toBe("x");
    }),
    { numRuns },
  );
});

test("a group keeps its members and gets each of the new ones once", () => {
  fc.assert(
    fc.property(files, name, fc.array(name, { maxLength: 3 }), (before, group, members) => {
      const after = withGroup(before, takenIds(before), group, { members });
      expectOthersKept(before.group, after.group, [group]);
      const present = findRecord("group", before, group)?.[3]?.split(",").filter(Boolean) ?? [];
      expect(findRecord("group", after, group)?.[3]).toBe([...new Set([...present, ...members])].join(","));
      expect(withGroup(after, takenIds(after), group, { members })).toEqual(after);
    }),
    { numRuns },
  );
});

test("names and fields that would begin another account are none", () => {
  for (const bad of ["", "a:b", "a\nb", "-a", "1000", ".", "..", "a b", "a/b", "größe", "a".repeat(33), "a\0"])
    expect(isAccountName(bad)).toBe(false);
  for (const good of ["a", "_x", "web-1", "first.last", "me@example.org", "host$", "1und1"])
    expect(isAccountName(good)).toBe(true);
  expect(["a:b", "a\nb", "a\rb"].some(isField)).toBe(false);
});

const word = fc.constantFrom<unknown>(
  ...[
    "root",
    "default",
    "new",
    "a:b",
    "a\nb::0:0:",
    "x,y",
    "",
    "yes",
    "$6$a$b",
    "$y$j9T$s$h",
    "R",
    "web:pw",
    "ssh-rsa AAAA\nb",
  ],
  ...["/bin/sh", "/a:b", "2030-01-01", true, false, null, 0, 7, -1, 1e99],
);
const key = fc.constantFrom(
  ...[
    "name",
    "users",
    "groups",
    "user",
    "gecos",
    "homedir",
    "shell",
    "uid",
    "primary_group",
    "system",
    "passwd",
    "default",
  ],
  ...[
    "hashed_passwd",
    "plain_text_passwd",
    "lock-passwd",
    "sudo",
    "doas",
    "ssh_authorized_keys",
    "expiredate",
    "inactive",
  ],
  ...["chpasswd", "list", "password", "type", "expire", "ssh_pwauth", "system_info", "default_user", "disable_root"],
  ...["disable_root_opts", "__proto__", "constructor"],
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    word,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    fc.jsonValue(),
  ),
}));
const config = fc.array(fc.tuple(key, value), { maxLength: 8 }).map((entries) => Object.fromEntries(entries));

test("whatever cloud-config says: no exception, and nothing but well-formed lines", () => {
  const present: AccountFiles = {
    passwd: "root:x:0:0:root:/root:/bin/sh\n",
    group: "root:x:0:\n",
    shadow: "root:*:1:0:99999:7:::\n",
    gshadow: "root:*::\n",
  };
  const instance = { publicKeys: ["ssh-rsa AAAA"], authorizedKeys: {} };
  const ignored = () => {};
  fc.assert(
    fc.property(config, (document) => {
      const { users, groups, defaultUser } = readUsers(document, {}, ignored);
      let after = present;
      for (const [user, keys] of users) {
        const wish = readWish(user, keys, ignored);
        if (wish === undefined) continue;
        const ids = takenIds(after);
        after = withUser(after, ids, wish, { shell: wish.shell ?? "/bin/sh", day: 5 }, ignored);
        after = withMemberships(after, ids, [wish], ignored);
        after = withWishedPassword(after, wish, true, undefined, 5);
      }
      after = withGroups(after, takenIds(after), groups, ignored);
      const shape = (kind: keyof AccountFiles, pattern: RegExp) => {
        for (const each of after[kind]?.split("\n").slice(0, -1) ?? []) expect(each).toMatch(pattern);
      };
      shape("passwd", /^[\w.@-]+\$?:x:\d+:\d+:[^:]*:\/[^:]*:\/[^:]*$/);
      shape("group", /^[\w.@-]+\$?:x:\d+:[\w.@,$-]*$/);
      shape("shadow", /^[\w.@-]+\$?:[^:\s]+:\d+:0:99999:7:\d*:\d*:$/);
      shape("gshadow", /^[\w.@-]+\$?:[!*]::[\w.@,$-]*$/);
      // Only root has its number, whatever they wish.
      expect(after.passwd.match(/^[^:]+:x:0:/gm)).toHaveLength(1);
      for (const rule of Object.values(rulesFor(users, ignored)).flat()) expect(rule).not.toMatch(/[\n\r]|\\$/);
      planPasswords(document, defaultUser, ignored);
      for (const { options } of planKeyGrants(document, instance, defaultUser, [], ignored))
        expect(options ?? "").not.toMatch(/[\n\r]/);
    }),
    { numRuns },
  );
});
