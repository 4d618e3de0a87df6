import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as sdk from "@alicloud/ecs20140526";
import { $OpenApiUtil } from "@alicloud/openapi-core";
import { expect, onTestFinished, test } from "vitest";
import { loadClient } from "../../../src/providers/alibaba/client.ts";
import { EcsError, explain } from "../../../src/providers/alibaba/vendor-error.ts";
import { httpAgent } from "../../../src/providers/direct-connection.ts";
import { startHttpServer, type WireRequest } from "../../../src/rehearsal/http-server.ts";
import { verifyAcs3 } from "../../../src/rehearsal/signatures/acs3.ts";
import { makeNonceMemory } from "../../../src/rehearsal/signatures/alibaba.ts";
import { account, region } from "./world.ts";

async function listen() {
  const requests: WireRequest[] = [];
  const server = await startHttpServer(
    async (request) => {
      requests.push(request);
      return { status: 200, headers: { "content-type": "application/json" }, body: '{"RequestId":"1"}' };
    },
    {},
    new AbortController().signal,
  );
  onTestFinished(() => server.close());
  return { requests, port: server.port };
}

const { accessKeyId, secret } = account.key;
const parts = {
  regionId: region,
  // All that the canonical form of a query has to escape, or must not.
  imageName: "a b+c*d~e!f'(g)/h%i&j=ü好",
  tag: [{ key: "cloudimg:run", value: "x y" }, { key: "empty" }],
};

test("what our transport carries is what the SDK's own would carry, and both are rightly signed", async () => {
  const { requests, port } = await listen();
  const Ecs = (sdk.default.default ?? sdk.default) as (typeof sdk.default)["default"];
  const theirs = new Ecs(
    new $OpenApiUtil.Config({
      accessKeyId,
      accessKeySecret: secret,
      regionId: region,
      protocol: "HTTP",
      endpoint: `127.0.0.1:${port}`,
    }),
  );
  await theirs.describeImages(new sdk.DescribeImagesRequest(parts));
  const agent = httpAgent({ resolve: () => ({ protocol: "http:", address: "127.0.0.1", port }) });
  const credentials = { accessKeyId, secretAccessKey: secret, origin: "a test" };
  const signal = new AbortController().signal;
  const { client: ours } = await loadClient({ region, credentials, agent, now: () => Date.now(), signal });
  await ours.describeImages(new sdk.DescribeImagesRequest(parts));

  const [their, our] = requests as [WireRequest, WireRequest];
  expect([our.method, our.path, our.query, our.body]).toEqual([their.method, their.path, their.query, their.body]);
  expect(our.host).toBe("ecs-cn-hangzhou.aliyuncs.com");
  const names = ({ headers }: WireRequest) =>
    headers
      .map(([name]) => name.toLowerCase())
      .filter((name) => name.startsWith("x-acs-"))
      .sort();
  expect(names(our)).toEqual(names(their).filter((name) => name !== "x-acs-credentials-provider"));
  const judge = { keyOf: (id: string) => (id === accessKeyId ? { secret } : undefined), times: [Date.now()] };
  const nonces = makeNonceMemory();
  for (const request of requests) expect(verifyAcs3(request, judge, nonces)).toEqual({ ok: true, accessKeyId });
});

test("the SDK is found by Node itself as it is by the tests", { timeout: 180_000 }, () => {
  const client = fileURLToPath(new URL("../../../src/providers/alibaba/client.ts", import.meta.url));
  const program = `const { loadClient } = await import(${JSON.stringify(client)});
    const { client, sdk } = await loadClient({ region: "cn-beijing", credentials: {}, signal: new AbortController().signal });
    console.log(client._endpoint, typeof sdk.ImportImageRequest, typeof client.importImage);`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
  });
  expect(stdout.trim(), stderr).toBe("ecs.cn-beijing.aliyuncs.com function function");
});

test.each([
  ["Forbbiden", "cloud/denied"],
  ["Forbidden.RAM", "cloud/denied"],
  ["OperationDenied.DiskTypeNotSupport", "cloud/sold-out"],
  ["InvalidPayMethod", "cloud/quota"],
])("%s, as the vendor spells it, is %s", (vendorCode, code) => {
  expect(explain("do it", new EcsError({ code: vendorCode, status: 403, message: "no" })).code).toBe(code);
});
