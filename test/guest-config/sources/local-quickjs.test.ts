import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { bundleForQuickjs } from "../../../src/guest-config/bundle.ts";
import { configDriveTree } from "../../../src/guest-config/formats/config-drive.ts";
import { nocloudTree } from "../../../src/guest-config/formats/nocloud.ts";
import { tencentOsConf } from "../../../src/guest-config/formats/os-conf.ts";
import { oracle } from "../../oracles/tools.ts";
import { twoNics } from "../instance-configs.ts";
import { cd, fatDisk, machine } from "./machine.ts";
import { summary } from "./summary.ts";

test("QuickJS finds on devices and in directories what Node finds", async () => {
  const drive = configDriveTree(twoNics, 1_700_000_000);
  const seed = nocloudTree(twoNics, 1_700_000_000);
  const osConf = tencentOsConf({ ...twoNics, passwordHash: "$6$a$b" });
  const machines = [
    machine({}),
    machine({ vda: new Uint8Array(1 << 16), sr0: cd("config-2", drive) }),
    machine({ vdb: await fatDisk("CONFIG-2", drive) }, { "sys/class/dmi/id/product_name": "OpenStack Nova\n" }),
    machine({ sr0: cd("cidata", seed), vdb: cd("config-2", drive).slice(0, 20 * 2048) }),
    machine({ sdc: await fatDisk("CIDATA", seed) }, { "proc/cmdline": "ro ds=nocloud;h=line\n" }),
    machine(
      { sr0: cd("CDROM", { "qcloud_action/os.conf": osConf }) },
      { "sys/class/dmi/id/sys_vendor": "Tencent Cloud\n" },
    ),
    machine({}, { "aliyun_custom_image/os.conf": "hostname=größe\neth0_mac_addr=52:54:00:00:00:01\n" }),
    machine(
      {},
      {
        "config-drive/openstack/latest/meta_data.json": '{"uuid": "i-1"}',
        "config-drive/openstack/latest/user_data": new Uint8Array(gzipSync("#cloud-config\n")),
        "etc/cloud/cloud.cfg": "datasource_list: [ ConfigDrive, NoCloud ]\n",
      },
    ),
  ];
  const script = join(machines[0]?.root ?? "", "sources.js");
  writeFileSync(script, await bundleForQuickjs(fileURLToPath(new URL("local-for-quickjs.ts", import.meta.url))));
  const [program = "", ...first] = await oracle("qjs");
  const { stdout, stderr } = spawnSync(program, [...first, "-m", script, ...machines.map(({ root }) => root)], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  const results = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(results).toEqual(machines.map((host) => JSON.parse(JSON.stringify(summary(host)))));
  const places = results.flatMap(({ found }) => found.flatMap(({ place }: { place?: string }) => place ?? []));
  expect(places).toHaveLength(8);
});
