import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HttpResult } from "../../../src/guest-config/initializer/http.ts";
import { finalMessage } from "../../../src/guest-config/user-data/final-message.ts";
import { hostName, wantedHostName } from "../../../src/guest-config/user-data/host-name.ts";
import { phoneHome } from "../../../src/guest-config/user-data/phone-home.ts";
import { powerState } from "../../../src/guest-config/user-data/power-state.ts";
import { randomSeed } from "../../../src/guest-config/user-data/random-seed.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(() => {
  guest = makeGuest();
});
afterEach(() => guest.remove());

describe("host name", () => {
  test.each([
    [{ hostname: "a" }, "m.example", { hostname: "a", fqdn: "m.example", isDefault: false }],
    [{ hostname: "x", fqdn: "a.b.c" }, undefined, { hostname: "x", fqdn: "a.b.c", isDefault: false }],
    [{ hostname: ".a" }, undefined, { hostname: ".a", fqdn: "localhost", isDefault: false }],
    [{}, "10.0.0.7", { hostname: "ip-10-0-0-7", fqdn: "ip-10-0-0-7", isDefault: false }],
    [{ hostname: 7 }, undefined, { hostname: "7", fqdn: "localhost", isDefault: false }],
  ])("%j and %j from the cloud", (config, fromCloud, expected) => {
    expect(wantedHostName(config, fromCloud)).toEqual(expected);
  });

  test.each<[Record<string, unknown>, string, string | undefined, string]>([
    [{ hostname: "web" }, "web", "web\n", "127.0.1.1\tweb"],
    [{ fqdn: "web.example.org" }, "web", "web\n", "127.0.1.1\tweb.example.org web"],
    [
      { fqdn: "web.example.org", prefer_fqdn_over_hostname: true },
      "web.example.org",
      "web.example.org\n",
      "web.example.org web",
    ],
    [{ hostname: "web", create_hostname_file: false }, "web", undefined, "127.0.1.1\tweb"],
  ])("%j", (config, kernel, file, hosts) => {
    guest.host.remove("/etc/hostname");
    expect(guest.run(hostName, config, { hostname: "cloud.example" }).problems).toEqual([]);
    expect([guest.read("/proc/sys/kernel/hostname"), guest.read("/etc/hostname")]).toEqual([kernel, file]);
    expect(guest.read("/etc/hosts")).toContain(hosts);
  });

  test("preserve_hostname leaves all as it is; manage_etc_hosts writes all, an entry, or nothing", () => {
    expect(guest.run(hostName, { hostname: "web", preserve_hostname: true })).toEqual({ said: [], problems: [] });
    expect(guest.read("/etc/hostname")).toBeUndefined();
    guest.write("/etc/hosts", "127.0.0.1 localhost\n10.0.0.1 other\n");
    guest.run(hostName, { hostname: "web", manage_etc_hosts: false });
    expect(guest.read("/etc/hosts")).toBe("127.0.0.1 localhost\n10.0.0.1 other\n");
    guest.run(hostName, { hostname: "web", manage_etc_hosts: "localhost" });
    expect(guest.read("/etc/hosts")).toBe("127.0.0.1 localhost\n10.0.0.1 other\n127.0.1.1\tweb\n");
    guest.run(hostName, { hostname: "web", manage_etc_hosts: true });
    expect(guest.read("/etc/hosts")).toMatch(
      /^127.0.0.1\tlocalhost\n::1\t.*ff02::2\tip6-allrouters\n127.0.1.1\tweb\n$/s,
    );
  });
});

