import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { finished, startCloudimg, temporaryDirectory } from "../cli/cloudimg.ts";
import { processesWith } from "../processes.ts";

const start = "extends: cloudimg:base\nimage:\n  name: probe\n";

/** Publishes a profile of its own; `onBoot` is called when the machine has been started. */
async function publish(rest: string, onBoot: (data: string) => void = () => {}) {
  const home = temporaryDirectory();
  const data = join(home, "data");
  const profile = join(home, "probe.yaml");
  writeFileSync(profile, start + rest);
  const child = startCloudimg(["publish", profile, "--output", join(home, "out"), "--json"], {
    environment: { CLOUDIMG_DATA: data },
  });
  const done = finished(child);
  child.stdout?.on("data", (text: string) => {
    if (text.includes('"Wait for the instance to boot"')) onBoot(data);
  });
  const { code, stdout } = await done;
  const error = stdout.split("\n").find((line) => line.startsWith('{"type":"error"'));
  const { problems } = JSON.parse(error ?? '{"problems":[{}]}');
  expect(readdirSync(join(data, "instances"))).toEqual([]);
  expect(await processesWith(home)).toEqual([]);
  return { code, problem: problems[0] as { code: string; message: string; hint: string } };
}

describe("a boot that goes wrong", { timeout: 180_000 }, () => {
  test("a guest that is not ready in time: the last console lines are shown", async () => {
    const { code, problem } = await publish(
      "kernel:\n  cmdline: [loglevel=7]\nprovider:\n  local:\n    bootTimeout: 6s\n",
    );
    expect(code).toBe(7);
    expect(problem.code).toBe("cloud/boot-timeout");
    expect(problem.message).toContain("within 6.00 s");
    expect(problem.hint).toMatch(/the console/);
  });

  test("a guest whose init does not exist panics, and that is said", async () => {
    const { code, problem } = await publish("kernel:\n  cmdline: [init=/no/such/program]\n");
    expect(code).toBe(7);
    expect(problem.code).toBe("cloud/instance-died");
    expect(problem.hint).toContain("/no/such/program");
  });

  test("QEMU killed from outside", async () => {
    const { code, problem } = await publish("", (data) => {
      const [instance] = readdirSync(join(data, "instances"));
      const record = JSON.parse(readFileSync(join(data, "instances", instance as string, "instance.json"), "utf8"));
      process.kill(record.machine.pid, "SIGKILL");
    });
    expect(code).toBe(7);
    expect(problem.code).toBe("cloud/instance-died");
    expect(problem.message).toContain("QEMU ended");
  });

  test("a check that does not pass: which, why, the console's last lines, exit code 8", async () => {
    const checks =
      "smoke:\n  timeout: 3s\n  ssh:\n    - run: cat /etc/no-such-file\n  http:\n    - path: /\n      body: nobody wrote this\n";
    const { code, problem } = await publish(checks);
    expect(code).toBe(8);
    expect(problem.code).toBe("check/failed");
    expect(problem.message).toContain("cat /etc/no-such-file");
  });
});
