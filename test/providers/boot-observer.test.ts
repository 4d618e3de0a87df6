import { expect, test } from "vitest";
import { observeBoot } from "../../src/providers/boot-observer.ts";

const never = new Promise<string>(() => {});
const calm = new AbortController().signal;

function observe() {
  let nowMs = 0;
  const observer = observeBoot(() => nowMs);
  return {
    observer,
    at(ms: number, ...lines: string[]) {
      nowMs = ms;
      for (const line of lines) observer.line(line);
    },
  };
}

test("a boot's landmarks are told by the first line of each kind", async () => {
  const { observer, at } = observe();
  expect(observer.timeline()).toEqual({});
  at(90, "", "SeaBIOS (version 1.16.2)");
  at(1_500, "[    0.000000] Linux version 6.12.48+deb13-cloud-amd64 (debian-kernel@lists.debian.org)");
  at(3_000, "[    1.2] cloudimg-initrd: root UUID=0c6b on /dev/vda1 after 0.42 s");
  const ready = observer.ready({ timeoutMs: 10_000, died: never, signal: calm });
  at(5_000, "cloudimg-init: ready: source=config-drive instance=i-1 nics=eth0 total=151 ms cpu=84 ms uptime=3.45");
  at(6_000, "cloudimg-init: ready: source=other total=1 ms cpu=1 ms uptime=9");
  await ready;
  expect(observer.timeline()).toEqual({
    firstOutputMs: 90,
    kernelMs: 1_500,
    rootMs: 3_000,
    readyMs: 5_000,
    initializer: { source: "config-drive", totalMs: 151, cpuMs: 84, uptimeMs: 3_450 },
  });
});

test("a quiet kernel and a terse initializer leave gaps, not guesses", () => {
  const { observer, at } = observe();
  at(7, "cloudimg-init: ready:");
  expect(observer.timeline()).toEqual({ firstOutputMs: 7, readyMs: 7, initializer: { source: "unknown" } });
});

test("host keys are read between their marks, kernel messages or not", () => {
  const { observer, at } = observe();
  const [ed25519, ecdsa] = [`ssh-ed25519 ${"A".repeat(68)}`, `ecdsa-sha2-nistp256 ${"B".repeat(138)}=`];
  at(1, `ssh-ed25519 ${"C".repeat(68)} before`);
  at(2, "-----BEGIN SSH HOST KEY KEYS-----", `${ed25519} root@local`, "[    4.2] random: crng init done");
  at(3, `[    4.3] ${ecdsa}`, ed25519, "-----END SSH HOST KEY KEYS-----", `ssh-rsa ${"D".repeat(372)} after`);
  expect(observer.hostKeys()).toEqual([ed25519, ecdsa]);
});

test("a boot that is not done in time is an error with the last lines", async () => {
  const { observer, at } = observe();
  at(1, "one", "", "Kernel panic - not syncing");
  await expect(observer.ready({ timeoutMs: 50, died: never, signal: calm })).rejects.toMatchObject({
    code: "cloud/boot-timeout",
    exitCode: 7,
    message: "cannot boot the instance: it was not ready within 50 ms",
    problems: [{ hint: "the console's last lines:\n  one\n  Kernel panic - not syncing" }],
  });
});

test("an instance that dies is an error at once; a silent console is told so", async () => {
  const died = Promise.resolve("the guest rebooted or crashed");
  await expect(observe().observer.ready({ timeoutMs: 60_000, died, signal: calm })).rejects.toMatchObject({
    code: "cloud/instance-died",
    message: "cannot boot the instance: the guest rebooted or crashed",
    problems: [{ hint: "the console shows nothing" }],
  });
});

test("an interruption is passed on", async () => {
  const signal = AbortSignal.abort(new Error("interrupted"));
  await expect(observe().observer.ready({ timeoutMs: 60_000, died: never, signal })).rejects.toThrow("interrupted");
});
