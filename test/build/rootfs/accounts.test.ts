import { describe, expect, test } from "vitest";
import { addAccounts, findOwner, planAccounts } from "../../../src/build/rootfs/accounts.ts";
import { treeMaker } from "../../../src/build/rootfs/tree-maker.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import type { Tree } from "../../../src/core/tree.ts";
import { users as usersSchema } from "../../../src/profile/contents-sections.ts";
import { problemsOf, saidOf } from "./trees.ts";

const day = 86_400;

function accountsTree(users: unknown): Tree {
  const parsed = usersSchema.parse(users);
  const maker = treeMaker("cloudimg", 20_000 * day);
  addAccounts(maker, planAccounts(parsed), parsed, 20_000 * day);
  return maker.tree;
}

function linesOf(tree: Tree, path: string): string[] {
  const node = tree.get(path);
  return node?.type === "file" ? Buffer.from(readAll(node.content)).toString().split("\n").slice(0, -1) : [];
}

function ownerOf(tree: Tree, path: string): string {
  const node = tree.get(path);
  return node === undefined ? "" : `${node.type} ${node.mode.toString(8).padStart(4, "0")} ${node.uid}:${node.gid}`;
}

describe("accounts", () => {
  const tree = accountsTree([
    { name: "root", authorizedKeys: ["ssh-ed25519 AAAA me"] },
    { name: "ada", groups: ["adm", "web"], authorizedKeys: ["ssh-ed25519 BBBB ada "] },
    { name: "bob", uid: 1000, shell: "/bin/ash", home: "/srv/bob", passwordHash: "$6$salt$hash" },
    { name: "eve", groups: ["web"] },
  ]);

  test("numbers are the profile's, or the next free ones in its order", () => {
    expect(linesOf(tree, "/etc/passwd")).toEqual([
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin",
      "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin",
      "bob:x:1000:1000:bob:/srv/bob:/bin/ash",
      "ada:x:1001:1001:ada:/home/ada:/bin/sh",
      "eve:x:1002:1002:eve:/home/eve:/bin/sh",
      "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    ]);
    expect(linesOf(tree, "/etc/group")).toEqual(
      expect.arrayContaining(["root:x:0:", "adm:x:4:ada", "www-data:x:33:", "web:x:200:ada,eve", "bob:x:1000:"]),
    );
  });

  test("passwords are locked unless the profile has a hash, and only root may read them", () => {
    expect(linesOf(tree, "/etc/shadow")).toEqual(
      expect.arrayContaining(["root:*:20000:0:99999:7:::", "bob:$6$salt$hash:20000:0:99999:7:::"]),
    );
    expect(ownerOf(tree, "/etc/shadow")).toBe("file 0640 0:42");
    expect(ownerOf(tree, "/etc/gshadow")).toBe("file 0640 0:42");
  });

  test("keys belong to who they open, as sshd demands; a home without keys has no .ssh", () => {
    expect(ownerOf(tree, "/home/ada")).toBe("directory 0700 1001:1001");
    expect(ownerOf(tree, "/home/ada/.ssh")).toBe("directory 0700 1001:1001");
    expect(ownerOf(tree, "/home/ada/.ssh/authorized_keys")).toBe("file 0600 1001:1001");
    expect(linesOf(tree, "/home/ada/.ssh/authorized_keys")).toEqual(["ssh-ed25519 BBBB ada"]);
    expect(ownerOf(tree, "/root/.ssh/authorized_keys")).toBe("file 0600 0:0");
    expect(tree.list("/srv/bob")).toEqual([]);
  });

  test("log-in shells are listed", () => {
    expect(linesOf(tree, "/etc/shells")).toEqual(["/bin/sh", "/bin/ash"]);
  });
});

test("a system account cannot be had twice", () => {
  expect(saidOf(() => accountsTree([{ name: "www-data" }]))).toEqual([
    "image/conflict: cannot add the user www-data: a system account has this name or number",
  ]);
  expect(saidOf(() => accountsTree([{ name: "web", uid: 33 }]))).toHaveLength(1);
});

test("a number that is a group's already does not become the user's group", () => {
  const tree = accountsTree([{ name: "low", uid: 100 }]);
  expect(linesOf(tree, "/etc/passwd")).toContain("low:x:100:1000:low:/home/low:/bin/sh");
});

test("owners by name or number; an unknown name has a hint", () => {
  const accounts = planAccounts(usersSchema.parse([{ name: "ada" }]));
  expect(findOwner(accounts, "ada", "www-data")).toEqual({ uid: 1000, gid: 33 });
  expect(findOwner(accounts, 7, 8)).toEqual({ uid: 7, gid: 8 });
  expect(problemsOf(() => findOwner(accounts, "adaa", 0))).toEqual([
    {
      code: "profile/unknown-owner",
      message: "cannot give a file to the user adaa: the image has no such user",
      hint: 'did you mean "ada"?',
    },
  ]);
  expect(saidOf(() => findOwner(accounts, 0, "wheel"))).toEqual([
    "profile/unknown-owner: cannot give a file to the group wheel: the image has no such group",
  ]);
});
