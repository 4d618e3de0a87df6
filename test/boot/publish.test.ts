import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cloudimg, finished, startCloudimg, temporaryDirectory } from "../cli/cloudimg.ts";
import { processesWith } from "../processes.ts";

describe("cloudimg publish --provider local", { timeout: 300_000 }, () => {
  test("builds, boots, checks, reports and leaves nothing behind", async () => {
    const home = temporaryDirectory();
    const environment = { CLOUDIMG_DATA: join(home, "data") };
    const output = join(home, "out");
    const { code, stdout, stderr } = await cloudimg(["publish", "--provider", "local", "--output", output], {
      environment,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/SHA-256 +[0-9a-f]{64}/);
    expect(stdout).toContain(join(output, "local.qcow2"));
    for (const phase of ["kernel", "root", "initializer", "ssh", "HTTP"])
      expect(stdout).toMatch(new RegExp(`^ +${phase} +[\\d.]+ m?s`, "m"));
    expect(stdout).toContain("configured from config-drive");
    expect(stdout).toMatch(/passed +http: GET \//);
    expect(stdout).toContain("was stopped and removed");
    expect(readdirSync(output).sort()).toEqual([
      ...["local.cdx.json", "local.manifest.json", "local.qcow2", "local.raw", "local.spdx.json"],
    ]);
    expect(readdirSync(join(home, "data")).sort()).toEqual(["images", "instances"]);
    expect(readdirSync(join(home, "data", "instances"))).toEqual([]);
    expect(await processesWith(home)).toEqual([]);
  });

  test("an interrupted boot is tidied up", async () => {
    const home = temporaryDirectory();
    const output = join(home, "out");
    const child = startCloudimg(["publish", "--output", output, "--json"], {
      environment: { CLOUDIMG_DATA: join(home, "data") },
    });
    const done = finished(child);
    child.stdout?.on("data", (text: string) => {
      if (text.includes('"Wait for the instance to boot"')) child.kill("SIGINT");
    });
    const { code } = await done;
    expect(code).toBe(130);
    expect(readdirSync(join(home, "data", "instances"))).toEqual([]);
    expect(await processesWith(home)).toEqual([]);
  });

  test.each([
    ["packages.unpack", "SIGINT", 130],
    ["rootfs", "SIGTERM", 143],
    ["image", "SIGINT", 130],
    ["import", "SIGTERM", 143],
  ] as const)("a signal during %s leaves no half-written file", async (stepId, signal, expected) => {
    const home = temporaryDirectory();
    const output = join(home, "out");
    const child = startCloudimg(["publish", "--output", output, "--json"], {
      environment: { CLOUDIMG_DATA: join(home, "data") },
    });
    const done = finished(child);
    child.stdout?.on("data", (text: string) => {
      if (text.includes(`"step-start","id":"${stepId}"`)) child.kill(signal);
    });
    const { code } = await done;
    expect(code).toBe(expected);
    for (const directory of [output, join(home, "data", "images"), join(home, "data", "instances")])
      expect(
        namesIn(directory).filter(
          (name) => !/^local\.(raw|qcow2|(cdx|manifest|spdx)\.json)$/.test(name) && !/^[0-9a-f]{16}-/.test(name),
        ),
      ).toEqual([]);
    expect(await processesWith(home)).toEqual([]);
  });
});

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
