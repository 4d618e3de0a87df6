import { readlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { caCerts } from "../../../src/guest-config/user-data/ca-certs.ts";
import { locale } from "../../../src/guest-config/user-data/locale.ts";
import { ntp } from "../../../src/guest-config/user-data/ntp.ts";
import { timezone } from "../../../src/guest-config/user-data/timezone.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(async () => {
  guest = await makeGuest();
});
afterEach(() => guest.remove());

describe("ntp", () => {
  const config = { ntp: { servers: ["192.0.2.1", "fd00::1"], pools: ["0.pool.example.org"] } };
  const both = "pool 0.pool.example.org iburst\nserver 192.0.2.1 iburst\nserver fd00::1 iburst\n";
  test.each<[string, string, string, string, string]>([
    [
      "chrony",
      "/usr/sbin/chronyd",
      "/etc/chrony/chrony.conf",
      "driftfile x\npool old\n# server y\n\n",
      `driftfile x\n# server y\n${both}`,
    ],
    ["ntpsec", "/usr/sbin/ntpd", "/etc/ntpsec/ntp.conf", "server old\ntos maxclock 11\n", `tos maxclock 11\n${both}`],
    [
      "openntpd",
      "/usr/sbin/ntpd",
      "/etc/openntpd/ntpd.conf",
      "servers old\n",
      "servers 0.pool.example.org\nserver 192.0.2.1\nserver fd00::1\n",
    ],
    ["ntp", "/usr/sbin/ntpd", "/etc/ntp.conf", "", "server 192.0.2.1\nserver fd00::1\nserver 0.pool.example.org\n"],
  ])("%s", (name, program, path, before, after) => {
    guest.write(program, "");
    guest.write(path, before);
    const said = `${name}: 192.0.2.1 fd00::1 0.pool.example.org`;
    expect(guest.run(ntp, config)).toEqual({ said, problems: [] });
    expect(guest.read(path)).toBe(after);
    guest.run(ntp, config);
    expect(guest.read(path)).toBe(after);
  });

  test("systemd-timesyncd gets a file of its own", () => {
    guest.write("/usr/lib/systemd/systemd-timesyncd", "");
    expect(guest.run(ntp, config).problems).toEqual([]);
    expect(guest.read("/etc/systemd/timesyncd.conf.d/cloud-init.conf")).toBe(
      "[Time]\nNTP=192.0.2.1 fd00::1 0.pool.example.org\n",
    );
  });

  test("none, switched off, nothing to say, nonsense", () => {
    const lacking = "ntp is not supported: this image has no program that sets the clock";
    expect(guest.run(ntp, config)).toEqual({ said: undefined, problems: [lacking] });
    for (const settings of [{ enabled: false, servers: ["a"] }, {}, null])
      expect(guest.run(ntp, { ntp: settings })).toEqual({ said: undefined, problems: [] });
    expect(guest.run(ntp, { ntp: { servers: ["a;reboot"], config: {} } }).problems).toEqual([
      "ntp: config is not supported",
      'ntp: "a;reboot" is no address',
    ]);
    guest.write("/usr/bin/ntpd", "");
    expect(guest.run(ntp, { ntp: { servers: ["a"], ntp_client: "chrony" } }).problems).toEqual([
      "ntp: this image has ntp, not what ntp_client names",
    ]);
    expect(guest.read("/etc/ntp.conf")).toBe("server a\n");
  });
});

describe("timezone", () => {
  test("is a link into the database, and a name", () => {
    guest.write("/usr/share/zoneinfo/Europe/Berlin", "TZif");
    const config = { timezone: "Europe/Berlin" };
    for (const _ of [1, 2]) expect(guest.run(timezone, config)).toEqual({ said: "Europe/Berlin", problems: [] });
    expect(readlinkSync(guest.path("/etc/localtime"))).toBe("/usr/share/zoneinfo/Europe/Berlin");
    expect(guest.read("/etc/timezone")).toBe("Europe/Berlin\n");
  });

  test.each([
    ["Europe/Berlin", ["timezone Europe/Berlin: this image has no time zones"]],
    ["UTC", []],
    ["../../etc/passwd", ["timezone is no name such as Europe/Berlin"]],
    [7, ["timezone is no name such as Europe/Berlin"]],
    ["", []],
  ])("%j in an image without a database", (name, problems) => {
    expect(guest.run(timezone, { timezone: name })).toEqual({ said: undefined, problems });
    expect(guest.read("/etc/timezone")).toBeUndefined();
  });

  test("a directory of the database is no zone", () => {
    guest.write("/usr/share/zoneinfo/Europe/Berlin", "TZif");
    expect(guest.run(timezone, { timezone: "Europe" }).problems).toEqual([
      "timezone Europe: this image does not know it",
    ]);
  });
});

describe("locale", () => {
  test("needs a file to be said in; C needs none", () => {
    expect(guest.run(locale, { locale: "de_DE.UTF-8" }).problems).toEqual([
      "locale de_DE.UTF-8 is not supported: this image has no /etc/locale.conf",
    ]);
    for (const name of ["C.UTF-8", "POSIX", false, null])
      expect(guest.run(locale, { locale: name })).toEqual({ said: undefined, problems: [] });
  });

  test("is a variable among others", () => {
    guest.write("/etc/default/locale", "LC_TIME=C\nLANG=old\n");
    expect(guest.run(locale, { locale: "de_DE.UTF-8" })).toEqual({ said: "de_DE.UTF-8", problems: [] });
    expect(guest.read("/etc/default/locale")).toBe("LC_TIME=C\nLANG=de_DE.UTF-8\n");
    expect(guest.run(locale, { locale: "a\nb" }).problems).toEqual(["locale is no name such as de_DE.UTF-8"]);
  });
});

describe("ca_certs", () => {
  const certificate = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;
  const bundle = "/etc/ssl/certs/ca-certificates.crt";
  const [one, two] = [certificate("AAAA"), certificate("BBBB")];

  test("are added once, each in a file of its own", () => {
    guest.write(bundle, `${one}\n`);
    const config = { ca_certs: { trusted: [one, `junk\r\n${two.replaceAll("\n", "\r\n")}\n`] } };
    expect(guest.run(caCerts, config)).toEqual({ said: "added 1", problems: [] });
    expect(guest.read(bundle)).toBe(`${one}\n${two}\n`);
    expect(guest.read("/usr/local/share/ca-certificates/cloud-init-ca-cert-2.crt")).toBe(`${two}\n`);
    expect(guest.run(caCerts, config)).toEqual({ said: undefined, problems: [] });
  });

  test("the image's own can be removed; an older spelling; what is no certificate", () => {
    guest.write(bundle, `${one}\n`);
    guest.write("/etc/ssl/certs/abcd.0", "");
    guest.write("/etc/ca-certificates.conf", "# list\nmozilla/A.crt\n!mozilla/B.crt\n");
    const config = { "ca-certs": { "remove-defaults": true, trusted: ["-----BEGIN PRIVATE KEY-----", two] } };
    expect(guest.run(caCerts, config)).toEqual({
      said: "removed the image's own, added 1",
      problems: ["ca_certs: entry 1 of trusted is no certificate in PEM"],
    });
    expect(guest.read(bundle)).toBe(`${two}\n`);
    expect(guest.read("/etc/ssl/certs/abcd.0")).toBeUndefined();
    expect(guest.read("/etc/ca-certificates.conf")).toBe("# list\n!mozilla/A.crt\n!mozilla/B.crt\n");
  });
});
