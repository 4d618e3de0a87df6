import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPackages } from "../../../src/build/packages/open.ts";
import type { IncludeEntry } from "../../../src/build/packages/request.ts";
import { lockPackages } from "../../../src/build/packages/resolve.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { type FakeArchive, makeKey, requestTo, serve, signUntil, startArchive } from "./fake-archive.ts";
import { makeAr, makeDeb } from "./fixtures.ts";

let archive: FakeArchive;
beforeAll(async () => {
  archive = await startArchive();
});
afterAll(() => archive.stop());
beforeEach(() => {
  archive.files.clear();
  archive.requests.length = 0;
  archive.answer = undefined;
});

const names = (...words: string[]): IncludeEntry[] => words.map((name) => ({ name }));
const day = 86_400_000;

/** The error's code, exit code, message and hint, without the port that differs from run to run. */
async function failure(
  work: () => Promise<unknown>,
): Promise<{ code: string; exitCode: number; message: string; hint: string }> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CloudimgError)) throw error ?? new Error("it did not fail");
  const [problem] = error.problems;
  const clean = (text = "") => text.replaceAll(archive.url, "MIRROR").replace(/127\.0\.0\.1:\d+/g, "HOST");
  return { code: problem.code, exitCode: error.exitCode, message: clean(problem.message), hint: clean(problem.hint) };
}

async function lockFailure(more: Parameters<typeof requestTo>[1] = {}, environment = {}) {
  const context = await archive.context();
  return await failure(() =>
    lockPackages(requestTo(archive, { include: names("a"), ...more }), {
      ...context,
      environment: { ...context.environment, ...environment },
    }),
  );
}

describe("signatures", () => {
  test("a key that nobody knows", async () => {
    const stranger = await makeKey();
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { signWith: [stranger] });
    const { code, exitCode, message, hint } = await lockFailure();
    expect({ code, exitCode }).toEqual({ code: "packages/unknown-key", exitCode: 5 });
    expect(message).toBe(
      `cannot trust MIRROR/debian/dists/trixie/InRelease: it is signed by ${stranger.getKeyID().toHex().toUpperCase()}, which are no keys of ours`,
    );
    expect(hint).toContain("debian-archive-keyring");
  });

  test("an unknown key beside a known one does no harm", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { signWith: [await makeKey(), archive.key] });
    const lock = await lockPackages(requestTo(archive, { include: names("a") }), await archive.context());
    expect(lock.archives[0]?.keys).toEqual([archive.key.getFingerprint().toUpperCase()]);
  });

  test("text that was changed after it was signed", async () => {
    const tamper = (text: string) => text.replace("Origin: Debian", "Origin: Debiam");
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { tamper });
    expect(await lockFailure()).toMatchObject({ code: "packages/bad-signature", exitCode: 5 });
  });

  test("text outside the signature is not used", async () => {
    const tamper = (text: string) => `Codename: trixie\n${text}`;
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { codename: "other", tamper });
    expect((await lockFailure()).code).toMatch(/^packages\/(bad-release|wrong-suite)$/);
  });

  test("a key that has expired", async () => {
    const date = new Date(Date.now() - 10 * day);
    const key = await makeKey({ date, keyExpirationTime: (5 * day) / 1000 });
    const context = await archive.context();
    const { writeFile } = await import("node:fs/promises");
    const keyring = `${context.cache}/expired.asc`;
    await writeFile(keyring, key.toPublic().armor());
    await archive.addSuite("debian", "trixie", [{ name: "a" }], {
      signWith: [key],
      signedAt: new Date(date.getTime() + day),
    });
    const error = await lockFailure({}, { CLOUDIMG_KEYRING: keyring });
    expect(error).toMatchObject({ code: "packages/expired-key", exitCode: 5 });
    expect(error.hint).toContain("clock");
  });

  test("a signature that has expired", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const path = "/debian/dists/trixie/InRelease";
    const text = (archive.files.get(path) as Buffer).toString().split("\n\n")[1]?.split("\n-----")[0] ?? "";
    const signed = await signUntil(text, archive.key, new Date(Date.now() - day / 2), 3600);
    archive.files.set(path, Buffer.from(signed));
    expect(await lockFailure()).toMatchObject({ code: "packages/expired-signature", exitCode: 5 });
  });

  test("a log-in page instead of InRelease", async () => {
    archive.answer = (_request, response) => serve(response, Buffer.from("<html>Welcome to the hotel</html>"));
    expect(await lockFailure()).toMatchObject({ code: "packages/bad-release", exitCode: 5 });
  });

  test("a keyring that cannot be read", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    expect(await lockFailure({}, { CLOUDIMG_KEYRING: "/nonexistent/keys" })).toMatchObject({
      code: "packages/bad-keyring",
      exitCode: 5,
    });
  });
});

