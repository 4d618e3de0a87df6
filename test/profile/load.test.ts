import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadProfile } from "../../src/profile/load.ts";
import { locate } from "../../src/profile/positioned.ts";
import { load, writeFiles } from "./profile-files.ts";

const here = dirname(fileURLToPath(import.meta.url));
const shipped = (name: string) => join(here, "../../cloud-profiles", name);

test("the smallest profile has every default filled in", async () => {
  const { profile } = await load({ "p.yaml": "image: { name: tiny }\n" });
  expect(profile.packages.suite).toBe("trixie");
  expect(profile.disk).toMatchObject({ size: "auto", additionalSpace: 32 * 1024 ** 2 });
  expect(profile.output).toEqual({
    formats: ["raw", "qcow2"],
    compress: true,
    compat: "1.1",
    compression: "zlib",
    clusterSize: 65536,
  });
  expect(profile.instance.interfaces).toEqual([{ addresses: [], routes: [], nameservers: [], search: [] }]);
  expect(profile.smoke.timeout).toBe(120_000);
});

test("cloud-profiles/local.yaml is valid and extends base.yaml", async () => {
  const { profile, sources } = await loadProfile(shipped("local.yaml"), { environment: {} });
  expect(sources).toEqual([shipped("base.yaml"), shipped("local.yaml")]);
  expect(profile.image.name).toBe("local");
  expect(profile.packages.include).toContain("nginx");
  expect(profile.provider.local).toMatchObject({ sshPort: 2222, httpPort: 9080 });
});

test("extends: maps merge, listed lists are added to, users merge by name, the rest is replaced, null removes", async () => {
  const { profile } = await load({
    "p.yaml": `
extends: [a.yaml, sub/b.yaml]
image: { name: own, version: }
packages: { include: [own], components: [main, contrib] }
users:
  - { name: ada, shell: /bin/own }
  - name: eve
output: { formats: [raw] }
smoke: { http: [{ path: /own, headers: {} }] }
instance: { hostname: null }
`,
    "a.yaml": `
image: { name: a, version: "7" }
packages: { include: [a-base], components: [main] }
kernel: { cmdline: [quiet] }
users: [{ name: ada, uid: 1001, groups: [wheel] }]
smoke: { http: [{ path: /a }] }
instance: { hostname: a.example, cpus: 4 }
`,
    "sub/b.yaml": "packages: { include: [b-base] }\nkernel: { cmdline: [debug] }\n",
  });
  expect(profile.image).toEqual({ name: "own", system: "busybox", version: "1", arch: "amd64" });
  expect(profile.packages.include).toEqual(["a-base", "b-base", "own"]);
  expect(profile.packages.components).toEqual(["main", "contrib"]);
  expect(profile.kernel.cmdline).toEqual(["quiet", "debug"]);
  expect(profile.users).toEqual([
    { name: "ada", uid: 1001, groups: ["wheel"], shell: "/bin/own", authorizedKeys: [] },
    { name: "eve", groups: [], shell: "/bin/sh", authorizedKeys: [] },
  ]);
  expect(profile.output.formats).toEqual(["raw"]);
  expect(profile.smoke.http.map(({ path }) => path)).toEqual(["/a", "/own"]);
  expect(profile.instance.hostname).toBeUndefined();
  expect(profile.instance.cpus).toBe(4);
});

test("a base that two bases share counts once", async () => {
  const { profile, sources } = await load({
    "p.yaml": "extends: [a.yaml, b.yaml]\nimage: { name: p }\n",
    "a.yaml": "extends: base.yaml\npackages: { include: [from-a] }\n",
    "b.yaml": "extends: base.yaml\npackages: { include: [from-b] }\n",
    "base.yaml": "packages: { include: [from-base] }\n",
  });
  expect(profile.packages.include).toEqual(["from-base", "from-a", "from-b"]);
  expect(sources.map((path) => path.split("/").at(-1))).toEqual(["base.yaml", "a.yaml", "b.yaml", "p.yaml"]);
});

test("extends: cloudimg:base leads to the profile that comes with the package", async () => {
  const { profile, sources } = await load({ "p.yaml": "extends: cloudimg:base\nimage: { name: p }\n" });
  expect(sources[0]).toBe(shipped("base.yaml"));
  expect(profile.packages.include).toContain("nginx");
});

test("source and kernel.file are relative to the profile that names them", async () => {
  const directory = await writeFiles({
    "p.yaml": "extends: sub/base.yaml\nimage: { name: p }\nfiles: [{ source: own/*.conf, target: /etc/own }]\n",
    "sub/base.yaml": "files: [{ source: ../shared, target: /etc/shared }]\nkernel: { file: bzImage }\n",
  });
  const { profile } = await loadProfile(join(directory, "p.yaml"), { environment: {} });
  expect(profile.files.map(({ source }) => source)).toEqual([join(directory, "shared"), join(directory, "own/*.conf")]);
  expect(profile.kernel.file).toBe(join(directory, "sub/bzImage"));
});

