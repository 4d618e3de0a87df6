import { symlinkSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeFiles, writeFilesDeferred } from "../../../src/guest-config/user-data/write-files.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(() => {
  guest = makeGuest();
});
afterEach(() => guest.remove());

const write = (...files: unknown[]) => guest.run(writeFiles, { write_files: files });
const owners = () => guest.read("/owners")?.replaceAll(guest.path(""), "").trim().split("\n") ?? [];

test("content, with the directories that lead to it", () => {
  expect(
    write({ path: "/srv/a/b/c", content: "x\n" }, { path: "/srv/empty" }, { path: "/srv/number", content: 7 }),
  ).toEqual({
    said: ["write_files: 3 written"],
    problems: [],
  });
  expect(["/srv/a/b/c", "/srv/empty", "/srv/number"].map(guest.read)).toEqual(["x\n", "", "7"]);
  expect(guest.mode("/srv/a/b/c")).toBe("644");
});

test.each([
  ["b64", "aGk="],
  ["Base64", "aG\nk="],
  ["gz+b64", gzipSync("hi").toString("base64")],
  ["GZIP+BASE64", gzipSync("hi").toString("base64")],
  ["gz", new Uint8Array(gzipSync("hi"))],
  ["text/plain", "hi"],
  [null, "hi"],
])("encoding %s", (encoding, content) => {
  expect(write({ path: "/srv/x", content, encoding }).problems).toEqual([]);
  expect(guest.read("/srv/x")).toBe("hi");
});

test.each<[unknown, string, string[]]>([
  ["0600", "600", []],
  ["0o755", "755", []],
  ["4755", "4755", []],
  [0o640, "640", []],
  [" 0666 ", "666", []],
  ["rwx", "644", ["write_files: /srv/x: permissions that are none: 0644 taken"]],
  // Without the leading zero YAML makes a decimal number of it: as cloud-init takes it.
  [644, "1204", ["write_files: /srv/x: permissions 644 without quotes are mode 1204"]],
])("permissions %j", (permissions, mode, problems) => {
  expect(write({ path: "/srv/x", permissions }).problems).toEqual(problems);
  expect(guest.mode("/srv/x")).toBe(mode);
});

test("owners, also those that are not there", () => {
  const { problems } = write(
    { path: "/srv/o'ne", owner: "web:web" },
    { path: "/srv/two", owner: "nobody-here" },
    { path: "/srv/three", owner: "-R" },
  );
  expect(owners()).toEqual(["chown -- web:web /srv/o'ne", "chown -- nobody-here /srv/two", "chown -- -R /srv/three"]);
  expect(problems).toEqual(["write_files: /srv/two: there is no nobody-here to own it (defer: true waits for users)"]);
});

test("append adds, without it a file is replaced; links are followed, and what the kernel shows is written in place", () => {
  guest.write("/etc/motd", "old\n");
  guest.write("/proc/sys/vm/x", "0");
  symlinkSync("motd", guest.path("/etc/link"));
  symlinkSync("loop", guest.path("/etc/loop"));
  const { problems } = write(
    { path: "/etc/motd", content: "more\n", append: true },
    { path: "/etc/link", content: "again\n", append: "yes" },
    { path: "/etc/new", content: "new\n", append: true },
    { path: "/proc/sys/vm/x", content: "1" },
    { path: "/etc/loop", content: "x" },
    { path: "/etc", content: "x" },
  );
  expect(guest.read("/etc/motd")).toBe("old\nmore\nagain\n");
  expect(guest.host.readLink("/etc/link")).toBe("motd");
  expect(guest.read("/etc/new")).toBe("new\n");
  expect(guest.read("/proc/sys/vm/x")).toBe("01");
  expect(problems).toEqual(["write_files: /etc/loop: links that lead nowhere", "write_files: /etc: is a directory"]);
});

test("what is deferred is written in the final stage, whatever the boot has kept of it", () => {
  const told = guest.boot(
    "#cloud-config\nwrite_files:\n- {path: /srv/early}\n- {path: /srv/late, content: !!binary AP8=, defer: true}\nruncmd: ['cat srv/late > seen']\n",
  );
  expect(told.problems).toEqual([]);
  expect(guest.host.readBytes("/seen", 0, 9)).toEqual(Uint8Array.of(0, 255));
  expect(guest.run(writeFilesDeferred, { write_files: [{ path: "/srv/x" }] }).said).toEqual([]);
});

test("source.uri; content is for when it cannot be had", () => {
  guest.answer = ({ url, headers }) => {
    const isThere = url === "http://h/there" && headers?.["X-A"] === "b";
    return { status: isThere ? 200 : 404, headers: {}, body: new TextEncoder().encode("fetched") };
  };
  const { problems } = write(
    { path: "/srv/1", source: { uri: "http://h/there", headers: { "X-A": "b" } }, content: "not this" },
    { path: "/srv/2", source: { uri: "http://h/none" }, content: "instead" },
    { path: "/srv/3", source: { uri: "http://h/none" } },
    { path: "/srv/4", source: { uri: "file:///etc/passwd" } },
  );
  expect(["/srv/1", "/srv/2", "/srv/3"].map(guest.read)).toEqual(["fetched", "instead", undefined]);
  expect(guest.read("/srv/4")).toMatch(/^root:/);
  expect(problems).toEqual([
    "write_files: /srv/2: cannot fetch http://h/none: HTTP 404; content taken instead",
    "write_files: /srv/3: cannot fetch http://h/none: HTTP 404",
  ]);
});

test("entries that say nothing of use are told", () => {
  expect(
    write("x", {}, { path: "relative" }, { path: "/srv/x", content: { a: 1 } }, { path: "/srv/y", encoding: "rot13" })
      .problems,
  ).toEqual([
    "write_files: entry 1 is no mapping",
    "write_files: entry 2: no absolute path",
    "write_files: entry 3: no absolute path",
    "write_files: /srv/x: content is no text",
    "write_files: /srv/y: no such encoding: taken as plain text",
  ]);
  expect(guest.run(writeFiles, { write_files: { path: "/x" } }).problems).toEqual(["write_files: is no list"]);
});

test("a source that is a pipe or a terminal is not waited for", () => {
  guest.remove();
  guest = makeGuest((host) => ({
    attributes: (path) =>
      path === "/var/pipe" ? { kind: "other", mode: 0o644, uid: 0, gid: 0, sizeBytes: 0 } : host.attributes(path),
    readBytes(path, ...range) {
      if (path === "/var/pipe") throw new Error("this never ends");
      return host.readBytes(path, ...range);
    },
  }));
  expect(write({ path: "/srv/x", source: { uri: "file:///var/pipe" } }).problems).toEqual([
    "write_files: /srv/x: cannot read /var/pipe",
  ]);
});