describe("suites", () => {
  test("metadata past its Valid-Until, and the flag that waives it", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { validUntilMs: Date.UTC(2026, 0, 8) });
    const error = await lockFailure();
    expect(error).toMatchObject({
      code: "packages/stale",
      exitCode: 5,
      message: "cannot use MIRROR/debian/dists/trixie/InRelease: it was valid until 2026-01-08",
    });
    expect(error.hint).toContain("--allow-expired");
    const lock = await lockPackages(
      requestTo(archive, { include: names("a"), allowExpired: true }),
      await archive.context(),
    );
    expect(lock.epochSeconds).toBe(Date.UTC(2026, 0, 1) / 1000);
  });

  test("another suite than was asked for", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { codename: "bookworm" });
    expect(await lockFailure()).toMatchObject({ code: "packages/wrong-suite", exitCode: 5 });
  });

  test("a suite without updates, and one without security", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const updates = await lockFailure({ updates: true });
    expect(updates).toMatchObject({ code: "packages/no-suite", exitCode: 5 });
    expect(updates.hint).toContain("packages.updates: false");
    const security = await lockFailure({ security: true });
    expect(security.message).toContain("MIRROR/debian-security");
    expect(security.hint).toContain("packages.security: false");
  });

  test("a component or an architecture that the suite lacks", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    expect(await lockFailure({ components: ["contrib"] })).toMatchObject({ code: "packages/no-component" });
    expect(await lockFailure({ arch: "riscv64" })).toMatchObject({
      code: "packages/no-component",
      message: "cannot read main for riscv64 of the suite trixie: it has none",
      hint: "it has the components main for all, amd64",
    });
  });

  test("an index that is not the one that was signed", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const path = [...archive.files.keys()].find((name) => name.includes("by-hash")) as string;
    const good = archive.files.get(path) as Buffer;
    const bad = Buffer.from(good);
    bad[40] = (bad[40] as number) ^ 1;
    archive.files.set(path, bad);
    expect(await lockFailure()).toMatchObject({ code: "packages/bad-index", exitCode: 5 });
    // Tried twice: a mirror that is just being updated is no attack.
    expect(archive.requests.filter((request) => request === path)).toHaveLength(2);
  });

  test("an archive without by-hash", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }], { byHash: false });
    const lock = await lockPackages(requestTo(archive, { include: names("a") }), await archive.context());
    expect(lock.packages.map(({ name }) => name)).toEqual(["a"]);
  });
});

