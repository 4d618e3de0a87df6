import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openCloud } from "../../src/commands/cloud-session.ts";
import type { CloudName } from "../../src/providers/cloud.ts";
import { finished, startCloudimg } from "../cli/cloudimg.ts";
import { temporaryDirectory, testContext } from "../machine/support.ts";
import { importableImage } from "../rehearsal/importable-image.ts";
import { cloudNames, imported, launched, removed } from "../rehearsal/rehearsal-fixture.ts";

/** The verb as a process of its own; gives what it says first. */
async function emulating(...args: string[]) {
  const directory = temporaryDirectory();
  const child = startCloudimg(["emulate", ...args], { cwd: directory, environment: { TMPDIR: directory } });
  const end = finished(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await end;
  });
  const first = await Promise.race([
    new Promise<string>((resolve) => child.stdout?.once("data", (text) => resolve(String(text)))),
    end.then(({ stderr }) => stderr),
  ]);
  const interrupt = async () => {
    child.kill("SIGINT");
    return await end;
  };
  return { first, interrupt, directory };
}

/** `export NAME='value'` lines, as a shell reads them. */
function exported(text: string): Record<string, string> {
  return Object.fromEntries([...text.matchAll(/^export (\w+)='([^']*)'$/gm)].map(([, name, value]) => [name, value]));
}

async function session(name: CloudName, environment: Record<string, string>, bucket: string) {
  return await openCloud(name, { bucket }, { environment });
}

test.each(cloudNames)(
  "%s: with what it prints, this tool reaches it",
  async (name) => {
    const { first, interrupt, directory } = await emulating(name, "--no-boot", "--pace", "1000", "--json");
    const { value } = JSON.parse(first.split("\n").find((line) => line.includes('"result"')) ?? first);
    const { environment, bucket, region, ports } = value as {
      environment: Record<string, string>;
      bucket: string;
      region: string;
      ports: Record<string, number>;
    };
    const opened = await session(name, environment, bucket);
    expect(opened).toMatchObject({ region, bucket });
    expect(Object.values(ports).every((port) => port > 0)).toBe(true);
    const context = testContext();
    const used = { ...opened, rehearsal: opened, context, directory: temporaryDirectory(), askEveryMs: 100 };
    const image = await imported(used, await importableImage(used.directory));
    expect(image).toMatchObject({ name: "appliance", state: "available" });
    const { instance, made } = await launched(used, image.id);
    expect(instance.state).toBe("running");
    const [host = ""] = instance.publicAddresses;
    // Nobody is there, and the proxy says so as the internet would.
    await expect(opened.connection.dial({ host, port: 22 }, context.signal)).rejects.toMatchObject({
      code: "ETIMEDOUT",
    });
    await removed(used, made);
    await opened.cloud.images.remove(image, context);
    expect(await opened.cloud.images.find({}, context)).toEqual([]);
    const { code, stdout, stderr } = await interrupt();
    expect({ code, stderr }).toEqual({ code: 130, stderr: "" });
    expect(stdout).toMatch(/ (ImportImage|POST \/v2\/cloudimages\/action) 200/);
    expect(readdirSync(directory)).toEqual([]);
  },
  60_000,
);

test.each(cloudNames)("%s: a region that it does not have is told at once", async (name) => {
  const { first, directory } = await emulating(name, "--no-boot", "--region", "nowhere-1");
  expect(first).toContain('cannot emulate the region "nowhere-1" of ');
  expect(readdirSync(directory)).toEqual([]);
});

test("lines for a shell, on the ports that were asked for", async () => {
  // A port below which three are free, most likely.
  const probe = createServer();
  const port = await new Promise<number>((resolve) =>
    probe.listen(0, "127.0.0.1", () => resolve((probe.address() as { port: number }).port)),
  );
  await new Promise((resolve) => probe.close(resolve));
  const bucket = "images-1250000001";
  const args = ["--port", String(port), "--bucket", bucket, "--region", "ap-shanghai", "--directory", "kept"];
  const { first, interrupt } = await emulating("tencent", "--no-boot", ...args);
  expect(first).toContain(`# bucket: ${bucket}`);
  const environment = exported(first);
  expect(environment).toMatchObject({
    TENCENTCLOUD_REGION: "ap-shanghai",
    CLOUDIMG_RESOLVE: `*.myqcloud.com=http://127.0.0.1:${port + 1} *.tencentcloudapi.com=http://127.0.0.1:${port}`,
    CLOUDIMG_INSTANCE_PROXY: `http://127.0.0.1:${port + 2}`,
  });
  const { cloud } = await session("tencent", environment, bucket);
  // The bucket's account is the emulated one.
  expect((await cloud.check(testContext())).filter(({ severity }) => severity === "error")).toEqual([]);
  const taken = await emulating("tencent", "--no-boot", "--port", String(port));
  expect(taken.first).toMatch(/on port \d+: another program on this host uses it/);
  expect((await taken.interrupt()).code).toBe(4);
  expect((await interrupt()).code).toBe(130);
});

test("a fault that is none is told, with what was probably meant", async () => {
  const { first, interrupt } = await emulating("alibaba", "--fault", "sold-uot", "=503", "RunInstanses=drop");
  expect(first).toContain('cannot make the fault "sold-uot"');
  expect(first).toContain('did you mean "sold-out"?');
  expect(first).toContain('cannot make the fault "=503"');
  expect(first).toContain('did you mean "RunInstances"?');
  expect((await interrupt()).code).toBe(2);
});

test("troubles are there from the beginning", async () => {
  const { first, interrupt } = await emulating("alibaba", "--no-boot", "--fault", "no-role");
  const bucket = /# bucket: ([\w-]+)/.exec(first)?.[1] ?? "";
  const { cloud } = await session("alibaba", exported(first), bucket);
  const problems = await cloud.check(testContext());
  expect(problems.map(({ what }) => what).join()).toContain("NoSetRoletoECSServiceAcount");
  expect((await interrupt()).code).toBe(130);
});
