import { describe, expect, test } from "vitest";
import { makeApi } from "../../src/providers/tencent/api.ts";
import { vendorCodeOf } from "../../src/providers/tencent/vendor-error.ts";
import { credentialsOf } from "../../src/rehearsal/accounts.ts";
import { reclaimInstance } from "../../src/rehearsal/tencent/instance-life.ts";
import type { InstanceRecord } from "../../src/rehearsal/tencent/records.ts";
import { tencentServices } from "../../src/rehearsal/tencent/service.ts";
import { ledgerOf } from "../../src/rehearsal/tencent/world.ts";
import { contractSuite, tencentContract } from "./contracts.ts";
import { importedImage, launched, type Rehearsal, rehearse, rsaLine } from "./tencent-fixture.ts";

/** The vendor's SDK as another program would use it, by what it is answered. */
function sdk({ account, connection, context }: Rehearsal, key = account.key, region = "ap-guangzhou") {
  const api = makeApi(credentialsOf(account, region, key), connection, region);
  const what = "try";
  return { api, options: { what, context }, codeOf: (call: Promise<unknown>) => call.then(() => "", vendorCodeOf) };
}

describe("who asks", () => {
  test("a wrong secret, an unknown id, a missing token, a skewed clock are refused", async () => {
    const rehearsal = await rehearse();
    const { account, keys, clock } = rehearsal;
    const ask = (key: typeof account.key) => {
      const { api, options, codeOf } = sdk(rehearsal, key);
      return codeOf(api("sts", "GetCallerIdentity", null, options));
    };
    expect(await ask(account.key)).toBe("");
    expect(await ask({ ...account.key, secret: "wrong" })).toBe("AuthFailure.SignatureFailure");
    expect(await ask({ ...account.key, accessKeyId: "AKIDunknown" })).toBe("AuthFailure.SecretIdNotFound");
    keys.add({ ...account.key, sessionToken: "token" });
    expect(await ask(account.key)).toBe("AuthFailure.TokenFailure");
    expect(await ask({ ...account.key, sessionToken: "token" })).toBe("");
    clock.setSkew(6 * 60_000);
    expect(await ask({ ...account.key, sessionToken: "token" })).toBe("AuthFailure.SignatureExpire");
  });
});