describe("mirrors", () => {
  test("none is known", async () => {
    const { findMirrors } = await import("../../../src/build/packages/mirrors.ts");
    const error = await failure(() => findMirrors({ suite: "trixie" }, { environment: {} }, "/nonexistent"));
    expect(error).toMatchObject({ code: "packages/no-mirror", exitCode: 5 });
    expect(error.hint).toContain("--mirror");
  });

  test("it cannot be reached: tried again, then said", async () => {
    const context = await archive.context();
    const request = requestTo(archive, { include: names("a"), mirror: "http://127.0.0.1:9/debian" });
    const error = await failure(() => lockPackages(request, context));
    expect(error).toMatchObject({
      code: "packages/unreachable",
      exitCode: 5,
      message: "cannot fetch http://HOST/debian/dists/trixie/InRelease: the connection was refused",
    });
    const retries = context.events.filter((event) => event.type === "log" && event.message.includes("again in"));
    expect(retries).toHaveLength(4);
  });

  test("what passes is not told to the user as an error", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    let failures = 2;
    archive.answer = (request, response, body) => {
      if (failures-- > 0) request.socket.destroy();
      else serve(response, body);
    };
    const lock = await lockPackages(requestTo(archive, { include: names("a") }), await archive.context());
    expect(lock.packages).toHaveLength(1);
  });

  test("it refuses", async () => {
    archive.answer = (_request, response) => void response.writeHead(403).end();
    const error = await lockFailure();
    expect(error).toMatchObject({
      code: "packages/refused",
      message: expect.stringContaining("the server answered 403"),
    });
    expect(archive.requests).toHaveLength(1);
  });

  test("it redirects", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    archive.answer = (request, response, body) => {
      if (request.url?.startsWith("/old/")) response.writeHead(302, { location: request.url.slice(4) }).end();
      else serve(response, body);
    };
    const request = requestTo(archive, { include: names("a"), mirror: `${archive.url}/old/debian/` });
    expect((await lockPackages(request, await archive.context())).packages).toHaveLength(1);
  });
});

describe("packages", () => {
  test("not found, with near names", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "nginx" }, { name: "nginx-light" }]);
    expect(await lockFailure({ include: names("ngnix") })).toEqual({
      code: "packages/not-found",
      exitCode: 5,
      message: "cannot find the package ngnix: trixie has none for amd64",
      hint: 'did you mean "nginx"?',
    });
  });

  test("every package that is not found is told", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const context = await archive.context();
    await expect(
      lockPackages(requestTo(archive, { include: names("x1", "x2"), tools: ["x3"] }), context),
    ).rejects.toMatchObject({
      problems: [{ code: "packages/not-found" }, { code: "packages/not-found" }, { code: "packages/not-found" }],
    });
  });

  test("a virtual one", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "exim", fields: { Provides: "mta" } }]);
    expect(await lockFailure({ include: names("mta") })).toMatchObject({
      code: "packages/not-found",
      hint: "name one that provides it: exim",
    });
  });

  test("a version that there is not", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a", version: "1.2-3" }]);
    expect(await lockFailure({ include: [{ name: "a", version: ">= 2" }] })).toMatchObject({
      code: "packages/no-version",
      exitCode: 5,
      message: "cannot include a (>= 2): the archive has 1.2-3",
    });
    expect(await lockFailure({ include: [{ name: "a", version: "newest" }] })).toMatchObject({
      code: "profile/invalid",
      exitCode: 3,
    });
  });

  test("a dependency that cannot be fulfilled, with the way that leads there", async () => {
    await archive.addSuite("debian", "trixie", [
      { name: "a", fields: { Depends: "b" } },
      { name: "b", fields: { Depends: "c (>= 3) | d" } },
      { name: "c", version: "2.1" },
    ]);
    expect(await lockFailure()).toEqual({
      code: "packages/unsatisfiable",
      exitCode: 5,
      message: "cannot install b: it needs c (>= 3) | d, but c is there as 2.1; there is no d",
      hint: "b is there because of a → b; ask for another version, or leave c out with packages.exclude",
    });
  });

  test("packages that exclude one another", async () => {
    await archive.addSuite("debian", "trixie", [
      { name: "a", fields: { Conflicts: "b (<< 2)" } },
      { name: "b", version: "1" },
    ]);
    expect(await lockFailure({ include: names("a", "b") })).toMatchObject({
      code: "packages/conflict",
      exitCode: 5,
      message: "cannot install a and b together: a excludes b (<< 2)",
    });
  });

  test("included and excluded", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    expect(await lockFailure({ exclude: ["a"] })).toMatchObject({ code: "profile/invalid", exitCode: 3 });
  });
});

