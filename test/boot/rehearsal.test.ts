import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PublishFacts } from "../../src/report/publish-facts.ts";
import { cloudimg, type Finished, finished, startCloudimg } from "../cli/cloudimg.ts";
import { processesWith } from "../processes.ts";

// The whole way as a user goes it, against emulated clouds that boot what was imported: no account, no money, no network.

const titles = { tencent: "Tencent Cloud", alibaba: "Alibaba Cloud", huawei: "Huawei Cloud" } as const;
const sources = { tencent: "config-drive", alibaba: "alibaba", huawei: "openstack" } as const;
const names = ["tencent", "alibaba", "huawei"] as const;

let home = "";
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "cloudimg-rehearsals-"));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Nothing of whoever runs the test may be needed, or used. */
const environment = () => ({
  ...{ CLOUDIMG_DATA: join(home, "data"), TMPDIR: home, TENCENTCLOUD_REGION: undefined },
  ...{ ALIBABA_CLOUD_REGION: undefined, HUAWEICLOUD_SDK_REGION: undefined, CLOUDIMG_INSTANCE_PROXY: undefined },
});

async function rehearse(args: readonly string[]): Promise<Finished> {
  return await cloudimg(["publish", ...args, "--rehearse", "--output", join(home, "out")], {
    environment: environment(),
  });
}

function resultOf({ stdout }: Finished): PublishFacts {
  const lines = stdout.trim().split("\n");
  return JSON.parse(lines.findLast((line) => line.includes('"type":"result"')) ?? "{}").value;
}

describe("cloudimg publish --rehearse", { timeout: 400_000 }, () => {
  test.each(names)("--provider %s: built, imported, booted, checked, told, cleaned up", async (name) => {
    const report = join(home, `${name}.html`);
    const outcome = await rehearse(["--provider", name, "--report", report, "--json"]);
    expect(outcome.code, outcome.stdout.slice(-3000)).toBe(0);
    const facts = resultOf(outcome);
    const [cloud] = facts.clouds;
    expect(facts.isRehearsal).toBe(true);
    expect(cloud).toMatchObject({ title: titles[name], outcome: "done", errors: [], leftInCloud: [] });
    expect(cloud?.checks.every(({ ok }) => ok)).toBe(true);
    expect(cloud?.checks.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["ssh", "http"]));
    expect(cloud?.ledger.filter(({ state }) => state === "left")).toEqual([]);
    expect(cloud?.console).toMatch(/Linux version|cloudimg-initrd: root/);
    expect(cloud?.console).toContain(`source=${sources[name]}`);
    const boot = cloud?.steps.find(({ id }) => id === "boot");
    console.log(
      `${name}: ${Math.round(facts.durationMs)} ms, of which the boot ${Math.round(boot?.durationMs ?? 0)} ms`,
    );

    const page = readFileSync(report, "utf8");
    const [image] = cloud?.images ?? [];
    for (const text of [image?.id, image?.name, cloud?.instance?.id, cloud?.hostKeyFingerprint, "ssh: nginx -t"])
      expect(page).toContain(text);
    for (const text of [
      "http: GET /",
      "status 200",
      "cloudimg-init",
      "Nothing is left",
      "The cloud itself says the same",
    ])
      expect(page).toContain(text);
    expect(page).not.toContain("PRIVATE KEY");
    await expectNothingLeft();
  });

  test("one profile to all three, built once", async () => {
    const outcome = await rehearse(["all-clouds"]);
    expect(outcome.code, outcome.stderr).toBe(0);
    for (const name of names) {
      expect(outcome.stdout).toMatch(new RegExp(`^${titles[name]}, [a-z0-9-]+: published$`, "m"));
      expect(outcome.stderr).toContain(`✓ ${name}.smoke`);
    }
    expect(outcome.stdout.match(/nothing is left/g)).toHaveLength(3);
    expect(outcome.stderr.match(/^. image /gm)).toHaveLength(1);
    expect(readdirSync(join(home, "out"))).toContain("all-clouds-publish.html");
    await expectNothingLeft();
  });

  test("a Ctrl-C while it boots ends everything", async () => {
    const args = ["publish", "-p", "alibaba", "--rehearse", "--output", join(home, "out"), "--json"];
    const child = startCloudimg(args, { environment: environment() });
    const done = finished(child);
    // Once: the result tells of the step again, when a further signal would meet a process that is about to end.
    let isSent = false;
    child.stdout?.on("data", (text: string) => {
      if (!isSent && text.includes('"Wait for the instance to answer"')) isSent = child.kill("SIGINT");
    });
    const { code, stdout } = await done;
    expect(code).toBe(130);
    expect(stdout).toContain('"outcome":"interrupted"');
    await expectNothingLeft();
  });
});

/** No process, and no file but the image and its report. */
async function expectNothingLeft(): Promise<void> {
  expect(await processesWith(home)).toEqual([]);
  const others = readdirSync(home).filter((name) => name !== "out" && name !== "data" && !name.endsWith(".html"));
  expect(others).toEqual([]);
  expect(readdirSync(join(home, "out")).filter((name) => !/^(local|all-clouds)[.-]/.test(name))).toEqual([]);
}
