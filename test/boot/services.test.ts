import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BuiltForBoot, buildForBoot, withGuest } from "./boot.ts";

const yaml = `
extends: cloudimg:base
image:
  name: probe
users:
  - name: alice
    authorizedKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPok/h3fx3FoiknxVrFSJEKHpmq005Vc3JvuImIPu4t2 alice"]
services:
  http:
    page: <h1>services</h1>
  commands:
    - name: counter
      user: alice
      command: echo started >> /tmp/counter; sleep 1000
`;

describe("what runs in a guest", { timeout: 300_000 }, () => {
  let built: BuiltForBoot;
  beforeAll(async () => {
    built = await buildForBoot(yaml);
  });
  afterAll(() => built?.remove());

  test("services come back when they die, log, and run as whom they should; nobody can log in by password", async () => {
    await withGuest(built, async ({ run }) => {
      const eventually = async (command: string, expected: RegExp) => {
        await expect.poll(() => run(command), { timeout: 60_000, interval: 500 }).toMatch(expected);
      };
      await eventually("wget -qO- http://127.0.0.1/", /<h1>services/);
      const before = await run("pidof nginx | wc -w; pidof sleep");
      await run("kill -9 $(cat /run/nginx.pid 2>/dev/null || pidof nginx); killall -9 sleep; true");
      await eventually("wget -qO- http://127.0.0.1/", /<h1>services/);
      await eventually("wc -l < /tmp/counter", /^[2-9]/);
      expect(await run("pidof sleep")).not.toBe(before.split("\n")[1]);
      expect(await run("stat -c %U /tmp/counter")).toBe("alice");
      expect(await run("ls /var/log")).toMatch(/counter/);

      expect(await run("cut -d: -f2 /etc/shadow | sort -u")).toMatch(/^[*!\n]+$/);
      expect(await run("stat -c '%a %U' /home/alice/.ssh /home/alice/.ssh/authorized_keys")).toBe(
        "700 alice\n600 alice",
      );
      expect(await run("ps | grep -c '[d]ropbear.* -s'")).not.toBe("0");
      expect(await run("stat -c '%a %U' /etc/dropbear/*_host_key | sort -u")).toBe("600 root");
    });
  });

  test("the power button ends it cleanly", async () => {
    let console = "";
    await withGuest(built, async (guest) => {
      await guest.run("true");
      await guest.instance.terminate();
      console = guest.console();
    });
    expect(console).toContain("Power down");
    expect(console).toContain("file systems closed");
  });
});