describe("files of packages", () => {
  const openFailure = async (include: IncludeEntry[] = names("a"), after: () => void = () => {}) => {
    const context = await archive.context();
    const request = requestTo(archive, { include });
    const lock = await lockPackages(request, context);
    after();
    return await failure(() => openPackages(lock, request, context));
  };
  const debPath = "/debian/pool/main/a_1.0-1.deb";

  test("one that was tampered with", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const error = await openFailure(names("a"), () => {
      const bad = Buffer.from(archive.files.get(debPath) as Buffer);
      bad[bad.length - 100] = (bad[bad.length - 100] as number) ^ 1;
      archive.files.set(debPath, bad);
    });
    expect(error).toMatchObject({ code: "packages/bad-package", exitCode: 5 });
    expect(error.message).toMatch(
      /^cannot trust MIRROR.*: its SHA-256 is [0-9a-f]{64}, the archive signed [0-9a-f]{64}$/,
    );
  });

  test("one that the mirror cuts short", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const error = await openFailure(names("a"), () => {
      archive.files.set(debPath, (archive.files.get(debPath) as Buffer).subarray(0, 200));
    });
    expect(error).toMatchObject({ code: "packages/truncated", exitCode: 5 });
    expect(error.message).toContain("it has 200 bytes, but should have ");
  });

  test("a connection that breaks in the middle, every time", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const error = await openFailure(names("a"), () => {
      archive.answer = (_request, response, body = Buffer.alloc(0)) => {
        response.writeHead(200, { "content-length": body.length });
        response.write(body.subarray(0, 100), () => response.socket?.destroy());
      };
    });
    expect(error.code).toBe("packages/truncated");
  });

  test("one that the archive does not have any more", async () => {
    await archive.addSuite("debian", "trixie", [{ name: "a" }]);
    const error = await openFailure(names("a"), () => void archive.files.delete(debPath));
    expect(error).toMatchObject({ code: "packages/gone", exitCode: 5 });
    expect(error.hint).toContain("lock --update");
  });

  test.each([
    [
      "cut in its header",
      () => makeDeb({ name: "a" }).subarray(0, 90),
      "the header of a member at byte 72 is damaged or cut short",
    ],
    ["cut in its data", () => makeDeb({ name: "a" }).subarray(0, -40), "its member data.tar.xz is cut short"],
    [
      "without data",
      () => makeAr([["debian-binary", Buffer.from("2.0\n")]]),
      "it has no data.tar: it may be cut short",
    ],
    ["that is none", () => Buffer.from("hello, world"), "it does not start like a .deb file"],
    [
      "of another format",
      () => makeAr([["debian-binary", Buffer.from("3.0\n")]]),
      "it is no Debian package of format 2",
    ],
    [
      "with a path that leads out",
      () => makeDeb({ name: "a", files: [{ path: "./../../etc/passwd", content: "x" }] }),
      "./../../etc/passwd leads out of the package",
    ],
    [
      "with xz that is none",
      () =>
        makeAr([
          ["debian-binary", Buffer.from("2.0\n")],
          ["data.tar.xz", Buffer.alloc(100, 1)],
        ]),
      "it does not end like an xz file: it may be cut short",
    ],
    [
      "with a tar archive cut short",
      () =>
        makeAr([
          ["debian-binary", Buffer.from("2.0\n")],
          ["data.tar", Buffer.alloc(0)],
        ]),
      "its tar archive is cut short",
    ],
  ])("a .deb %s, signed by the archive", async (_name, deb, reason) => {
    await archive.addSuite("debian", "trixie", [{ name: "a", deb: deb() }]);
    expect(await openFailure()).toMatchObject({
      code: "packages/damaged",
      exitCode: 5,
      message: `cannot unpack a 1.0-1: ${reason}`,
    });
  });

  test("a path that the package lacks, with near ones", async () => {
    await archive.addSuite("debian", "trixie", [
      { name: "a", files: [{ path: "./usr/sbin/resize2fs", content: "x" }] },
    ]);
    expect(await openFailure([{ name: "a", files: ["/usr/bin/resize2fs"] }])).toEqual({
      code: "packages/no-such-file",
      exitCode: 5,
      message: "cannot take /usr/bin/resize2fs from the package a 1.0-1: it has no such path",
      hint: "did you mean /usr/sbin/resize2fs?",
    });
  });
});
