import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { alibabaOsConf } from "../../../src/guest-config/formats/os-conf.ts";
import type { Command, Host } from "../../../src/guest-config/initializer/host.ts";
import { aliyunImage } from "../../../src/guest-config/sources/aliyun-image.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { datasourceContract } from "../datasource-contract.ts";
import { twoNics } from "../instance-configs.ts";
import { fatDisk, machine } from "./machine.ts";

const dmi = { "sys/class/dmi/id/product_name": "Alibaba Cloud ECS\n" };
const path = "aliyun_custom_image/os.conf";
const find = (host: Host) => aliyunImage.find(host, readSigns(host));

datasourceContract(
  aliyunImage,
  () => ({
    with: (config) => machine({}, { ...dmi, [path]: alibabaOsConf({ ...config, authorizedKeys: {} }) }),
    broken: () => machine({}, { ...dmi, [path]: "eth0_ip_addr=x\neth0_mac_addr=y\n" }),
    without: () => machine({}, dmi),
  }),
  {
    ...twoNics,
    network: {
      ...twoNics.network,
      interfaces: twoNics.network.interfaces.map((nic) => ({ ...nic, addresses: nic.addresses.slice(0, 1) })),
    },
  },
  { isPart: true },
);

test("removed when the instance has been configured, with its directory", () => {
  const host = machine({}, { ...dmi, [path]: "hostname=a\n" });
  const found = find(host);
  expect(found).toMatchObject({ hostname: "a", place: `/${path}`, asksOn: true, problems: [] });
  expect(host.attributes(`/${path}`)).toBeDefined();
  found?.finish?.(host);
  expect(host.attributes("/aliyun_custom_image")).toBeUndefined();
});

test("one of 100 MB is refused", () => {
  const host = machine({}, { ...dmi, [path]: new Uint8Array(1 << 20) });
  expect(find(host)).toMatchObject({ isBroken: true, problems: ["os.conf cannot be read"] });
});

/** The guest with programs that do nothing but `answer`. */
function withPrograms(host: Host & { root: string }, answer: (command: Command) => string) {
  const scripts: string[] = [];
  const start = (command: Command) => {
    scripts.push(command.argv.at(-1) ?? "");
    const text = answer(command);
    if (command.outputPath !== undefined) appendFileSync(join(host.root, command.outputPath), text);
    return { poll: () => (text === "" ? 1 : 0), kill: () => {} };
  };
  return { host: { ...host, start }, scripts };
}

describe("the password is base64 of itself", () => {
  const at = (password: string) => {
    const files = { ...dmi, [path]: `password=${password}\n`, "run/cloudimg/x": "" };
    let typed = "";
    const guest = machine({}, files);
    const { host } = withPrograms(guest, ({ inputPath }) => {
      typed = readFileSync(join(guest.root, inputPath ?? ""), "utf8");
      return "$6$salt$hash\n";
    });
    return { found: find(host), typed };
  };

  test("hashed for root", () => {
    const { found, typed } = at(Buffer.from("it's $ecret").toString("base64"));
    expect(typed).toBe("it's $ecret\n");
    expect(found).toMatchObject({ passwordHashes: { root: "$6$salt$hash" }, problems: [] });
  });

  test("a hash is taken as it is; what is neither is left out, and not shown", () => {
    expect(at("$6$a$b").found?.passwordHashes).toEqual({ root: "$6$a$b" });
    const { found } = at("S3CRET!");
    expect(found?.passwordHashes).toBeUndefined();
    expect(found?.problems).toEqual(["os.conf: the password is no base64 of a password"]);
  });
});

describe("in the first partition", () => {
  /** The root is the second partition of vda. */
  const guest = (first: Uint8Array, moreMounts = "") => {
    const host = machine(
      { vda1: first, vda2: new Uint8Array(4096) },
      {
        ...dmi,
        "proc/self/mountinfo": `1 0 254:2 / / rw - ext4 /dev/root rw\n${moreMounts}`,
        "sys/devices/vda/size": "100",
      },
    );
    for (const number of [1, 2]) {
      const own = join(host.root, `sys/devices/vda/vda${number}`);
      mkdirSync(own, { recursive: true });
      for (const [name, text] of Object.entries({
        partition: number,
        start: number * 8,
        size: 8,
        dev: `254:${number}`,
      }))
        writeFileSync(join(own, name), `${text}\n`);
      const link = join(host.root, `sys/dev/block/254:${number}`);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(`../../devices/vda/vda${number}`, link);
      for (const name of ["partition", "dev"])
        writeFileSync(
          join(host.root, `sys/class/block/vda${number}/${name}`),
          `${name === "dev" ? "254:" : ""}${number}\n`,
        );
    }
    mkdirSync(join(host.root, "sys/class/block/vda/vda1"), { recursive: true });
    writeFileSync(join(host.root, "sys/class/block/vda/size"), "100\n");
    writeFileSync(join(host.root, "sys/class/block/vda/vda1/partition"), "1\n");
    mkdirSync(join(host.root, "run/cloudimg"), { recursive: true });
    return host;
  };

  test("FAT is read without mounting it, and mounted only to remove the file", async () => {
    const { host, scripts } = withPrograms(guest(await fatDisk("ESP", { [path]: "hostname=a\n" })), () => "x");
    const found = find(host);
    expect(found).toMatchObject({ hostname: "a", place: `/dev/vda1:/${path}`, problems: [] });
    expect(scripts).toEqual([]);
    found?.finish?.(host);
    expect(scripts).toEqual([expect.stringContaining(`mount -o rw /dev/vda1`)]);
    const without = withPrograms(guest(await fatDisk("ESP", { "EFI/x": "" })), () => "x");
    expect(find(without.host)).toBeUndefined();
    expect(without.scripts).toEqual([]);
  });

  test("ext4 is mounted, nothing else is", () => {
    const ext = new Uint8Array(4096);
    ext.set([0x53, 0xef], 1024 + 56);
    const { host, scripts } = withPrograms(guest(ext), () => "hostname=b\n");
    expect(find(host)).toMatchObject({ hostname: "b" });
    expect(scripts).toEqual([expect.stringContaining("mount -o ro /dev/vda1")]);
    const none = withPrograms(guest(ext), () => "");
    expect(find(none.host)).toBeUndefined();
    const other = withPrograms(guest(new Uint8Array(4096)), () => "hostname=b\n");
    expect(find(other.host)).toBeUndefined();
    expect(other.scripts).toEqual([]);
  });

  test("one that is mounted already is read there", () => {
    const host = guest(new Uint8Array(4096), "2 1 254:1 / /boot rw - vfat /dev/vda1 rw\n");
    mkdirSync(join(host.root, "boot/aliyun_custom_image"), { recursive: true });
    writeFileSync(join(host.root, "boot", path), "hostname=c\n");
    expect(find(host)).toMatchObject({ hostname: "c", place: `/boot/${path}` });
  });
});
