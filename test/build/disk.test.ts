import { describe, expect, test } from "vitest";
import { identifiersOf } from "../../src/build/identifiers.ts";
import { makeMountPoints } from "../../src/build/mount-points.ts";
import { mountsOf } from "../../src/build/mounts.ts";
import { fstab } from "../../src/build/rootfs/mounts.ts";
import { sizedBy, takeMounted } from "../../src/build/volumes.ts";
import { fail } from "../../src/core/errors.ts";
import { Tree } from "../../src/core/tree.ts";
import type { Profile } from "../../src/profile/schema.ts";
import { load } from "../profile/profile-files.ts";
import { attributes, file } from "./filesystems/images.ts";

async function profileWith(disk: string): Promise<Profile> {
  return (await load({ "p.yaml": `image: { name: p, system: none }\ndisk: ${disk}\n` })).profile;
}

const nested = "[{ name: d, size: 8MiB, mount: /srv/data }, { name: s, size: 8MiB, mount: /srv }]";

describe("partitions that are mounted below each other", () => {
  test("each has what is its own, whichever is named first", () => {
    const tree = new Tree(attributes);
    tree.set("/srv/data/a", file("a"));
    tree.set("/srv/b", file("b"));
    const data = { mount: "/srv/data" };
    const srv = { mount: "/srv" };
    const taken = takeMounted(tree, [srv, data, {}]);
    const paths = (of: Tree | undefined) => [...(of?.entries() ?? [])].map(([path]) => path);
    expect(paths(taken.get(data))).toEqual(["/", "/a"]);
    expect(paths(taken.get(srv))).toEqual(["/", "/b", "/data"]);
    expect(paths(tree)).toEqual(["/", "/srv"]);
  });

  test("are mounted from the outer to the inner", async () => {
    const profile = await profileWith(`{ partitionTable: efi, partitions: ${nested} }`);
    const lines = fstab(mountsOf(profile, identifiersOf(profile, "", 0)));
    expect(lines.split("\n").flatMap((line) => line.split("\t")[1] ?? [])).toEqual([
      "directory",
      "/",
      "/srv",
      "/srv/data",
    ]);
  });
});

test("a mount point with a space is one word of fstab", () => {
  const mounts = { type: "ext4", overlay: "none", data: undefined, initrdModules: [], modules: [] } as const;
  const line = { device: "UUID=x", directory: "/srv/my data", type: "ext4" };
  expect(fstab({ ...mounts, fstab: [line] })).toContain("\t/srv/my\\040data\t");
});

describe("mount points", () => {
  const make = (tree: Tree, mount: string) => {
    const partition = { name: "p", type: "data", fileSystem: "ext4", size: 1, mount } as const;
    makeMountPoints(tree, [partition], 7);
    return tree.get(mount);
  };

  test("are made where there are none, and left as they are where there is one", () => {
    const tree = new Tree(attributes);
    tree.set("/srv", { ...attributes, type: "directory", mode: 0o700 });
    expect(make(tree, "/srv")).toMatchObject({ type: "directory", mode: 0o700 });
    expect(make(tree, "/nowhere/deep")).toMatchObject({ type: "directory", mode: 0o755, mtime: 7 });
  });

  test("are neither files nor behind links", () => {
    const tree = new Tree(attributes);
    tree.set("/home", { ...attributes, type: "symlink", mode: 0o777, target: "var/home" });
    tree.set("/file", file("x"));
    expect(() => make(tree, "/home/ada")).toThrow(
      "cannot mount the partition p at /home/ada: /home is a link to var/home",
    );
    expect(() => make(tree, "/file")).toThrow("/file is a file in the image");
  });
});

test("fourteen partitions more in a GPT: none takes the entry of the ESP or of GRUB", async () => {
  const partitions = Array.from({ length: 14 }, (_, index) => `{ name: p${index}, type: swap, size: 1MiB }`);
  const profile = await profileWith(`{ partitionTable: hybrid, partitions: [${partitions}] }`);
  const { extras, numbers } = identifiersOf(profile, "", 0);
  const all = [numbers.root, numbers.esp, 14, ...extras.map(({ number }) => number)];
  expect(new Set(all).size).toBe(17);
  expect(Math.max(...all)).toBe(17);
});

test("a size that is too small is told by the name of its setting", async () => {
  const content = sizedBy("the EFI system partition", "disk.bootSize", () =>
    fail("image/disk-too-small", "cannot make a FAT32 file system of 1 bytes: its contents need 2 bytes"),
  );
  await expect(content({ exactBytes: 1 }, 0)).rejects.toMatchObject({
    code: "image/disk-too-small",
    problems: [{ hint: "make disk.bootSize larger, or put less into it" }],
  });
});
