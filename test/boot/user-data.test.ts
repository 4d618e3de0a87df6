import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltForBoot, buildForBoot, withMachine } from "./boot.ts";

// User data as the guest obeys it, from its wrappings to the end of the final stage, and what of it comes again at the next boot.

let built: BuiltForBoot;
beforeAll(async () => {
  built = await buildForBoot("extends: cloudimg:base\nimage:\n  name: probe\n");
}, 300_000);
afterAll(() => built?.remove());

const config = `#cloud-config
hostname: told
bootcmd:
- echo x >> /var/lib/boots; echo "boot number $(wc -l < /var/lib/boots)" > /dev/console
write_files:
- {path: /srv/packed, encoding: gz+b64, content: ${gzipSync("unpacked\n").toString("base64")}, permissions: '4750', owner: 'root:adm'}
- {path: /srv/late, content: 'late', defer: true, owner: nobody}
- {path: /etc/motd, content: "more\\n", append: true}
runcmd:
- cat /srv/late > /srv/seen
- [sh, -c, 'echo "$1" >> /srv/seen', sh, $HOME]
packages: [vim]
final_message: all is done by $DATASOURCE after $UPTIME
power_state: {mode: reboot, message: "once more", timeout: 20}
`;
const userData = [
  "Content-Type: multipart/mixed; boundary=B\nMIME-Version: 1.0\n",
  `--B\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n${Buffer.from(config).toString("base64")}`,
  '--B\nContent-Type: text/x-shellscript; name="first.sh"\n\n#!/bin/sh\necho "$INSTANCE_ID $HOME" > /srv/script\nexit 3\n',
  "--B\nContent-Type: text/cloud-boothook\n\n#!/bin/sh\necho x >> /var/lib/hooks\n",
  "--B\nContent-Type: text/x-shellscript-per-boot\n\n#!/bin/sh\necho x >> /var/lib/every\n",
  "--B--\n",
].join("\n");

test("user data, and what of it comes again after the restart that it asks for", { timeout: 240_000 }, async () => {
  const configDrive = (told: object) => ({ ...told, userData }) as never;
  await withMachine(
    built,
    async (guest) => {
      await guest.line(/boot number 2$/);
      await guest.line(/cloudimg-init: final_message: all is done by DataSourceConfigDrive after \d/);
      await guest.ready();
      const { run } = guest;
      expect(await run("cloudimg-init status --wait >/dev/null; echo $?")).toBe("2");
      expect(await run("stat -c '%a %U:%G' /srv/packed /srv/late; cat /srv/packed /srv/seen")).toBe(
        "4750 root:adm\n644 nobody:root\nunpacked\nlate$HOME",
      );
      expect(await run("tail -n 1 /etc/motd; hostname; cat /etc/hostname")).toBe("more\ntold\ntold");
      expect(await run("cat /srv/script")).toBe(`${guest.config.instanceId} /root`);
      expect(await run("cat /var/lib/boots /var/lib/hooks /var/lib/every | wc -l")).toBe("6");
      expect(await run("ls /var/lib/cloud/instance/sem")).toContain("config_scripts_user");
      expect(await run("find /var/lib/cloud /run/cloudimg -name '*user-data*' -perm /077")).toBe("");
      const console = guest.console();
      expect(console).toContain("user data: failed: key packages of cloud-init is not supported");
      expect(console).toContain("scripts_user: failed: first.sh ended with 3");
      expect(console.match(/scripts_user: 1 of 2 run/g)).toHaveLength(1);
      if (process.env["CLOUDIMG_FIGURES"])
        process.stderr.write(`${console.match(/.*cloudimg-init: .*ms.*/g)?.join("\n")}\n`);
    },
    { configDrive, machine: { mayReboot: true } },
  );
});
