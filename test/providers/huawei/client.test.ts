import { afterEach, expect, test } from "vitest";
import type { CloudimgError } from "../../../src/core/errors.ts";
import { storeDialects } from "../../../src/providers/dialects.ts";
import { type HuaweiClient, LostAnswerError, makeClient } from "../../../src/providers/huawei/client.ts";
import { hostOf } from "../../../src/providers/huawei/operations.ts";
import { HuaweiError } from "../../../src/providers/huawei/vendor-error.ts";
import { headerOf, type WireAnswer, type WireRequest } from "../../../src/rehearsal/http-server.ts";
import { credentials, region, serve, testContext } from "./huawei-run.ts";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

type Answer = WireAnswer | "drop";

/** A service that answers with one after the other, the last for ever; the project is told by the way. */
async function script(...answers: Answer[]) {
  const seen: WireRequest[] = [];
  const { connection, clock, close } = await serve(async (request) => {
    if (request.path === "/v3/projects")
      return { status: 200, body: JSON.stringify({ projects: [{ id: "0a1b", name: region }] }) };
    seen.push(request);
    return (answers.length > 1 ? answers.shift() : answers[0]) as Answer;
  });
  closers.push(close);
  return { client: makeClient({ credentials, connection, region }), seen, clock };
}

const ok: WireAnswer = { status: 200, body: '{"job_id":"1"}' };
const importImage = (client: HuaweiClient) =>
  client.call("ims.CreateImage", { what: "import the image", body: { name: "x" } }, testContext());
const launch = (client: HuaweiClient) =>
  client.call("ecs.CreatePostPaidServers", { what: "launch", body: { server: {} }, token: "t" }, testContext());

test("requests name host, project, type and date, all signed", async () => {
  const { client, seen } = await script(ok);
  expect(await launch(client)).toEqual({ job_id: "1" });
  const [request] = seen as [WireRequest];
  expect(request).toMatchObject({
    method: "POST",
    path: "/v1/0a1b/cloudservers",
    query: "",
    host: "ecs.cn-north-4.myhuaweicloud.com",
  });
  expect(request.body.toString()).toBe('{"server":{}}');
  expect(headerOf(request, "x-project-id")).toBe("0a1b");
  expect(headerOf(request, "authorization")).toMatch(
    /^SDK-HMAC-SHA256 Access=HPUAEXAMPLEEXAMPLE00, SignedHeaders=content-type;host;x-client-token;x-project-id;x-sdk-date, Signature=[0-9a-f]{64}$/,
  );
});

test.each([
  ["a service", { error: { code: "IMG.0009", message: "The name is taken." } }, "IMG.0009", "cloud/name-taken"],
  [
    "the gateway",
    { error_code: "APIGW.0301", error_msg: "verify aksk signature fail" },
    "APIGW.0301",
    "cloud/credentials",
  ],
  [
    "the gateway, of the time",
    { error_code: "APIGW.0301", error_msg: "Signature expired" },
    "APIGW.0301",
    "cloud/clock",
  ],
  ["VPC", { code: "VPC.0204", message: "not good" }, "VPC.0204", "cloud/refused"],
  ["OpenStack's parts", { badRequest: { message: "no good", code: 400 } }, "HTTP 400", "cloud/refused"],
  ["IAM", { error: { code: 401, message: "no", title: "Unauthorized" } }, "HTTP 400", "cloud/refused"],
  [
    "ECS, of an image that has just become active",
    { error: { code: "Ecs.0032", message: "no" } },
    "Ecs.0032",
    "cloud/busy",
  ],
  ["ECS, of a full subnet", { error: { code: "Ecs.0012", message: "no" } }, "Ecs.0012", "cloud/quota"],
  ["ECS, its stock", { error: { code: "Ecs.0319", message: "sold out" } }, "Ecs.0319", "cloud/sold-out"],
])("an error of %s keeps its code, message and request id", async (_, body, vendorCode, code) => {
  const answer = { status: 400, headers: { "x-request-id": "r-1" }, body: JSON.stringify(body) };
  const { client, seen } = await script(answer);
  const error = await importImage(client).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(HuaweiError);
  expect(error).toMatchObject({ code, vendorCode, status: 400 });
  expect((error as HuaweiError).message).toMatch(/^cannot import the image: Huawei Cloud says .+ \(.+, request r-1\)$/);
  expect(seen).toHaveLength(1);
});

test.each<[string, Answer]>([
  ["429", { status: 429, body: '{"error_code":"APIGW.0308","error_msg":"too many"}' }],
  ["IMG.0060", { status: 400, body: '{"error":{"code":"IMG.0060","message":"too many jobs"}}' }],
])("%s: whatever is asked is asked again, later each time", async (_, refusal) => {
  const { client, seen, clock } = await script(refusal, refusal, ok);
  const startMs = clock.now();
  await importImage(client);
  expect(seen).toHaveLength(3);
  expect(clock.now() - startMs).toBeGreaterThan(2_300);
});

test("a wait that the service asks for is kept", async () => {
  const { client, clock } = await script({ status: 429, headers: { "retry-after": "20" }, body: "" }, ok);
  const startMs = clock.now();
  await importImage(client);
  expect(clock.now() - startMs).toBeGreaterThanOrEqual(20_000);
});

test.each<[string, Answer]>([
  ["5xx", { status: 502, body: "<html>Bad gateway</html>" }],
  ["a cut connection", "drop"],
  ["half an answer", { status: 200, body: '{"job_' }],
])("%s: what is done once however often it is sent is sent again; what is not, is not", async (_, fault) => {
  const repeatable = await script(fault, fault, ok);
  await launch(repeatable.client);
  expect(repeatable.seen).toHaveLength(3);
  const single = await script(fault, ok);
  await expect(importImage(single.client)).rejects.toBeInstanceOf(LostAnswerError);
  expect(single.seen).toHaveLength(1);
});

test("it gives up in the end, and says what the last answer was", async () => {
  const { client, seen } = await script({ status: 503, body: "" });
  const error = await launch(client).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "cloud/unreachable", exitCode: 7 });
  expect((error as CloudimgError).message).toContain("HTTP 503");
  expect(seen).toHaveLength(7);
});

test("nothing is sent when the work is called off", async () => {
  const { client, seen } = await script(ok);
  const signal = AbortSignal.abort(new Error("Ctrl-C"));
  const call = client.call("vpc.ListVpcs", { what: "list" }, { ...testContext(), signal });
  await expect(call).rejects.toThrow("Ctrl-C");
  expect(seen).toHaveLength(0);
});

test("an empty parameter never makes another operation of one", async () => {
  const { client, seen } = await script(ok);
  for (const image_id of ["", "..", "a/b", "a?b"]) {
    const call = client.call("ims.GlanceDeleteImage", { what: "remove", path: { image_id } }, testContext());
    await expect(call).rejects.toThrow(TypeError);
  }
  expect(seen).toHaveLength(0);
});

test("the regions of Europe have hosts of their own", () => {
  expect(hostOf("ecs.ShowServer", "eu-west-101")).toBe("ecs.eu-west-101.myhuaweicloud.eu");
  expect(hostOf("ecs.ShowServer", "cn-north-4")).toBe("ecs.cn-north-4.myhuaweicloud.com");
  expect(storeDialects.huawei.endpoint("eu-west-101")).toBe("obs.eu-west-101.myhuaweicloud.eu");
});