test("values from the environment: text, default, number, truth value, escape; other dollars stay", async () => {
  const { profile } = await load(
    {
      "p.yaml": `
image:
  name: \${env:WHO}-image
  version: \${env:VERSION}
provider: { local: { sshPort: "\${env:PORT:-2200}" } }
services:
  ssh: { enabled: "\${env:SSH}" }
  http: { port: "\${env:EMPTY:-8080}" }
files:
  - target: /a
    user: \${env:OWNER}
    group: root
    content: "$\${env:WHO} \${shell} $$ \${env:ALSO:-a:-b}"
`,
    },
    { WHO: "ada", VERSION: "3", SSH: "true", EMPTY: "", OWNER: "1000" },
  );
  expect(profile.image).toMatchObject({ name: "ada-image", version: "3" });
  expect(profile.provider.local.sshPort).toBe(2200);
  expect(profile.services.ssh.enabled).toBe(true);
  expect(profile.services.http.port).toBe(8080);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the literal text
  expect(profile.files[0]).toMatchObject({ user: 1000, content: "${env:WHO} ${shell} $$ a:-b" });
});

test("anchors and aliases are expanded", async () => {
  const { profile } = await load({
    "p.yaml": "image: { name: &n p }\ninstance: { hostname: *n }\nkernel: { modules: &m [a], initrdModules: *m }\n",
  });
  expect(profile.instance.hostname).toBe("p");
  expect(profile.kernel.initrdModules).toEqual(["a"]);
});

test("sizes, durations and modes become bytes, milliseconds and numbers", async () => {
  const { profile } = await load({
    "p.yaml": `
image: { name: p }
disk: { size: 1.5GiB, additionalSpace: 4096 }
output: { clusterSize: 2 MiB }
smoke: { timeout: 1.5m }
files: [{ content: x, target: /a, mode: "4755" }]
`,
  });
  expect(profile.disk).toMatchObject({ size: 1.5 * 1024 ** 3, additionalSpace: 4096 });
  expect(profile.output.clusterSize).toBe(2 * 1024 ** 2);
  expect(profile.smoke.timeout).toBe(90_000);
  expect(profile.files[0]?.mode).toBe(0o4755);
});

test("locate leads to the line that a value came from, or to what is nearest", async () => {
  const loaded = await load({
    "p.yaml": "extends: base.yaml\nimage: { name: p }\nfiles:\n  - source: b\n    target: /b\n",
    "base.yaml": "packages:\n  include:\n    - nginx\nfiles:\n  - source: a\n    target: /a\n",
  });
  const place = (...path: (string | number)[]) => {
    const { file, line, column } = locate(loaded, path) ?? {};
    return file && `${file.split("/").at(-1)}:${line}:${column}`;
  };
  expect(place("files", 0, "source")).toBe("base.yaml:5:13");
  expect(place("files", 1, "source")).toBe("p.yaml:4:13");
  expect(place("packages", "include", 0)).toBe("base.yaml:3:7");
  expect(place("files", 1, "mode")).toBe("p.yaml:4:5");
  expect(place("disk", "size")).toBeUndefined();
});

const digestFiles = {
  "p.yaml": "extends: sub/base.yaml\nimage: { name: p }\nfiles: [{ source: a, target: /a }]\n",
  "sub/base.yaml": "files: [{ source: ./b, target: /b }]\n",
};

test("the digest is the same in another directory, with another mirror, key order, comments, output and checks", async () => {
  const one = await load(digestFiles);
  const other = await load({
    "p.yaml": `# a comment
files: [{ target: /a, source: ./a }]
image: { name: p }
extends: sub/base.yaml
packages: { mirror: "http://mirror.example/debian" }
output: { formats: [raw] }
smoke: { http: [{ path: / }] }
`,
    "sub/base.yaml": digestFiles["sub/base.yaml"],
  });
  expect(other.profile.files[0]?.source).not.toBe(one.profile.files[0]?.source);
  expect(other.digest).toBe(one.digest);
});

test.each([
  ["a package", "packages: { include: [jq] }"],
  ["a file's target", "files: [{ source: a, target: /c }]"],
  ["the page", "services: { http: { page: hello } }"],
  ["the disk's size", "disk: { size: 1GiB }"],
])("the digest changes with %s", async (_, text) => {
  const before = await load({ "p.yaml": "image: { name: p }\n" });
  const after = await load({ "p.yaml": `image: { name: p }\n${text}\n` });
  expect(after.digest).not.toBe(before.digest);
});

test("an aborted signal stops the reading with the signal's own reason", async () => {
  const directory = await writeFiles(digestFiles);
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  await expect(loadProfile(join(directory, "p.yaml"), { environment: {}, signal })).rejects.toBe(reason);
});
