import { readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runLogged } from "../../../src/guest-config/user-data/run-logged.ts";
import { scriptModules } from "../../../src/guest-config/user-data/run-scripts.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(() => {
  guest = makeGuest();
});
afterEach(() => guest.remove());

const log = "/var/log/cloudimg-init-output.log";
const limits = { eachMs: 20_000, totalMs: 20_000 };
const module = (name: string, times = limits) => {
  const found = scriptModules(times).find((item) => item.name === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
};
const script = (name: string, text: string, mode = 0o700) => guest.write(`/run/cloudimg/i/scripts/${name}`, text, mode);

test("in the order of their names; what fails is told, and the next one runs", () => {
  script("b", "#!/bin/sh\necho b $INSTANCE_ID $HOME\nexit 3\n");
  script("a", "#!/bin/sh -e\nfalse\necho not reached\n");
  script("c.sh", "echo without a first line\n");
  script("d", "#!/no/such/interpreter\n");
  script("not-executable", "#!/bin/sh\necho never\n", 0o600);
  guest.write("/run/cloudimg/i/scripts/vendor/x", "", 0o700);
  expect(guest.run(module("scripts_user"), {})).toEqual({
    said: ["scripts_user: 1 of 4 run"],
    problems: ["scripts_user: a ended with 1", "scripts_user: b ended with 3", "scripts_user: d ended with 127"],
  });
  expect(guest.read(log)).toMatch(/^b i-1 \/root\nwithout a first line\n.*not found/);
  expect(guest.mode(log)).toBe("600");
});

test("one that never ends is killed with all that it started", () => {
  script("1-endless", "#!/bin/sh\nsleep 1000 &\necho $! > child\nwhile :; do sleep 1000; done\n");
  script("2-next", "#!/bin/sh\necho next\n");
  const startedMs = performance.now();
  const { problems } = guest.run(module("scripts_user", { eachMs: 700, totalMs: 20_000 }), {});
  expect(problems).toEqual(["scripts_user: 1-endless did not end within 1 s and was killed"]);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(guest.read(log)).toBe("next\n");
  const child = Number(guest.read("/child"));
  expect(child).toBeGreaterThan(1);
  // Gone, or a zombie that nobody has waited for.
  const state = isAlive(child);
  expect(state).toBe(false);
});

function isAlive(pid: number): boolean {
  const limit = performance.now() + 5000;
  for (;;) {
    try {
      if (!/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) throw new Error("alive");
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      if (performance.now() > limit) return true;
    }
  }
}

test("when the time of all is used up, the rest is not run, and that is told", () => {
  script("1", "#!/bin/sh\nwhile :; do :; done\n");
  script("2", "#!/bin/sh\necho never\n");
  expect(guest.run(module("scripts_user", { eachMs: 10_000, totalMs: 300 }), {}).problems).toEqual([
    "scripts_user: 1 did not end within 0 s and was killed",
    "scripts_user: 2 was not run: the scripts before it took all the time",
  ]);
});

test("one that leaves a service running has ended all the same", () => {
  script("1", "#!/bin/sh\n(sleep 3; echo late) &\necho started\n");
  const startedMs = performance.now();
  expect(guest.run(module("scripts_user"), {}).problems).toEqual([]);
  expect(performance.now() - startedMs).toBeLessThan(2500);
});

test("one that prints without end does not fill the disk", () => {
  const command = {
    argv: ["sh", "-c", "head -c 300000000 /dev/zero; sleep 1.3; head -c 20000000 /dev/zero; echo end"],
  };
  expect(runLogged(guest.host, command, 60_000)).toMatch(/^printed more than 16 MiB/);
  expect(statSync(guest.path(log)).size).toBeLessThan(300_000_000);
}, 60_000);

test("vendor scripts have their prefix; directories of the disk have theirs", () => {
  guest.write("/run/cloudimg/i/scripts/vendor/v", "#!/bin/sh\necho vendor\n", 0o700);
  guest.write("/var/lib/cloud/scripts/per-boot/p", "#!/bin/sh\necho per-boot\n", 0o755);
  guest.write("/var/prefix", '#!/bin/sh\necho "prefix $1"\nshift\n"$@"\n', 0o755);
  expect(
    guest.run(module("scripts_vendor"), { vendor_data: { prefix: ["sh", "/var/prefix", "word"] } }).problems,
  ).toEqual([]);
  expect(guest.run(module("scripts_per_boot"), {}).said).toEqual(["scripts_per_boot: 1 of 1 run"]);
  expect(guest.run(module("scripts_per_once"), {}).said).toEqual([]);
  expect(guest.read(log)).toBe("prefix word\nvendor\nper-boot\n");
});

test("Windows' line ends, and a program in place of a script", () => {
  expect(guest.boot("#!/bin/sh\r\necho hi\r\n").problems).toEqual([]);
  expect(guest.read(log)).toBe("hi\n");
});
