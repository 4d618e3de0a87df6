import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findKernel } from "../../../src/build/rootfs/kernel.ts";
import { closeModules, loadOrder } from "../../../src/build/rootfs/module-closure.ts";
import { moduleIndexes } from "../../../src/build/rootfs/module-files.ts";
import { readAll } from "../../../src/core/byte-source.ts";
import { CloudimgError } from "../../../src/core/errors.ts";
import { runOracle } from "../../oracles/run.ts";
import { realPackages } from "./real-packages.ts";

// btrfs has soft dependencies, nfsd deep ones; the two snd-like spellings must lead to the same file.
const wanted = ["virtio_net", "virtio_scsi", "ahci", "vfat", "nls_iso8859-1", "btrfs", "nfsd", "overlay", "wireguard"];

describe("modules of Debian's cloud kernel", { timeout: 300_000 }, () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-modules-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  async function close(names: readonly string[]) {
    const { packages, epochSeconds, context } = await realPackages();
    const { version, catalog } = await findKernel(undefined, packages, epochSeconds, context);
    if (catalog === undefined) throw new Error("no modules");
    const modules = await closeModules(
      catalog,
      names.map((name) => ({ name })),
      context,
    );
    return { version, catalog, modules };
  }

  test("their indexes are those that depmod makes of the same files", async () => {
    const { version, modules } = await close(wanted);
    const home = join(directory, "lib/modules", version);
    for (const { path, content } of modules.values()) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), readAll(content));
    }
    const { status, output } = await runOracle("depmod", ["-b", directory, version]);
    // It also complains that modules.order and modules.builtin are not there.
    expect(status, output).toBe(0);
    const ours = moduleIndexes(modules);
    const read = (name: string) => readFileSync(join(home, name), "utf8");
    expect(linesOf(ours["modules.dep"])).toEqual(linesOf(read("modules.dep")));
    expect(linesOf(ours["modules.alias"])).toEqual(linesOf(read("modules.alias")));
    expect(linesOf(ours["modules.softdep"])).toEqual(linesOf(read("modules.softdep")));
    expect(linesOf(ours["modules.softdep"]).length).toBeGreaterThan(0);
  });

  test("each is loaded after what it depends on", async () => {
    const { modules } = await close(wanted);
    for (const name of modules.keys()) {
      const order = loadOrder(modules, name).map((module) => module.name);
      expect(order.at(-1)).toBe(name);
      for (const [index, before] of order.entries())
        expect(order.slice(0, index)).toEqual(expect.arrayContaining([...(modules.get(before)?.depends ?? [])]));
    }
    expect(loadOrder(modules, "ahci").map(({ name }) => name)).toEqual([
      "scsi_common",
      "scsi_mod",
      "libata",
      "libahci",
      "ahci",
    ]);
  });

  test("what is built into the kernel is not installed, and no error", async () => {
    const { catalog, modules } = await close(["ext4", "nvme", "virtio_pci"]);
    expect(catalog.builtin.has("ext4")).toBe(true);
    expect([...modules.keys()]).toEqual([]);
  });

  test("either spelling of a name will do", async () => {
    const [dashes, lines] = [await close(["nls-iso8859-1"]), await close(["nls_iso8859_1"])];
    expect([...dashes.modules.keys()]).toEqual(["nls_iso8859_1"]);
    expect([...lines.modules.keys()]).toEqual(["nls_iso8859_1"]);
  });

  test("unknown names are told, with near ones", async () => {
    const error = await close(["virtio_nett", "ext4", "no_such_thing"]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CloudimgError);
    const { problems } = error as CloudimgError;
    expect(
      problems.map(({ code, message }) => `${code}: ${message.replace(/kernel \S*-cloud-amd64/, "kernel K")}`),
    ).toEqual([
      "image/unknown-module: cannot install the kernel module virtio_nett: the kernel K has no such module",
      "image/unknown-module: cannot install the kernel module no_such_thing: the kernel K has no such module",
    ]);
    expect(problems[0]?.hint).toContain('"virtio_net"');
  });
});

/** Dependencies of a line may come in any order that loads each before what needs it. */
function linesOf(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [module, depends] = line.split(".ko:");
      return depends === undefined ? line : `${module}.ko: ${depends.trim().split(" ").sort().join(" ")}`;
    })
    .sort();
}
