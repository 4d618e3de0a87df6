import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type MetadataCloud,
  metadataResponder,
  type Responder,
} from "../../../src/guest-config/formats/metadata-tree.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { fakeNetwork } from "../fake-network.ts";
import { twoNics } from "../instance-configs.ts";
import { memoryHost } from "./memory-host.ts";

const fuzzRuns = Number(process.env["CLOUDIMG_FUZZ_RUNS"] ?? 200);

const clouds: readonly (readonly [MetadataCloud, string, string])[] = [
  ["tencent", "tencent", "http://169.254.0.23"],
  ["alibaba", "alibaba", "http://100.100.100.200"],
  ["huawei", "openstack", "http://169.254.169.254"],
  ["ec2", "ec2", "http://169.254.169.254"],
  ["nocloud", "nocloud-net", "http://10.0.2.2:8000"],
];
const machine = memoryHost({
  "sys/class/dmi/id/product_serial": "ds=nocloud;s=http://10.0.2.2:8000/",
  "sys/class/net/eth0/address": "52:54:00:00:00:01\n",
  "sys/class/net/eth0/type": "1\n",
  "sys/class/net/eth0/flags": "0x1003\n",
});

const words = [
  "null",
  "[]",
  "{}",
  "7",
  '""',
  "true",
  "-1e400",
  "\0",
  "\u2028",
  "/",
  "a/\n",
  "../\n",
  "__proto__/\n",
  "0=x\n",
  '"__proto__":',
];
const change = fc.record({
  /** Of the answers in their order. */
  answer: fc.nat(12),
  at: fc.nat(4000),
  removed: fc.nat(30),
  inserted: fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 8 })),
  status: fc.option(fc.constantFrom(200, 204, 301, 400, 401, 403, 404, 418, 429, 500, 503), {
    nil: undefined,
    freq: 3,
  }),
});

/** The service, with some of its answers damaged. */
function damaged(
  service: Responder,
  changes: readonly { answer: number; at: number; removed: number; inserted: string; status: number | undefined }[],
): Responder {
  let count = 0;
  return (...request) => {
    const answer = service(...request);
    const mine = changes.filter((one) => one.answer === count);
    count++;
    let { status, body } = answer;
    for (const { at, removed, inserted, status: other } of mine) {
      const start = at % (body.length + 1);
      body = body.slice(0, start) + inserted + body.slice(start + removed);
      status = other ?? status;
    }
    return { ...answer, status, body };
  };
}

test.each(clouds)("%s: whatever the service says ends in a result, in time", (cloud, name, origin) => {
  const source = networkSources.find((other) => other.name === name);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      const service = damaged(metadataResponder(cloud, twoNics, { addresses: [{ address: "10.0.2.15/24" }] }), changes);
      const network = fakeNetwork(machine, { [origin]: service });
      const found = source?.find(network.host, readSigns(network.host), network.tell);
      expect(network.elapsedMs()).toBeLessThanOrEqual(20_000);
      expect(network.asked.length).toBeLessThan(400);
      expect(found === undefined || Array.isArray(found.problems)).toBe(true);
      if (found?.instanceId === undefined && found !== undefined) expect(found.problems).not.toEqual([]);
    }),
    { numRuns: fuzzRuns },
  );
});

test("directories that lead into themselves end", () => {
  for (const [, name, origin] of clouds) {
    const endless: Responder = (_, path) => ({
      status: 200,
      headers: {},
      body: path.endsWith("/") ? "a/\nb/\nmacs/\n0=x\npublic-keys/\n" : "x/",
    });
    const network = fakeNetwork(machine, { [origin]: endless });
    networkSources.find((other) => other.name === name)?.find(network.host, readSigns(network.host));
    expect(network.asked.length).toBeLessThan(500);
    expect(network.elapsedMs()).toBeLessThanOrEqual(20_000);
  }
});