describe("what is asked", () => {
  test("unknown and missing parameters, wrong types, wrong filters", async () => {
    const rehearsal = await rehearse();
    await importedImage(rehearsal);
    const { api, options, codeOf } = sdk(rehearsal);
    // The SDK sends whatever it is given.
    const describeImages = (request: object) => codeOf(api("cvm", "DescribeImages", request as never, options));
    expect(await describeImages({ Imageids: [] })).toBe("UnknownParameter");
    expect(await describeImages({ ImageIds: "img-00000000" })).toBe("InvalidParameter");
    expect(await describeImages({ ImageIds: ["image"] })).toBe("InvalidImageId.Malformed");
    expect(await describeImages({ Limit: 101 })).toBe("InvalidParameterValue.LimitExceeded");
    expect(await describeImages({ Filters: [{ Name: "colour", Values: ["red"] }] })).toBe("InvalidFilter");
    expect(await codeOf(api("cvm", "DeleteImages", {} as never, options))).toBe("MissingParameter");
    expect(await codeOf(api("cvm", "StartInstances", { InstanceIds: [] }, options))).toBe("InvalidAction");
  });

  test("a region that there is not", async () => {
    const { api, options, codeOf } = sdk(await rehearse(), undefined, "eu-atlantis");
    expect(await codeOf(api("cvm", "DescribeImages", {}, options))).toBe("UnsupportedRegion");
  });

  test("keys other than RSA ones", async () => {
    const { api, options, codeOf } = sdk(await rehearse());
    const importKey = (KeyName: string, PublicKey: string) =>
      codeOf(api("cvm", "ImportKeyPair", { KeyName, ProjectId: 0, PublicKey }, options));
    expect(await importKey("one", "ssh-ed25519 AAAA")).toBe("InvalidPublicKey.Malformed");
    expect(await importKey("one-two", rsaLine)).toBe("InvalidKeyPairNameIncludeIllegalChar");
    expect(await importKey("one", rsaLine)).toBe("");
    expect(await importKey("one", rsaLine)).toBe("InvalidKeyPairName.Duplicate");
    expect(await importKey("two", rsaLine)).toBe("InvalidPublicKey.Duplicate");
  });

  test("launches: the same token, too low a bid, ways to log in that exclude one another, a switch too soon", async () => {
    const rehearsal = await rehearse();
    await launched(rehearsal);
    const { api, options, codeOf } = sdk(rehearsal);
    const body = rehearsal.asked("RunInstances")[0]?.request ?? {};
    const run = (more: object) => codeOf(api("cvm", "RunInstances", { ...body, ...more } as never, options));
    expect(await run({})).toBe("");
    expect(rehearsal.world.instances).toHaveLength(1);
    expect(await run({ InstanceName: "another" })).toBe("InvalidParameterCombination");
    const ClientToken = "other";
    const bid = { MarketType: "spot", SpotOptions: { MaxPrice: "0.0001", SpotInstanceType: "one-time" } };
    expect(await run({ ClientToken, InstanceChargeType: "SPOTPAID", InstanceMarketOptions: bid })).toBe(
      "InvalidParameterValue.InsufficientPrice",
    );
    const keys = { KeyIds: [rehearsal.world.keyPairs[0]?.id ?? ""], KeepImageLogin: "TRUE" };
    expect(await run({ ClientToken, LoginSettings: keys })).toBe("InvalidParameter.ParameterConflict");
    const soon = new Date(rehearsal.clock.now() + 60_000).toISOString();
    const timer = { TimerAction: "TerminateInstances", ActionTime: `${soon.slice(0, 19)}Z` };
    expect(await run({ ClientToken, ActionTimer: timer })).toBe("InvalidParameterValue");
    expect(await run({ ClientToken, DryRun: true })).toBe("");
    expect(rehearsal.world.instances).toHaveLength(1);
  });
});

test("an instance may really run: it is started with its record, and ended once", async () => {
  const started: InstanceRecord[] = [];
  const ended: string[] = [];
  const instanceFactory = async (record: InstanceRecord) => {
    started.push(record);
    return { end: async () => void ended.push(record.id) };
  };
  const rehearsal = await rehearse({ instanceFactory });
  const { world, clock } = rehearsal;
  const { instance } = await launched(rehearsal, { userData: Buffer.from("#!/bin/sh\n") });
  expect(started).toMatchObject([
    { id: instance.id, image: { name: "appliance" }, userData: Buffer.from("#!/bin/sh\n") },
  ]);
  clock.advance(world.delays.launchMs);
  reclaimInstance(world, instance.id);
  reclaimInstance(world, instance.id);
  clock.advance(world.delays.terminateMs);
  await expect.poll(() => world.instances).toEqual([]);
  expect(ended).toEqual([instance.id]);
  expect(ledgerOf(world).map((line) => line.split(" ")[0])).toEqual(["image", "security-group", "key-pair"]);
});

contractSuite("the contract", () => {
  test("knows every service, action and parameter that is emulated, and demands the same ones", () => {
    for (const [label, { version, actions }] of Object.entries(tencentServices)) {
      const service = tencentContract().services[label];
      expect([label, service?.version]).toEqual([label, version]);
      for (const [name, { required = [], optional = [] }] of Object.entries(actions)) {
        const fields = service?.actions[name]?.in;
        expect(fields, name).toBeDefined();
        const known = Object.entries(fields ?? {});
        const demanded = known.filter(([, field]) => typeof field === "object" && "req" in field && field.req);
        const extra = { RunInstances: ["Placement", "ImageId"] }[name] ?? [];
        expect([name, ...required].sort()).toEqual([name, ...demanded.map(([field]) => field), ...extra].sort());
        expect([...required, ...optional].filter((field) => fields?.[field] === undefined)).toEqual([]);
      }
    }
  });
});
