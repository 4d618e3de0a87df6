import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { obtainTools } from "../../src/build/tools.ts";
import { driveInFormat } from "../../src/commands/config-drive-source.ts";
import { storeDialects } from "../../src/providers/dialects.ts";
import { instanceUserData } from "../../src/providers/instance-user-data.ts";
import { keptHostKey, keptRunKey } from "../../src/providers/journal-key.ts";
import { s3Store } from "../../src/providers/s3-store.ts";
import { credentialsOf } from "../../src/rehearsal/accounts.ts";
import { makeInternet } from "../../src/rehearsal/internet.ts";
import { qemuMachines } from "../../src/rehearsal/qemu-machines.ts";
import { sshSession } from "../../src/smoke/ssh-session.ts";
import { loopback } from "../providers/upload-fixture.ts";
import { storeFixture } from "../rehearsal/object-store-fixture.ts";
import { buildForBoot } from "./boot.ts";

const GiB = 1024 ** 3;
const address = "203.0.113.9";

// What a cloud without a console leaves unknown: the boot's log, and whether it is the right machine that answers.
test("a guest that is given its host key, and sends its boot's log", { timeout: 300_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "cloudimg-pushed-"));
  const built = await buildForBoot("extends: cloudimg:base\nimage:\n  name: probe\n");
  await using fixture = await storeFixture("cos");
  const { bucket, region, host, account } = fixture;
  const { signal } = new AbortController();
  const internet = makeInternet();
  const make = qemuMachines(
    { configDrive: driveInFormat, obtain: (names) => obtainTools(names, built.context) },
    { ...built.context, emit: () => {} },
  );
  const store = s3Store(storeDialects.tencent, credentialsOf(account, region), loopback(fixture.store.port));
  const object = { bucket, key: "cloudimg/console/1.txt" };
  const log = async () => {
    const path = await fixture.store.openObject(object.bucket, object.key);
    return path === undefined ? "" : readFileSync(path, "utf8");
  };
  const hostKey = await keptHostKey(directory);
  const key = await keptRunKey(directory);
  const given = "#cloud-config\npassword: s3cret-word\nchpasswd: {expire: false}\nruncmd: [echo s3cret-output]\n";
  const consoleUrl = (await store.signedUrl(object, 3600, "PUT")).replace("https:", "http:");
  const authorizedKeys = [key.publicKeyLine];
  const machine = await make(
    {
      ...{ cloud: "tencent", instanceId: "i-1", hostname: "probe", region, imagePath: built.files[0]?.path as string },
      ...{ firmware: "bios", diskBus: "virtio", cpus: 1, memoryBytes: GiB / 2, diskSizeBytes: GiB },
      ...{ publicAddress: address, privateAddress: "172.16.17.5", openPorts: [22], publicKeyLine: undefined },
      userData: instanceUserData({ given: instanceUserData({ given, hostKey, consoleUrl }), authorizedKeys }),
      outside: { [host]: { host: "127.0.0.1", port: fixture.store.port } },
    },
    internet,
    signal,
  );
  try {
    const moments = new Set<string>();
    const moment = async () => {
      const [, seen] = /^cloudimg: the boot's log, sent by the guest: (.*), after \d/.exec(await log()) ?? [];
      if (seen !== undefined) moments.add(seen);
      return seen;
    };
    await expect.poll(moment, { timeout: 120_000, interval: 50 }).toBe("finished");
    const session = sshSession({
      ...{ host: address, port: 22, user: "root", privateKey: key.privateKey, dial: internet.dial },
      hostKeys: () => [hostKey.publicKeyLine],
    });
    const status = await session.run("cloudimg-init status --wait --long; stat -c %a /etc/dropbear/*", signal);
    session.close();
    expect(status.stdout).toMatch(/^status: done/);
    expect(status.stdout.trim().split("\n").at(-1)).toBe("600");
    const text = await log();
    expect(text).toMatch(/Linux version \d/);
    expect(text).toMatch(/cloudimg-init: ready: source=config-drive /);
    expect(text).toMatch(/cloudimg-init: finished: status=done/);
    expect(text).toContain("cloudimg-service: ssh was started");
    const line = hostKey.publicKeyLine.split(" ", 2).join(" ");
    expect(text.split("\n").filter((one) => /^(ssh|ecdsa)-/.test(one))).toEqual([`${line} root@probe`]);
    for (const secret of ["s3cret", "OPENSSH PRIVATE KEY", "q-signature"]) expect(text).not.toContain(secret);
    expect(await machine.console()).toContain(`${line} root@probe`);
    console.info(`sent when: ${[...moments].join(", ")}; ${text.length} bytes; ${/ready: .*/.exec(text)?.[0]}`);
  } catch (error) {
    console.info(await machine.console());
    throw error;
  } finally {
    await machine.end();
    built.remove();
    rmSync(directory, { recursive: true, force: true });
  }
});
