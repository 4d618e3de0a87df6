import { expect, test } from "vitest";
import type { CloudFacts, PublishFacts } from "../../src/report/publish-facts.ts";
import { describePublished } from "../../src/report/published.ts";

const cloud: CloudFacts = {
  ...{ title: "Tencent Cloud", region: "ap-guangzhou", run: "r-1", outcome: "done", errors: [] },
  steps: [
    { id: "upload", title: "Upload", status: "done", startMs: 0, durationMs: 1500, note: "the key" },
    { id: "launch", title: "Launch", status: "failed", startMs: 0, durationMs: 20 },
  ],
  images: [{ id: "img-1", region: "ap-guangzhou", name: "web-1", existed: true }],
  instance: {
    ...{ id: "ins-1", address: "203.0.113.9", instanceType: "S5", zone: "z-1", isSpot: true },
    price: { perHour: 0.13, currency: "CNY" },
  },
  hostKeyFingerprint: "SHA256:abc",
  checks: [
    { name: "ssh: true", kind: "ssh", ok: true, durationMs: 100, attempts: 1, detail: "exit code 0" },
    { name: "http: GET /", kind: "http", ok: false, durationMs: 200, attempts: 3, detail: "its status is 500" },
  ],
  ...{ deprecated: ["img-0"], removed: [] },
  ledger: [
    { kind: "image", id: "img-1", region: "ap-guangzhou", state: "kept" },
    { kind: "instance", id: "ins-1", region: "ap-guangzhou", state: "removed" },
  ],
};
const facts: PublishFacts = {
  ...{ profile: "web.yaml", isRehearsal: false, startedAt: "2026-11-21T00:00:00.000Z", durationMs: 1, steps: [] },
  image: { name: "web", path: "out/web.qcow2", format: "qcow2", identity: "5f", diskSizeBytes: 1e8 },
  clouds: [cloud],
};

test("images, price, checks and an empty ledger: the steps were told as they were done", () => {
  expect(describePublished(facts, "out/web.html")).toBe(`Image
  image        web
  file         out/web.qcow2, a disk of 100 MB
  SHA-256      5f (of the raw disk)

Tencent Cloud, ap-guangzhou: published
  image        img-1 in ap-guangzhou  web-1, which was there already
  instance     ins-1 at 203.0.113.9, S5 in z-1, spot, 0.13 CNY an hour
  host key     SHA256:abc
  deprecated   img-0
 Checks
  passed       ssh: true  (100 ms)
  FAILED       http: GET /  (200 ms): its status is 500
 Ledger of the run r-1
  empty        nothing is left; removed: 1; kept: what was published

Report: out/web.html`);
});

test("steps of several clouds, which were told all mixed, are told apart", () => {
  const text = describePublished({ ...facts, clouds: [cloud, { ...cloud, title: "Huawei Cloud" }] }, "x.html");
  expect(text.split(" Ledger of").map((part) => part.includes(" Steps\n"))).toEqual([false, true, true]);
  expect(text).toContain(` Steps
  upload         1.50 s   the key
  launch         20 ms    FAILED
`);
});

test("what is left is named, with its reason and the way to remove it; after a rehearsal nobody has to", () => {
  const left = { kind: "address", id: "eip-1", region: "r", state: "left", fault: "it is busy" } as const;
  const clouds = [{ ...cloud, outcome: "interrupted", ledger: [left] } as const];
  const text = describePublished({ ...facts, clouds }, "x.html");
  expect(text).toContain("LEFT         address eip-1 in r: it is busy");
  expect(text).toContain("remove it    cloudimg clean r-1");
  const played = [{ ...cloud, leftInCloud: [left] }];
  const rehearsed = describePublished({ ...facts, isRehearsal: true, clouds: played }, "x.html");
  expect(rehearsed).toContain("LEFT         address eip-1");
  expect(rehearsed).not.toContain("cloudimg clean");
  const failed = [{ ...cloud, outcome: "failed", leftInCloud: [left] } as const];
  const failedRehearsal = describePublished({ ...facts, isRehearsal: true, clouds: failed }, "x.html");
  expect(failedRehearsal).toContain("would stay   address eip-1");
});

test("what was not begun has no ledger", () => {
  const { instance: _, hostKeyFingerprint: __, ...bare } = cloud;
  const none = { ...bare, run: undefined, region: "", images: [], checks: [], steps: [], deprecated: [], ledger: [] };
  const { image: ___, ...rest } = facts;
  const text = describePublished({ ...rest, clouds: [{ ...none, outcome: "failed" }] }, "x.html");
  expect(text).toBe("Tencent Cloud, no region: FAILED\n\nReport: x.html");
});
