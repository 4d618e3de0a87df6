import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildProfile } from "../../src/commands/building.ts";
import { createContext } from "../../src/commands/environment.ts";
import { openProfile } from "../../src/commands/open-profile.ts";
import { updateImage } from "../../src/commands/updating.ts";
import { readAll } from "../../src/core/byte-source.ts";
import { examineImage } from "../../src/examine/open.ts";
import { findRoot } from "../../src/examine/root.ts";
import type { LoadedProfile } from "../../src/profile/load.ts";
import { describeUpdate } from "../../src/report/updated.ts";
import { checkExt4 } from "../build/filesystems/ext4-reader.ts";
import { problemsOfAsync } from "../build/filesystems/requests.ts";
import { runOracle } from "../oracles/run.ts";
import { sha256OfFile } from "../sha256.ts";

/** The image that `npm start` makes, changed as its system would, and the next edition of its profile. */
describe("cloudimg update", { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-update-"));
  const image = join(directory, "local.raw");
  const context = createContext(() => {}, new AbortController().signal, 2);
  const root = join(directory, "root.ext4");
  let loaded: LoadedProfile;
  let nextEdition: LoadedProfile;
  let place: { startBytes: number; sizeBytes: number; uuid: string };

  beforeAll(async () => {
    loaded = await openProfile("local", context);
    await buildProfile(loaded, { output: directory }, context, ["raw"]);
    const { profile } = loaded;
    const files = profile.files.map((entry) => ({ ...entry, content: "Second edition.\n" }));
    // Another profile has another digest, so its own build would have other UUIDs.
    nextEdition = { ...loaded, digest: "f".repeat(64), profile: { ...profile, files } };
    place = inImage(({ volume, fileSystem }, { partitions }) => {
      const partition = partitions.find(({ number }) => number === volume.number);
      if (partition === undefined) throw new Error("the root has no partition");
      const { startBytes, sizeBytes } = partition;
      return { startBytes, sizeBytes, uuid: fileSystem.uuid };
    });
    await change(["cd /root", "write state mine", "cd /etc", "rm shadow", "write state shadow"]);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function inImage<T>(work: (found: ReturnType<typeof findRoot>, image: ReturnType<typeof examineImage>) => T): T {
    const opened = examineImage(image);
    try {
      return work(findRoot(opened), opened);
    } finally {
      opened.close();
    }
  }

  const textAt = (path: string): string =>
    inImage(({ fileSystem: { tree } }) => {
      const node = tree.get(path);
      if (node?.type !== "file") throw new Error(path);
      return new TextDecoder().decode(readAll(node.content));
    });

  function takeRoot(): void {
    const { startBytes, sizeBytes } = place;
    writeFileSync(root, readFileSync(image).subarray(startBytes, startBytes + sizeBytes));
  }

  async function change(commands: readonly string[]): Promise<void> {
    mkdirSync(join(directory, "host"), { recursive: true });
    const state = join(directory, "host", "state");
    writeFileSync(state, "the system's\n");
    takeRoot();
    const script = join(directory, "host", "script");
    writeFileSync(script, `${commands.map((line) => line.replace("write state", `write ${state}`)).join("\n")}\n`);
    await runOracle("debugfs", ["-w", "-f", script, root]);
    await checkExt4(root);
    const fd = openSync(image, "r+");
    writeSync(fd, readFileSync(root), 0, place.sizeBytes, place.startBytes);
    closeSync(fd);
  }

  test("tells what it would do, and does it", async () => {
    const before = await sha256OfFile(image);
    const dry = await updateImage(image, nextEdition, { dryRun: true }, context);
    expect(await sha256OfFile(image)).toBe(before);
    expect(dry.isWritten).toBe(false);
    expect(describeUpdate(dry, { all: false })).toContain("nothing was written");

    const updated = await updateImage(image, nextEdition, {}, context);
    expect(updated).toMatchObject({ changes: dry.changes, isWritten: true, format: "raw" });
    expect(await sha256OfFile(image)).toBe(updated.identity);
    expect(updated.changes).toMatchObject({
      ...{ added: [], removed: [], overruled: [] },
      "kept-changed": ["/etc/shadow"],
      kept: ["/root/mine"],
      replaced: expect.arrayContaining(["/etc/motd"]),
    });
    expect(describeUpdate(updated, { all: true })).toContain("    /etc/shadow");
    takeRoot();
    await checkExt4(root);
    expect(textAt("/etc/motd")).toBe("Second edition.\n");
    expect(textAt("/etc/shadow")).toBe("the system's\n");
    expect(textAt("/root/mine")).toBe("the system's\n");
  });

  test("boot loader and fstab go on finding the root by its UUID", () => {
    expect(inImage(({ fileSystem }) => fileSystem.uuid)).toBe(place.uuid);
    expect(textAt("/etc/fstab")).toContain(`UUID=${place.uuid}`);
    expect(textAt("/boot/grub/grub.cfg")).toContain(place.uuid);
  });

  test("has nothing to do the second time", async () => {
    const before = await sha256OfFile(image);
    const { isWritten, changes } = await updateImage(image, nextEdition, {}, context);
    expect([isWritten, changes.kept]).toEqual([false, ["/root/mine"]]);
    expect(await sha256OfFile(image)).toBe(before);
  });

  test("another processor's profile is refused", async () => {
    const { profile } = nextEdition;
    const other = { ...nextEdition, profile: { ...profile, image: { ...profile.image, arch: "arm64" as const } } };
    const [problem] = await problemsOfAsync(() => updateImage(image, other, {}, context));
    expect(problem?.message).toContain("it is made for amd64, and the profile for arm64");
  });
});
