import { beforeAll, describe, expect, test } from "vitest";
import type { CloudName } from "../../src/providers/cloud.ts";
import type { Trouble } from "../../src/rehearsal/troubles.ts";
import { sshSession } from "../../src/smoke/ssh-session.ts";
import { answeringMachines } from "./answering-machine.ts";
import { importableImage } from "./importable-image.ts";
import {
  cloudNames,
  imported,
  launched,
  open as openRehearsal,
  type Played,
  play,
  removed,
  runKey,
  tidied,
} from "./rehearsal-fixture.ts";

/** Its thousands of files take a second to load, and half a minute on a machine that is busy. */
beforeAll(() => import("@alicloud/ecs20140526"), 180_000);

const troubled = async (name: CloudName, ...troubles: Trouble[]) =>
  await play(name, { troubles, machines: answeringMachines() });
const image = async (played: Played, name?: string) =>
  await imported(played, await importableImage(played.directory), name);
const instance = async (played: Played) => await launched(played, (await image(played)).id);
/** What somebody else has made is none of ours. */
const kindsLeft = ({ rehearsal }: Played) => rehearsal.left().map(({ kind }) => kind);

describe.each(cloudNames)("%s", (name) => {
  test("no-bucket, other-region", async () => {
    // COS does not tell one from the other.
    const elsewhere = name === "tencent" ? "cloud/not-found" : "cloud/store-region";
    await expect(image(await troubled(name, "no-bucket"))).rejects.toMatchObject({ code: "cloud/not-found" });
    await expect(image(await troubled(name, "other-region"))).rejects.toMatchObject({ code: elsewhere });
  });

  test("archive-bucket", async () => {
    const played = await troubled(name, "archive-bucket");
    if (name === "huawei") return await expect(image(played)).rejects.toMatchObject({ message: /IMG\.0069/ });
    const failed = await image(played);
    expect(failed.state).toBe("failed");
    if (name === "alibaba") expect(failed.reason).toContain("InvalidObjectState");
  });

  test("image-quota, name-taken", async () => {
    await expect(image(await troubled(name, "image-quota"))).rejects.toMatchObject({ code: "cloud/quota" });
    const taken = await troubled(name, "name-taken");
    await expect(image(taken)).rejects.toMatchObject({ code: "cloud/name-taken" });
    expect(kindsLeft(taken)).toEqual(["object"]);
    // One name is taken, no more.
    expect(await image(taken, "another-name")).toMatchObject({ state: "available" });
  });

  test("import-fails, for reasons that Tencent keeps to itself", async () => {
    const { state, reason } = await image(await troubled(name, "import-fails"));
    expect(state).toBe("failed");
    expect(reason).toMatch(
      { tencent: /only to the account's owner/, alibaba: /ImportImageFailed|Malformed/, huawei: /IMG\.0057/ }[name],
    );
  });

  test("instance-quota, sold-out, sold-out-first", async () => {
    await expect(instance(await troubled(name, "instance-quota"))).rejects.toMatchObject({ code: "cloud/quota" });
    await expect(instance(await troubled(name, "sold-out"))).rejects.toMatchObject({ code: "cloud/sold-out" });
    const played = await troubled(name, "sold-out-first");
    const { id } = await image(played);
    await expect(launched(played, id)).rejects.toMatchObject({ code: "cloud/sold-out" });
    expect((await launched(played, id)).instance.state).toBe("running");
  });

  test("spot-reclaimed: the first one is taken back while it is tried, the next one stays", async () => {
    const played = await troubled(name, "spot-reclaimed");
    const { cloud, rehearsal, context } = played;
    const { id: imageId } = await image(played);
    const first = await launched(played, imageId);
    const host = first.instance.publicAddresses[0] ?? "";
    await expect(rehearsal.connection.dial({ host, port: 22 }, context.signal)).rejects.toThrow();
    await rehearsal.connection.sleep(60_000, context.signal);
    expect(await cloud.instances.find({ id: first.instance.id }, context)).toEqual([]);
    await removed(played, first.made);
    const second = await launched(played, imageId, "launch-2");
    const next = { host: second.instance.publicAddresses[0] ?? "", port: 22 };
    (await rehearsal.connection.dial(next, context.signal)).destroy();
  });

  test("never-answers: the console tells that it runs", async () => {
    const played = await troubled(name, "never-answers");
    const { cloud, rehearsal, context } = played;
    const { instance: launchedOne } = await instance(played);
    const endpoint = { host: launchedOne.publicAddresses[0] ?? "", port: 22 };
    await expect(rehearsal.connection.dial(endpoint, context.signal)).rejects.toMatchObject({ code: "ETIMEDOUT" });
    const { console } = await cloud.instances.evidence(launchedOne.id, context);
    if (cloud.capabilities.console === "text") expect(console).toContain("Linux version");
  });

  test("other-host-key: whoever knows the instance's key notices", async () => {
    const played = await troubled(name, "other-host-key");
    const { rehearsal, context } = played;
    const { instance: launchedOne } = await instance(played);
    const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4";
    const session = sshSession({
      ...{ host: launchedOne.publicAddresses[0] ?? "", port: 22, user: "root", privateKey: runKey.private },
      ...{ hostKeys: () => [hostKey], dial: rehearsal.connection.dial },
    });
    await expect(session.run("true", context.signal)).rejects.toMatchObject({ code: "check/host-key" });
  });

  test("slow-cleanup: all can be removed in the end", async () => {
    const played = await troubled(name, "slow-cleanup");
    const made = await instance(played);
    const before = played.rehearsal.clock.now();
    await tidied(played, undefined, made.made);
    expect(played.rehearsal.clock.now() - before).toBeGreaterThan(45_000);
    expect(kindsLeft(played).filter((kind) => kind === "instance" || kind === "security-group")).toEqual([]);
  });

  test("wrong-key, expired-token, clock-skew", async () => {
    for (const trouble of ["wrong-key", "expired-token"] as const) {
      const played = await troubled(name, trouble);
      await expect(image(played)).rejects.toMatchObject({ code: "cloud/credentials" });
      const errors = (await played.cloud.check(played.context)).filter(({ severity }) => severity === "error");
      expect(errors.length).toBeGreaterThan(0);
      const { secretAccessKey } = played.rehearsal.credentials;
      expect(JSON.stringify(played.rehearsal.credentials)).not.toContain(secretAccessKey);
    }
    const played = await troubled(name, "clock-skew");
    await expect(image(played)).rejects.toMatchObject({ code: "cloud/clock" });
  });
});

test("no-role: Alibaba's imports, Huawei's copies", async () => {
  const alibaba = await troubled("alibaba", "no-role");
  await expect(image(alibaba)).rejects.toMatchObject({ code: "cloud/denied" });
  const huawei = await troubled("huawei", "no-role");
  const there = await image(huawei);
  const copy = huawei.cloud.images.copy(
    there,
    "cn-east-3",
    { name: "c", tags: {} as never, token: "c" },
    huawei.context,
  );
  await expect(copy).rejects.toThrow();
});

test.each([
  ["ap-beijing", "available"],
  ["ap-singapore", "failed"],
] as const)("Tencent imports from a bucket in Shanghai to %s: %s", async (region, state) => {
  const played = await play("tencent", { region, troubles: ["other-region"] });
  const { store } = await openRehearsal({ ...played.rehearsal, region: "ap-shanghai" });
  const used = { ...played, store };
  expect(await imported(used, await importableImage(played.directory))).toMatchObject({ state });
});
