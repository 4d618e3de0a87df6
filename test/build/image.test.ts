import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PlannedImage } from "../../src/build/pipeline.ts";
import { buildProfile, planProfile } from "../../src/commands/building.ts";
import type { Built } from "../../src/commands/built.ts";
import { createContext } from "../../src/commands/environment.ts";
import { openProfile } from "../../src/commands/open-profile.ts";
import { fileSource, readAll, sliceSource } from "../../src/core/byte-source.ts";
import type { Event } from "../../src/core/events.ts";
import { imageManifestPath, parseImageManifest } from "../../src/core/image-manifest.ts";
import { runOracle } from "../oracles/run.ts";
import { sha256OfFile } from "../sha256.ts";
import { checkExt4, ext4Header, textOfExt4 } from "./filesystems/ext4-reader.ts";
import { writeImage } from "./filesystems/images.ts";
import { fileDetail, textOfTree } from "./filesystems/tree-text.ts";

/** The image that `npm start` makes, judged by other people's tools. */
describe("the image of cloud-profiles/local.yaml", { timeout: 120_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-image-"));
  const at = (...names: string[]) => join(directory, ...names);
  let built: Built;
  let planned: PlannedImage;

  async function build(
    output: string,
    jobs: number,
    compress = true,
    emit: (event: Event) => void = () => {},
  ): Promise<Built> {
    const context = createContext(emit, new AbortController().signal, jobs);
    const loaded = await openProfile("local", context);
    const { profile } = loaded;
    const changed = { ...loaded, profile: { ...profile, output: { ...profile.output, compress } } };
    return await buildProfile(changed, { output: at(output) }, context);
  }

  beforeAll(async () => {
    mkdirSync(at("scratch"));
    built = await build("one", 1);
    const context = createContext(() => {}, new AbortController().signal, 1);
    planned = await planProfile(await openProfile("local", context), {}, context);
    const { root } = planned;
    await writeImage(
      sliceSource(fileSource(openSync(at("one/local.raw"), "r")), root.startBytes, root.sizeBytes),
      at("root.ext4"),
    );
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("e2fsck finds nothing, and dumpe2fs the features that every reader knows", async () => {
    await checkExt4(at("root.ext4"));
    const header = await ext4Header(at("root.ext4"));
    expect(header["Filesystem features"]?.split(/\s+/).sort()).toEqual(
      [
        ...["has_journal", "ext_attr", "resize_inode", "dir_index", "filetype", "extent", "flex_bg"],
        ...["sparse_super", "large_file", "huge_file", "dir_nlink", "extra_isize"],
      ].sort(),
    );
    expect(header["Filesystem UUID"]).toBe(planned.identifiers.rootUuid);
    expect(header["Block size"]).toBe("4096");
  });

  test("what debugfs reads back is the planned tree: owners, modes, links, contents", async () => {
    expect(await textOfExt4(at("root.ext4"), at("scratch"))).toMatchObject(textOfTree(planned.tree));
  });

  test("sfdisk accepts the partition table", async () => {
    const { status, output } = await runOracle("sfdisk", ["--verify", at("one/local.raw")]);
    expect(output).toContain("No errors detected");
    expect(status).toBe(0);
  });

  test("both qcow2 files hold the raw disk, and qemu-img finds no error in them", async () => {
    await build("plain", 2, false);
    for (const name of ["one", "plain"]) {
      const qcow2 = at(name, "local.qcow2");
      expect(await runOracle("qemu-img", ["check", qcow2])).toMatchObject({ status: 0 });
      const compare = await runOracle("qemu-img", ["compare", "-f", "raw", "-F", "qcow2", at("one/local.raw"), qcow2]);
      expect(compare.output).toContain("Images are identical");
    }
    expect(statSync(at("one/local.qcow2")).size).toBeLessThan(statSync(at("plain/local.qcow2")).size / 1.5);
  });

  test("the identity is the raw file's SHA-256", async () => {
    expect(await sha256OfFile(at("one/local.raw"))).toBe(built.identity);
  });

  test("the compressed qcow2 has at most 30 MB, the raw file has holes", () => {
    expect(statSync(at("one/local.qcow2")).size).toBeLessThan(30e6);
    const { blocks, size } = statSync(at("one/local.raw"));
    expect(blocks * 512).toBeLessThan(size * 0.9);
  });

  test("built again, elsewhere, later, with four workers: the same bytes", async () => {
    const again = await build("two", 4);
    expect(again.identity).toBe(built.identity);
    for (const name of ["local.raw", "local.qcow2"])
      expect(await sha256OfFile(at("two", name))).toBe(await sha256OfFile(at("one", name)));
  });

  test("built again in the same place: nothing is done, and the same is told", async () => {
    const before = await build("one", 1);
    const events: Event[] = [];
    expect(await build("one", 1, true, (event) => events.push(event))).toEqual(before);
    expect(events.map((event) => `${event.type} ${"id" in event ? event.id : ""}`)).toEqual([
      "step-start image",
      "step-end image",
    ]);
  });

  test("beside it lie bills of materials, which are in it too, and a manifest of all digests", async () => {
    expect(built.sideFiles.map((path) => basename(path))).toEqual([
      "local.spdx.json",
      "local.cdx.json",
      "local.manifest.json",
    ]);
    const manifest = JSON.parse(readFileSync(at("one/local.manifest.json"), "utf8"));
    expect(manifest.disk.sha256).toBe(built.identity);
    for (const { fileName, sha256 } of manifest.outputs) expect(await sha256OfFile(at("one", fileName))).toBe(sha256);
    const text = await textOfExt4(at("root.ext4"), at("scratch"));
    for (const name of ["local.spdx.json", "local.cdx.json"])
      expect(text[`/var/lib/db/sbom/${name}`]).toContain(fileDetail(readFileSync(at("one", name))));
  });

  test("the list of contents in the image is true of every path", async () => {
    const text = await textOfExt4(at("root.ext4"), at("scratch"));
    const node = planned.tree.get(imageManifestPath);
    if (node?.type !== "file") throw new Error("there is no manifest");
    const { paths } = parseImageManifest(Buffer.from(readAll(node.content)).toString());
    const listed = paths.map(({ path, type, mode, uid = 0, gid = 0, size, sha256, target, device, link }) => {
      const detail = size === undefined ? target && `-> ${target}` : `${size} ${sha256?.slice(0, 12)}`;
      const words = [type, mode, `${uid}:${gid}`, device?.join(":") ?? detail].filter((word) => word !== undefined);
      return [path, link === undefined ? words.join(" ") : `link ${link}`];
    });
    const { [imageManifestPath]: _, ...found } = text;
    const times = /^(\S+ \S+ \S+) \d+/;
    expect(listed).toEqual(Object.entries(found).map(([path, line]) => [path, line.replace(times, "$1")]));
  });

  test("holds nothing that differs between instances or could be a secret", () => {
    const paths = [...planned.tree.entries()].map(([path]) => path);
    expect(paths.filter((path) => /host_key|id_(rsa|ed25519)|random-seed/.test(path))).toEqual([]);
    const machineId = planned.tree.get("/etc/machine-id");
    expect(machineId?.type === "file" ? machineId.content.sizeBytes : 0).toBe(0);
  });
});
