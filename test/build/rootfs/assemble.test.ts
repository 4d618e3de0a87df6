import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { busyboxPath } from "../../../src/build/rootfs/applets.ts";
import { assembleRootfs, type Rootfs } from "../../../src/build/rootfs/assemble.ts";
import type { RootMounts } from "../../../src/build/rootfs/mounts.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { Tree } from "../../../src/core/tree.ts";
import { type Profile, profileSchema } from "../../../src/profile/schema.ts";
import { textOfTree } from "../filesystems/tree-text.ts";
import { type RealPackages, realPackages } from "./real-packages.ts";
import { fileNode, treeOf } from "./trees.ts";

const rootUuid = "11111111-2222-4333-8444-555555555555";
const mounts: RootMounts = {
  ...{ type: "ext4", overlay: "none", data: undefined, initrdModules: ["ext4"], modules: [] },
  fstab: [{ device: `UUID=${rootUuid}`, directory: "/", type: "ext4" }],
};

describe("Debian's packages become a root file system", { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-rootfs-"));
  const busybox = join(directory, "busybox");
  let real: RealPackages;
  let made: Rootfs;
  let lines: Record<string, string>;

  beforeAll(async () => {
    real = await realPackages();
    made = await assemble(changed({}));
    lines = textOfTree(made.tree, { times: false });
    writeFileSync(busybox, contentOf(made.tree, busyboxPath), { mode: 0o755 });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** The local profile with some sections of its own. */
  function changed(sections: Record<string, unknown>): Profile {
    const { packages, kernel, image } = real.profile;
    return profileSchema.parse({ packages, kernel, image, ...sections });
  }

  async function assemble(profile: Profile, packages = real.packages, archives: Tree[] = []): Promise<Rootfs> {
    const guest = new Tree();
    guest.set("/usr/sbin/cloudimg-init", fileNode("cloudimg-init", "#!/bin/sh\n", { mode: 0o755 }));
    return await assembleRootfs({ ...real, profile, packages, archives, guest, mounts });
  }

  async function problemsOf(profile: () => Profile, packages?: ReadonlyMap<string, Tree>): Promise<string[]> {
    try {
      await assemble(profile(), packages);
    } catch (error) {
      if (error instanceof CloudimgError) return error.problems.map(({ code, message }) => `${code}: ${message}`);
      throw error;
    }
    return [];
  }

  /** Standard output of busybox's own shell. */
  function shell(script: string): string {
    return execFileSync(busybox, ["sh", "-c", script], { encoding: "utf8", cwd: directory });
  }

  test("directories and links of a usr-merged system", () => {
    expect(lines).toMatchObject({
      "/": "directory 0755 0:0",
      "/bin": "symlink 0777 0:0 -> usr/bin",
      "/sbin": "symlink 0777 0:0 -> usr/sbin",
      "/lib": "symlink 0777 0:0 -> usr/lib",
      "/lib64": "symlink 0777 0:0 -> usr/lib64",
      "/root": "directory 0700 0:0",
      "/tmp": "directory 1777 0:0",
      "/var/tmp": "directory 1777 0:0",
      "/var/run": "symlink 0777 0:0 -> /run",
      "/proc": "directory 0755 0:0",
      "/dev": "directory 0755 0:0",
    });
  });

  test("programs, by the names that the kernel and scripts use", () => {
    for (const path of ["/sbin/init", "/sbin/modprobe", "/bin/sh", "/bin/mount", "/sbin/ip", "/usr/sbin/poweroff"])
      expect(made.tree.resolve(path)).toBe("/usr/bin/busybox");
    expect(made.tree.resolve("/lib64/ld-linux-x86-64.so.2")).toBe("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
    for (const path of ["/usr/sbin/nginx", "/usr/sbin/dropbear", "/usr/bin/qjs", "/usr/sbin/resize2fs"])
      expect(lines[path]).toMatch(/^file 0755 0:0 /);
  });

  test("what says which system this is", () => {
    expect(textAt("/etc/fstab")).toContain(`\nUUID=${rootUuid}\t/\text4\tdefaults\t0\t0\n`);
    expect(textAt("/usr/lib/os-release").split("\n")).toEqual(
      expect.arrayContaining(["ID=cloudimg", "ID_LIKE=debian", "IMAGE_ID=local", "IMAGE_VERSION=1"]),
    );
    expect(lines["/etc/os-release"]).toBe("symlink 0777 0:0 -> ../usr/lib/os-release");
    expect(textAt("/etc/hostname")).toBe("local\n");
    expect(textAt("/etc/hosts")).toContain("127.0.1.1\tlocal\n");
    expect(lines["/etc/shadow"]).toMatch(/^file 0640 0:42 /);
  });

  test("nothing that must differ from instance to instance is in the image", () => {
    const secret = /^\/etc\/(machine-id|dropbear\/.+|ssh\/.+)|random-seed|authorized_keys/;
    expect(Object.keys(lines).filter((path) => secret.test(path))).toEqual([]);
    expect(lines["/etc/dropbear"]).toBe("directory 0755 0:0");
  });

  test("neither manuals nor the traces of package managers, but every licence", () => {
    const useless =
      /^\/usr\/share\/(man|info|locale|lintian)\/|^\/var\/lib\/dpkg|^\/usr\/lib\/systemd|^\/etc\/init\.d\/nginx/;
    expect(Object.keys(lines).filter((path) => useless.test(path))).toEqual([]);
    const licences = Object.keys(lines).filter((path) => /^\/usr\/share\/doc\/[^/]+\/copyright$/.test(path));
    expect(licences.length).toBeGreaterThan(15);
    expect(Object.keys(lines).filter((path) => /^\/usr\/share\/doc\/.*(changelog|NEWS|README)/.test(path))).toEqual([]);
  });

  test("the kernel, and only the modules that were asked for, with what they need", () => {
    const { kernelVersion, kernelPath } = made;
    expect(kernelPath).toBe(`/boot/vmlinuz-${kernelVersion}`);
    expect(made.tree.list("/boot")).toEqual([`vmlinuz-${kernelVersion}`]);
    const home = `/usr/lib/modules/${kernelVersion}`;
    expect(made.tree.list(home)).toEqual(
      [
        "kernel",
        "modules.alias",
        "modules.builtin",
        "modules.builtin.modinfo",
        "modules.dep",
        "modules.softdep",
      ].sort(),
    );
    expect(lines[`${home}/kernel/drivers/net/virtio_net.ko`]).toMatch(/^file 0644 0:0 /);
    expect(lines[`${home}/kernel/drivers/net/net_failover.ko`]).toMatch(/^file 0644 0:0 /);
    expect(Object.keys(lines).filter((path) => path.includes("btrfs"))).toEqual([]);
  });

  test("services are started after the initializer, and kept running", () => {
    const table = textAt("/etc/inittab").split("\n");
    expect(table.slice(0, 6)).toEqual([
      "::sysinit:/etc/init.d/rcS",
      "::wait:/usr/bin/busybox timeout -k 2 120 /usr/sbin/cloudimg-init boot",
      "::once:</dev/null; [ -e /run/cloudimg/final ] && exec /usr/sbin/cloudimg-init final",
      "::respawn:/usr/lib/cloudimg/run-service acpid root",
      "::respawn:/usr/lib/cloudimg/run-service ssh root",
      "::respawn:/usr/lib/cloudimg/run-service http root",
    ]);
    expect(table).toEqual(expect.arrayContaining(["::shutdown:/etc/init.d/rcK", "::ctrlaltdel:/usr/sbin/reboot"]));
    // Nobody has a password, so nobody could log in on the console.
    expect(table.filter((line) => line.includes("getty"))).toEqual([]);
    expect(textAt("/etc/cloudimg/services/ssh")).toContain("ssh '-s' 22\n");
  });

  test("the profile's services, ports, page and passwords", async () => {
    const profile = changed({
      users: [{ name: "ada", passwordHash: "$6$a$b" }],
      services: {
        ssh: { port: 2022, passwordLogin: true },
        http: { port: 8080, page: "<p>mine</p>", config: "location /x {\n  return 204;\n}" },
        commands: [
          { name: "tick", command: "while sleep 5; do date; done", user: "ada" },
          { name: "setup", command: "touch /done", respawn: false },
        ],
      },
    });
    const { tree } = await assemble(profile);
    const text = (path: string) => Buffer.from(contentOf(tree, path)).toString();
    expect(text("/etc/inittab").split("\n")).toEqual(
      expect.arrayContaining([
        "::respawn:/usr/lib/cloudimg/run-service tick ada",
        "::once:/usr/lib/cloudimg/run-service setup root once",
        "tty1::respawn:/usr/sbin/getty 0 tty1 vt100",
        "ttyS0::respawn:/usr/sbin/getty 115200 ttyS0 vt100",
      ]),
    );
    expect(text("/etc/cloudimg/services/tick")).toBe("#!/bin/sh\nwhile sleep 5; do date; done\n");
    expect(text("/etc/cloudimg/services/ssh")).toContain("ssh '' 2022\n");
    expect(text("/etc/nginx/nginx.conf")).toMatch(
      /listen 8080 default_server;(.|\n)*\n {4}location \/x \{\n {6}return 204;\n/,
    );
    expect(text("/var/www/html/index.html")).toBe("<p>mine</p>");
  });

  test("a profile's file in place of a generated one must say so", async () => {
    const files = [{ content: "mine", target: "/etc/nginx/nginx.conf" }];
    expect(await problemsOf(() => changed({ files }))).toEqual([
      expect.stringMatching(/^image\/conflict: cannot put a file at \/etc\/nginx\/nginx.conf: /),
    ]);
    expect(await problemsOf(() => changed({ files: files.map((file) => ({ ...file, replace: true })) }))).toEqual([]);
  });

  test("who comes later has the say: packages, archives, overlays, what is generated, files, changes, hooks", async () => {
    const put = (name: string, text: string) => {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    };
    put("overlay/etc/one", "overlay");
    put("overlay/etc/hostname", "overlay");
    put("overlay/etc/nginx/mime.types", "overlay");
    const archive = treeOf("archive", { "/etc/one": "archive", "/etc/two": "archive", "/etc/three": "archive" });
    const sections = {
      archives: [{ source: "a.tar" }],
      overlays: [join(directory, "overlay")],
      files: [
        { target: "/etc/two", content: "file", replace: true },
        { target: "/var/www/html/index.html", content: "file" },
      ],
      changes: [
        { path: "/etc/two", edit: { match: "^", with: "changed " } },
        { path: "/etc/three", remove: true },
        { path: "/usr/share/doc/*/copyright", remove: true },
      ],
    };
    const layered = await assemble(changed(sections), real.packages, [archive]);
    const text = (path: string) => Buffer.from(contentOf(layered.tree, path)).toString();
    expect([text("/etc/one"), text("/etc/two"), text("/etc/hostname"), text("/etc/nginx/mime.types")]).toEqual([
      "overlay",
      "changed file",
      "local\n",
      "overlay",
    ]);
    expect(text("/var/www/html/index.html")).toBe("file");
    expect(layered.tree.has("/etc/three")).toBe(false);
    expect(layered.notes).toContain(
      "/etc/hostname of profile overlays[0] gives way to the generated one: put it into files with replace: true",
    );
  });

  test("what is wrong with any part of the contents is told at once, but for what only follows from it", async () => {
    const sections = {
      archives: [{ source: "a.tar", user: "nobdy", group: "root" }],
      overlays: [join(directory, "none")],
      files: [{ target: "/etc/passwd", content: "" }],
      changes: [
        { path: "/from/the/overlay", mode: "0600" },
        { path: "/etc/hosts", edit: { match: "nothing", with: "" } },
      ],
    };
    expect(await problemsOf(() => changed(sections), real.packages)).toEqual([
      expect.stringMatching(/^profile\/unknown-owner: /),
      expect.stringMatching(/^profile\/no-source: .*none: there is no such file/),
      expect.stringMatching(/^image\/conflict: cannot put a file at \/etc\/passwd/),
      "profile/no-match: cannot edit /etc/hosts: nothing in it matches nothing",
    ]);
  });

  test("nobody takes the kernel or busybox away", async () => {
    for (const path of ["/usr/bin/busybox", `/boot/vmlinuz-${made.kernelVersion}`])
      expect(await problemsOf(() => changed({ changes: [{ path, remove: true }] }))).toEqual([
        `image/missing-program: cannot make a bootable image: ${path} is gone, or no file any more`,
      ]);
  });

  test("packages that are not there are missed, with the package to add", async () => {
    const without = (name: string) => new Map([...real.packages].filter(([key]) => key !== name));
    expect(await problemsOf(() => changed({}), without("dropbear-bin"))).toEqual([
      "image/missing-program: cannot run services.ssh: the image has no /usr/sbin/dropbear",
    ]);
    expect(await problemsOf(() => changed({}), without("libpcre2-8-0"))).toEqual([
      "image/missing-library: cannot run /usr/sbin/nginx (from package nginx): the library libpcre2-8.so.0 is not in the image",
    ]);
    const kernel = [...real.packages.keys()].find((name) => name.startsWith("linux-image-6")) as string;
    expect(await problemsOf(() => changed({}), without(kernel))).toEqual([
      "image/no-kernel: cannot make a bootable image: no package has a kernel in /boot",
    ]);
  });

  test("a shell and a user that do not exist are told before the image is made", async () => {
    expect(await problemsOf(() => changed({ users: [{ name: "ada", shell: "/bin/bash" }] }))).toEqual([
      "image/missing-program: cannot log in as ada: the image has no /bin/bash",
    ]);
    const commands = [{ name: "tick", command: "date", user: "adda" }];
    expect(await problemsOf(() => changed({ users: [{ name: "ada" }], services: { commands } }))).toEqual([
      "profile/unknown-owner: cannot run the service tick as adda: the image has no such user",
    ]);
  });

  test("the same again gives the same", async () => {
    const again = await assemble(changed({}), new Map([...real.packages].reverse()));
    expect(textOfTree(again.tree)).toEqual(textOfTree(made.tree));
    expect(textOfTree(again.initrd as Tree)).toEqual(textOfTree(made.initrd as Tree));
  });

  test("no time is later than the epoch", () => {
    expect([...made.tree.entries()].filter(([, { mtime }]) => mtime > real.epochSeconds)).toEqual([]);
  });

  test("every script is one that busybox's shell can read", () => {
    const scripts = [...made.tree.entries(), ...(made.initrd as Tree).entries()].filter(
      ([path, node]) => node.type === "file" && /cloudimg|\/init|\/etc\/(init\.d|acpi|profile)|settings/.test(path),
    );
    const checked = scripts.flatMap(([path, node]) => {
      const text = node.type === "file" ? Buffer.from(readAll(node.content)).toString() : "";
      if (!text.startsWith("#!/bin/sh") && !/profile|settings/.test(path)) return [];
      writeFileSync(join(directory, "script"), text);
      expect(shell("sh -n script 2>&1 || echo bad"), path).toBe("");
      return [path];
    });
    expect(checked.length).toBeGreaterThan(10);
  });

  describe("the initrd", () => {
    let initrd: Record<string, string>;
    let settings: string;
    beforeAll(() => {
      initrd = textOfTree(made.initrd as Tree, { times: false });
      settings = join(directory, "settings.sh");
      writeFileSync(settings, contentOf(made.initrd as Tree, "/settings.sh"));
    });

    test("has what finds the root and nothing else", () => {
      expect(initrd).toMatchObject({
        "/bin/sh": "symlink 0777 0:0 -> busybox",
        "/dev/console": "character-device 0600 0:0 5:1",
        "/dev/null": "character-device 0666 0:0 1:3",
        "/init": expect.stringMatching(/^file 0755 0:0 /),
      });
      expect((made.initrd as Tree).list("/modules")).toEqual(
        [
          ...[
            "ahci",
            "ata_piix",
            "libahci",
            "libata",
            "scsi_common",
            "scsi_mod",
            "sd_mod",
            "virtio_blk",
            "virtio_scsi",
          ],
        ].map((name) => `${name}.ko`),
      );
    });

    function loadsFor(alias: string): string {
      return shell(`. '${settings}'; load() { echo "$@"; }; plug '${alias}'`).trim();
    }

    // Addresses of devices as QEMU, and the clouds that run on it, have them.
    test.each([
      ["virtio disk", "virtio:d00000002v00001AF4", "virtio_blk"],
      ["virtio SCSI", "virtio:d00000008v00001AF4", "scsi_common scsi_mod virtio_scsi"],
      ["SCSI disk", "scsi:t-0x00", "scsi_common scsi_mod sd_mod"],
      [
        "AHCI of ICH9",
        "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01",
        "scsi_common scsi_mod libata libahci ahci",
      ],
      ["IDE of PIIX3", "pci:v00008086d00007010sv00001AF4sd00001100bc01sc01i80", "scsi_common scsi_mod libata ata_piix"],
      ["a network card", "virtio:d00000001v00001AF4", ""],
      ["a screen", "pci:v00001234d00001111sv00001AF4sd00001100bc03sc00i00", ""],
    ])("%s: loads what the device needs, in order", (_, alias, expected) => {
      expect(loadsFor(alias)).toBe(expected);
    });

    test("looks only at buses that a driver names, and can fall back on all drivers", () => {
      const [buses = "", every = "", rescue] = shell(
        `. '${settings}'; echo "$buses"; echo "$every_module"; echo "$rescue_shell"`,
      ).split("\n");
      expect(buses.split(" ")).toEqual(["pci", "scsi", "virtio"]);
      expect(every.split(" ")).toEqual(expect.arrayContaining(["virtio_blk", "ahci", "sd_mod"]));
      expect(every.indexOf("libata")).toBeLessThan(every.indexOf("ahci"));
      expect(rescue).toBe("no");
    });
  });

  function textAt(path: string): string {
    return Buffer.from(contentOf(made.tree, path)).toString();
  }
});

function contentOf(tree: Tree, path: string): Uint8Array {
  const node = tree.get(path);
  if (node?.type !== "file") throw new Error(`no ${path}`);
  return readAll(node.content);
}
