import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { obtainTools } from "../src/build/tools.ts";
import { configDriveSource } from "../src/commands/config-drive-source.ts";
import { createContext } from "../src/commands/environment.ts";
import { readAll } from "../src/core/byte-source.ts";
import { bundleForQuickjs, bundleInitializer } from "../src/guest-config/bundle.ts";
import { configDriveTree } from "../src/guest-config/formats/config-drive.ts";
import type { InstanceConfig, InterfaceConfig } from "../src/guest-config/model.ts";

/**
 * From a config drive with a static network to the commands that set it up: processor time of our initializer and of Debian's cloud-init, in turns, as whole processes on this
 * machine. Neither starts the programs that change the network.
 *
 *     node bench/initializer.ts
 */
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 9);
const mostRatio = 1 / 20;
const mostBundleBytes = 200 << 10;

const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
const nic = (mac: string, rest: Partial<InterfaceConfig>): InterfaceConfig => ({
  ...{ mac, dhcp4: false, addresses: [], routes: [], nameservers: [], search: [] },
  ...rest,
});
const config: InstanceConfig = {
  instanceId: "i-bench",
  hostname: "bench",
  authorizedKeys: { root: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICORRMOCw1shrA/RJB8AI5+qPlNzBFW14iT/Modc6mSg bench"] },
  network: {
    interfaces: [
      nic(macs[0] as string, {
        addresses: ["192.0.2.7/24", "2001:db8::7/64"],
        routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }],
        nameservers: ["192.0.2.53"],
      }),
      nic(macs[1] as string, { addresses: ["198.51.100.9/32"], mtu: 1400 }),
    ],
    nameservers: [],
    search: ["example.org"],
  },
};

const scratch = mkdtempSync(join(tmpdir(), "cloudimg-bench-"));
try {
  const context = createContext(() => {}, new AbortController().signal, 2);
  const [quickjs, cloudInit] = [await obtainTools(["quickjs"], context), await obtainTools(["cloud-init"], context)];
  const put = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(join(scratch, path)), { recursive: true });
    writeFileSync(join(scratch, path), content);
  };
  const machine = join(scratch, "machine");
  put("machine/dev/sr0", readAll(configDriveSource(config)));
  put("machine/sys/class/block/sr0/size", "2048\n");
  put("machine/proc/cmdline", "console=ttyS0\n");
  for (const [index, mac] of macs.entries())
    for (const [name, text] of Object.entries({ address: mac, type: "1", flags: "0x1002", carrier: "0", uevent: "" }))
      put(`machine/sys/class/net/eth${index}/${name}`, `${text}\n`);
  for (const [path, node] of configDriveTree(config, 0).entries())
    if (node.type === "file") put(`drive${path}`, readAll(node.content));
  put("once.js", await bundleForQuickjs(here("initializer-once.ts")));
  mkdirSync(join(scratch, "target/etc/network"), { recursive: true });

  const usr = join(cloudInit.directory, "usr");
  const python = { PYTHONHOME: usr, PYTHONPATH: join(usr, "lib/python3/dist-packages") };
  const peer = [...cloudInit.command("python3"), here("initializer-cloud-init.py")];
  const ourWords = [...quickjs.command("qjs"), "-sm", join(scratch, "once.js"), machine];
  const theirWords = [...peer, join(scratch, "drive"), join(scratch, "target"), ...macs];
  // The first run of Python compiles what it imports.
  processorMs(theirWords, python);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(processorMs(ourWords, {}));
    theirs.push(processorMs(theirWords, python));
  }
  const ratio = median(ours) / median(theirs);
  const bundle = Object.entries(await bundleInitializer()).map(([name, { length }]) => ({ name, length }));
  const bundleBytes = bundle.reduce((sum, { length }) => sum + length, 0);
  process.stdout.write(
    `initializer: ${ratio.toFixed(3)} of cloud-init's processor time (goal: ${mostRatio}), ` +
      `${bundleBytes} bytes of scripts (goal: ${mostBundleBytes}), of which ${bundle[0]?.length} are read before the network is up\n` +
      `  rounds: ${ours.join(" ")} ms against ${theirs.join(" ")} ms\n` +
      `  cloud-init wrote ${readdirSync(join(scratch, "target/etc/network")).join(", ")}\n`,
  );
  if (ratio > mostRatio || bundleBytes > mostBundleBytes) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** User and system time of a process and its children, as the shell tells it. */
function processorMs(words: readonly string[], environment: Readonly<Record<string, string>>): number {
  const report = join(scratch, "times");
  const script = `TIMEFORMAT='%U %S'; { time "$@" >/dev/null; } 2>"$0"`;
  const { status } = spawnSync("bash", ["-c", script, report, ...words], { env: { ...process.env, ...environment } });
  const text = readFileSync(report, "utf8").trim();
  if (status !== 0) throw new Error(`${words.slice(-3).join(" ")} failed: ${text}`);
  const seconds = text.split("\n").at(-1)?.split(" ").map(Number) ?? [];
  return Math.round(seconds.reduce((sum, part) => sum + part, 0) * 1000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function here(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
