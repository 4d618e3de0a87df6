import { describe, expect, test } from "vitest";
import { parseOsRelease } from "../../src/examine/os-release.ts";
import { readPackages } from "../../src/examine/packages.ts";
import { measureTree } from "../../src/examine/sizes.ts";
import { readSystem } from "../../src/examine/system.ts";
import { file, sparseSource, symlink } from "../build/filesystems/images.ts";
import { treeOf } from "../build/filesystems/requests.ts";

test("os-release is read as a shell would", () => {
  const text = '# c\nNAME="A \\"b\\" \\$c"\nID=\'x y\'\nVERSION_ID=1.2\n BAD LINE\nEMPTY=\n';
  expect(parseOsRelease(text)).toEqual({ NAME: 'A "b" $c', ID: "x y", VERSION_ID: "1.2", EMPTY: "" });
});

describe("accounts", () => {
  const logins = (shadow: string, passwd = "ada:x:1000:1000::/home/ada:/bin/sh\n") =>
    readSystem(treeOf({ "/etc/passwd": file(passwd), "/etc/shadow": file(shadow) })).logins;

  test.each([
    ["*", []],
    ["!", []],
    ["!$6$salt$abcdefgh", []],
    ["x", []],
    ["", ["empty"]],
    ["$y$j9T$abcdefgh", ["set"]],
  ])("a hash %j", (hash, expected) => {
    expect(logins(`ada:${hash}:1::::::\n`).map(({ password }) => password)).toEqual(expected);
  });

  test("a hash, or nothing, in passwd itself", () => {
    expect(logins("", "a:$1$salt$abcdefgh:0:0::/:/bin/sh\nb::1:1::/:/bin/sh\nc:*:2:2::/:\n")).toMatchObject([
      { name: "a", password: "set" },
      { name: "b", password: "empty" },
    ]);
  });

  test("lines that are none, and files that are not there", () => {
    expect(logins("", "nonsense\n:::\na:b\n")).toEqual([]);
    expect(readSystem(treeOf({}))).toMatchObject({
      osRelease: {},
      hostname: undefined,
      logins: [],
      machineId: "absent",
    });
  });

  test("what every instance would share", () => {
    const tree = treeOf({
      "/etc/machine-id": file("0123456789abcdef0123456789abcdef\n"),
      "/etc/ssh/ssh_host_rsa_key": file("secret"),
      "/etc/ssh/ssh_host_rsa_key.pub": file("public"),
    });
    expect(readSystem(tree)).toMatchObject({ machineId: "set", sshHostKeys: ["/etc/ssh/ssh_host_rsa_key"] });
  });
});

describe("packages", () => {
  const bytes = (count: number) => file("x".repeat(count));
  const contents = {
    "/usr/bin/tool": bytes(100),
    "/usr/lib/tool/data": bytes(50),
    "/usr/lib/other": bytes(7),
    "/etc/own": bytes(3),
    "/bin": symlink("usr/bin"),
    "/lib": symlink("usr/lib"),
  };
  const list = (facts: ReturnType<typeof readPackages>) =>
    facts?.packages.map(({ name, version, sizeBytes, files }) => [name, version, sizeBytes, files]);

  test("of dpkg: paths before the merge of /usr, what was removed, other architectures", () => {
    const status = [
      "Package: tool\nStatus: install ok installed\nVersion: 1-2\nArchitecture: amd64\nDescription: x\n more: text\n",
      "Package: gone\nStatus: deinstall ok config-files\nVersion: 9\n",
      "Package: other\nStatus: install ok installed\nVersion: 3\nArchitecture: arm64\n",
    ].join("\n");
    const found = readPackages(
      treeOf({
        ...contents,
        "/var/lib/dpkg/status": file(status),
        "/var/lib/dpkg/info/tool.list": file("/.\n/bin\n/bin/tool\n/lib/tool\n/lib/tool/data\n/usr/share/doc/pruned\n"),
        "/var/lib/dpkg/info/other:arm64.list": file("/usr/lib/other\n/bin/tool\n"),
      }),
    );
    expect(found?.source).toBe("dpkg");
    expect(list(found)).toEqual([
      ["tool", "1-2", 150, 3],
      ["other", "3", 7, 1],
    ]);
    // /etc/own, a link, three files of dpkg's.
    expect(found?.unowned.files).toBe(5);
  });

  test("of dpkg in images without it", () => {
    const found = readPackages(
      treeOf({
        ...contents,
        "/var/lib/dpkg/status.d/tool": file("Package: tool\nVersion: 1\n"),
        "/var/lib/dpkg/status.d/tool.md5sums": file("0123  usr/bin/tool\n"),
      }),
    );
    expect(list(found)).toEqual([["tool", "1", 100, 1]]);
  });

  test("of apk", () => {
    const installed =
      "C:Q1\nP:tool\nV:1.2-r0\nA:x86_64\nF:usr\nF:usr/bin\nR:tool\na:0:0:755\nZ:Q1\nF:usr/lib/tool\nR:data\n\nP:other\nV:2\nF:usr/lib\nR:other\n\n";
    const found = readPackages(treeOf({ ...contents, "/usr/lib/apk/db/installed": file(installed) }));
    expect(found?.source).toBe("apk");
    expect(list(found)).toEqual([
      ["tool", "1.2-r0", 150, 2],
      ["other", "2", 7, 1],
    ]);
  });

  test("of pacman", () => {
    const found = readPackages(
      treeOf({
        ...contents,
        "/var/lib/pacman/local/tool-1-1/desc": file("%NAME%\ntool\n\n%VERSION%\n1-1\n\n"),
        "/var/lib/pacman/local/tool-1-1/files": file("%FILES%\nusr/\nusr/bin/tool\n"),
      }),
    );
    expect(list(found)).toEqual([["tool", "1-1", 100, 1]]);
  });

  test("of cloudimg's own manifest", () => {
    const entry = (path: string, origin: string) => ({ path, type: "file", mode: "0644", origin });
    const manifest = {
      formatVersion: 1,
      packages: [
        { name: "tool", version: "1", sha256: "0" },
        { name: "builder", version: "2", sha256: "0" },
      ],
      paths: [entry("/usr/bin/tool", "package tool"), entry("/etc/own", "profile files[0]")],
    };
    const found = readPackages(
      treeOf({ ...contents, "/usr/share/cloudimg/manifest.json": file(JSON.stringify(manifest)) }),
    );
    expect(found?.source).toBe("manifest");
    expect(list(found)).toEqual([["tool", "1", 100, 1]]);
    expect(readPackages(treeOf({ ...contents, "/usr/share/cloudimg/manifest.json": file("{") }))).toBeUndefined();
  });

  test("of rpm, which are not read", () => {
    expect(readPackages(treeOf({ ...contents, "/usr/lib/sysimage/rpm/rpmdb.sqlite": file("SQLite") }))).toMatchObject({
      source: "rpm",
      packages: [],
    });
  });

  test("none", () => expect(readPackages(treeOf(contents))).toBeUndefined());
});

test("sizes: largest first, names once, holes not", () => {
  const twice = file("x".repeat(10));
  const sizes = measureTree(
    treeOf({
      "/a/small": file("1"),
      "/b/one": twice,
      "/c/two": twice,
      "/c/sparse": file(sparseSource(10_000_000, [5_000_000], 8)),
    }),
  );
  expect(sizes).toMatchObject({ sizeBytes: 19, files: 3, ownFiles: [] });
  expect(sizes.directories.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ["b", 10],
    ["c", 8],
    ["a", 1],
  ]);
});
