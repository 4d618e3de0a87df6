import { afterEach, expect, test } from "vitest";
import { methodAndPath, type OperationName, operations } from "../../src/providers/huawei/operations.ts";
import type { ServedCall } from "../../src/rehearsal/huawei/emulator.ts";
import {
  importRequest,
  instanceRequest,
  type Run,
  type RunOptions,
  rehearse,
  settle,
  tags,
} from "../providers/huawei/huawei-run.ts";
import { checkRequest, checkResponse, contractSuite, huaweiContract } from "./contracts.ts";

const runs: Run[] = [];
afterEach(async () => {
  for (const { close, clock } of runs.splice(0)) {
    await close();
    clock.close();
  }
});

async function begin(options?: RunOptions): Promise<Run> {
  const run = await rehearse(options);
  runs.push(run);
  return run;
}

/** Newer than the contract, or of a service that it leaves out. */
const newer = new Set<OperationName>(["ecs.ShowServerConsoleOutput", "bss.ListOnDemandResourceRatings"]);

/** Both directions of each call. */
function problemsOf(served: readonly ServedCall[]): string[] {
  return served.flatMap(({ operation, request, status, body }) => {
    if (operation === undefined) return [`${request.method} ${request.host}${request.path}: no operation`];
    if (newer.has(operation)) return [];
    const text = request.body.toString();
    const sent = {
      method: request.method,
      path: decodeURIComponent(request.path),
      query: Object.fromEntries(new URLSearchParams(request.query)),
      headers: Object.fromEntries(request.headers),
      body: text === "" ? undefined : JSON.parse(text),
    };
    const of = (problems: readonly string[], what: string) =>
      problems.map((problem) => `${operation} ${what}: ${problem}`);
    const answered = status === 0 ? [] : checkResponse("huawei", operation, comparable(body));
    return [...of(checkRequest("huawei", operation, sent), "request"), ...of(answered, `answer ${status}`)];
  });
}

/** Errors of OpenStack's parts have no code to compare. */
function comparable(body: unknown): unknown {
  const isPart = /^\{"(NeutronError|itemNotFound|conflictingRequest|badRequest)"/.test(JSON.stringify(body) ?? "");
  return isPart ? { error: { code: "APIGW." } } : body;
}

contractSuite("Huawei Cloud's contract", () => {
  test.each(Object.keys(operations) as OperationName[])("%s is an operation of that method and path", (name) => {
    if (newer.has(name)) return;
    const [service = "", operation = ""] = name.split(".");
    const known = huaweiContract().services[service]?.ops[operation];
    expect(operations[name]).toBe(`${known?.method} ${known?.path}`);
    expect(methodAndPath(name, new Proxy({}, { get: () => "x" })).method).toBe(known?.method);
  });

  test("a whole run, all of its requests and answers", async () => {
    const run = await begin({ agency: "a", agencies: ["a"], hasDefaultVpc: false });
    const { cloud, context } = run;
    expect(await cloud.check(context)).toEqual([]);
    const image = await settle(run, await cloud.images.import(importRequest, context));
    await settle(run, await cloud.images.copy(image, "cn-east-3", { name: "copy", tags, token: "c" }, context));
    await settle(run, await cloud.images.copy(image, image.region, { name: "copy", tags, token: "c" }, context));
    await cloud.images.change(image, { family: "web", isDeprecated: false, shareWith: ["p"] }, context);
    const request = instanceRequest(run, image.id);
    const [offer] = await cloud.instances.offers(request, context);
    const made = async () => {};
    const { id } = await cloud.instances.launch(request, offer ?? expect.fail(), made, context);
    await cloud.instances.launch(
      { ...request, isSpot: true, token: "spot" },
      { ...(offer ?? expect.fail()), instanceType: "c7.large.2", isSpot: true },
      made,
      context,
    );
    await cloud.instances.evidence(id, context);
    await cloud.instances.find({ tags }, context);
    for (const resource of await cloud.instances.resources({}, context))
      await cloud.instances.remove(resource, context);
    await expect(cloud.images.remove(image, context, { isUnused: true })).rejects.toMatchObject({
      code: "cloud/image-in-use",
    });
    await cloud.images.remove(image, context);
    expect(problemsOf(run.served)).toEqual([]);
    const used = new Set(run.served.map(({ operation }) => operation));
    const never = (Object.keys(operations) as OperationName[]).filter((name) => !used.has(name) && !newer.has(name));
    expect(never).toEqual(["eip.DeletePublicip"]);
  });

  test("refusals, of requests and of jobs", async () => {
    const examine = async () => ({ format: "iso", virtualSizeBytes: 1, fileSizeBytes: 1 });
    const run = await begin({ examine, leastMinDisk: 40, console: "none" });
    const { cloud, context } = run;
    expect((await settle(run, await cloud.images.import(importRequest, context))).state).toBe("failed");
    const missing = { ...importRequest, object: { ...importRequest.object, key: "missing" } };
    await expect(cloud.images.import(missing, context)).rejects.toThrow();
    await expect(cloud.instances.evidence("nobody", context)).resolves.toEqual({ console: undefined });
    await cloud.instances.remove({ kind: "security-group", id: "x", region: "cn-north-4" }, context);
    expect(problemsOf(run.served)).toEqual([]);
  });
});
