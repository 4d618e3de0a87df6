import { describe, expect, test } from "vitest";
import { type MetadataCloud, metadataResponder } from "../../../src/guest-config/formats/metadata-tree.ts";
import { twoNics } from "../instance-configs.ts";

const addresses = [{ address: "10.0.2.15/24", gateway: "10.0.2.2" }];
const of = (cloud: MetadataCloud, token?: "required" | "optional" | "absent" | "disabled") => {
  const responder = metadataResponder(cloud, twoNics, { addresses, token });
  return (path: string, method = "GET", headers: Record<string, string> = {}) => {
    const { status, body } = responder(method, path, headers);
    return status === 200 ? body : status;
  };
};

test("directories list what is in them, with and without a slash; what is not there is 404", () => {
  const get = of("tencent");
  expect(get("/latest/meta-data/placement/")).toBe("region\nzone");
  expect(get("/latest/meta-data/placement")).toBe("region\nzone");
  expect(get("/1.0/meta-data/network/interfaces/macs/")).toBe("52:54:00:00:00:01/\n52:54:00:00:00:02/");
  expect(get("/latest/meta-data/network/interfaces/macs/52:54:00:00:00:01/local-ipv4s/10.0.2.15/gateway")).toBe(
    "10.0.2.2",
  );
  expect(get("/latest/meta-data/network/interfaces/macs/52:54:00:00:00:02/local-ipv4s/192.0.2.7/subnet-mask")).toBe(
    "255.255.255.0",
  );
  expect([get("/latest/meta-data/none"), get("/latest/Meta-Data"), get("/x", "POST")]).toEqual([404, 404, 405]);
  expect(of("openstack")("/openstack")).toBe("2018-08-27/\nlatest/");
});

test("Alibaba's directories and its one document say the same", () => {
  const get = of("alibaba");
  const all = JSON.parse(String(get("/latest/meta-data/all")));
  const walk = (path: string): unknown => {
    const body = get(path);
    if (!path.endsWith("/")) return body;
    const names = String(body).split("\n");
    return Object.fromEntries(names.map((name) => [name.replace(/\/$/, ""), walk(path + name)]));
  };
  const { all: _, ...tree } = walk("/latest/meta-data/") as Record<string, unknown>;
  expect(tree).toEqual(all);
});

describe("tokens", () => {
  const ttl = { "x-aliyun-ecs-metadata-token-ttl-seconds": "60" };
  const path = "/latest/meta-data/instance-id";
  const header = "x-aliyun-ecs-metadata-token";

  test("are given for a time from 1 to 21600 seconds", () => {
    const get = of("alibaba");
    expect(get("/latest/api/token", "PUT", ttl)).toBe("cloudimg-i-0001");
    for (const seconds of ["0", "21601", "x"])
      expect(get("/latest/api/token", "PUT", { "x-aliyun-ecs-metadata-token-ttl-seconds": seconds })).toBe(400);
    expect([get("/latest/api/token", "PUT"), get("/latest/api/token")]).toEqual([400, 405]);
  });

  test.each([
    ["required", 401, "i-0001", 401],
    ["optional", "i-0001", "i-0001", 401],
    ["absent", "i-0001", "i-0001", "i-0001"],
    ["disabled", 403, 403, 403],
  ] as const)("%s", (rule, without, right, wrong) => {
    const get = of("alibaba", rule);
    expect([
      get(path),
      get(path, "GET", { [header]: "cloudimg-i-0001" }),
      get(path, "GET", { [header]: "another" }),
    ]).toEqual([without, right, wrong]);
  });

  test("are what EC2 wants, unless it is told otherwise", () => {
    expect(of("ec2")("/latest/meta-data/instance-id")).toBe(401);
    expect(of("ec2", "absent")("/2009-04-04/meta-data/public-keys/")).toBe("0=key-0");
  });
});