describe("phone_home", () => {
  const ok: HttpResult = { status: 200, headers: {}, body: new Uint8Array() };

  test("posts what it is asked for, of keys the public halves", () => {
    guest.answer = () => ok;
    guest.write("/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAAA+/= root@x\n");
    guest.write("/etc/ssh/ssh_host_rsa_key", "-----BEGIN PRIVATE KEY-----");
    const config = {
      fqdn: "web.example",
      phone_home: { url: "http://h/$INSTANCE_ID/", post: ["pub_key_rsa", "fqdn", "hostname", "instance_id"] },
    };
    expect(guest.run(phoneHome, config)).toEqual({ said: ["phone_home: http://h/i-1/"], problems: [] });
    expect(guest.requests).toMatchObject([
      {
        method: "POST",
        url: "http://h/i-1/",
        body: "pub_key_rsa=ssh-rsa%20AAAA%2B%2F%3D%20root%40x&fqdn=web.example&hostname=web&instance_id=i-1",
      },
    ]);
  });

  test("all is posted by default; what there is not is N/A, what nobody knows is told", () => {
    guest.answer = () => ok;
    guest.run(phoneHome, { phone_home: { url: "http://h/" } });
    expect(guest.requests[0]?.body).toBe(
      "pub_key_rsa=N%2FA&pub_key_ecdsa=N%2FA&pub_key_ed25519=N%2FA&instance_id=i-1&hostname=localhost&fqdn=localhost",
    );
    expect(guest.run(phoneHome, { phone_home: { url: "http://h/", post: ["shadow"] } }).problems).toHaveLength(1);
  });

  test("tries as often as it is told, and tells that nobody heard", () => {
    let now = 0;
    const told = makeGuest(() => ({
      nowMs: () => now,
      sleepMs: (ms) => {
        now += ms;
      },
    }));
    told.answer = () => ({ status: 500, headers: {}, body: new Uint8Array() });
    expect(told.run(phoneHome, { phone_home: { url: "http://h/?key=s", tries: 3 } }).problems).toEqual([
      "phone_home: cannot tell http://h/: status 500",
    ]);
    expect(told.requests).toHaveLength(3);
    told.answer = () => {
      now += 5000;
      return { failure: "timeout", kind: "timeout" };
    };
    told.run(phoneHome, { phone_home: { url: "http://h/" } });
    expect(now).toBeLessThan(90_000);
    told.remove();
  });
});

test("final_message has cloud-init's words put in", () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: that is how cloud-init has it
  const config = { final_message: "up $UPTIME ${uptime} by $Datasource $version $timestamp, $other\n" };
  const { said } = guest.run(finalMessage, config);
  expect(said[0]).toMatch(
    /^final_message: up 12.50 12.50 by DataSourceNoCloud cloudimg \w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000, \$other$/,
  );
});

describe("power_state", () => {
  test.each<[Record<string, unknown>, string | undefined, string | undefined]>([
    [{ mode: "poweroff" }, "poweroff now", "sleep 0; poweroff"],
    [
      { mode: "reboot", delay: "+2", message: "it's over", timeout: 5 },
      "reboot in 2 minutes",
      "-lt 5 ]; do sleep 1; n=$((n+1)); done; sleep 120; echo 'it'\\''s over' >/dev/console; reboot",
    ],
    [{ mode: "halt", delay: 1, condition: true }, "halt in 1 minutes", "sleep 60; halt"],
    [{ mode: "halt", condition: "exit 0" }, "halt now", "halt"],
    [{ mode: "halt", condition: "false" }, undefined, undefined],
    [{ mode: "halt", condition: false }, undefined, undefined],
    [{ mode: "halt", condition: "exit 1" }, undefined, undefined],
  ])("%j", (power_state, said, command) => {
    expect(guest.run(powerState, { power_state })).toEqual({
      said: said === undefined ? [] : [`power_state_change: ${said}`],
      problems: [],
    });
    expect(guest.recorded).toEqual(command === undefined ? [] : [expect.stringContaining(command)]);
  });

  test.each([
    [{ mode: "explode" }],
    [{ mode: "poweroff", delay: "tomorrow" }],
    ["poweroff"],
    [{ mode: "halt", condition: "exit 7" }],
  ])("%j is told and does nothing", (power_state) => {
    expect(guest.run(powerState, { power_state }).problems).toHaveLength(1);
    expect(guest.recorded).toEqual([]);
  });
});

describe("random_seed", () => {
  test.each([
    [{ data: "seed" }, "seed"],
    [{ data: "c2VlZA==", encoding: "base64" }, "seed"],
    [{ data: "c2VlZA==", encoding: "B64" }, "seed"],
  ])("%j", (random_seed, fed) => {
    expect(guest.run(randomSeed, { random_seed })).toEqual({ said: ["seed_random: fed"], problems: [] });
    expect(guest.read("/dev/urandom")).toBe(fed);
  });

  test("a file of its own, and a command", () => {
    guest.run(randomSeed, {
      random_seed: { file: "/etc/seed", data: "x", command: ["sh", "-c", "echo $RANDOM_SEED_FILE > named"] },
    });
    expect([guest.read("/etc/seed"), guest.mode("/etc/seed"), guest.read("/named")]).toEqual([
      "x",
      "600",
      "/etc/seed\n",
    ]);
    expect(guest.run(randomSeed, { random_seed: { command: ["sh", "-c", "exit 127"] } }).problems).toEqual([]);
    const required = { command: ["sh", "-c", "exit 127"], command_required: true };
    expect(guest.run(randomSeed, { random_seed: required }).problems).toEqual(["seed_random: command ended with 127"]);
  });
});
