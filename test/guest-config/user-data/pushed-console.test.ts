import { afterEach, beforeEach, expect, test } from "vitest";
import { pushConsole } from "../../../src/guest-config/initializer/console-url.ts";
import { type Guest, makeGuest } from "./guest.ts";

let guest: Guest;
beforeEach(() => {
  guest = makeGuest();
});
afterEach(() => guest.remove());

const config = (url: string) => `#cloud-config\nx-cloudimg: {console_url: "${url}"}\n`;
const moments = () => guest.recorded.map((line) => line.slice(line.lastIndexOf("sh nc")));

test("the link is kept for the later stages, for nobody else to read", () => {
  const { isFinalWanted, problems } = guest.boot(config("http://192.0.2.1:81/x?sign=1"));
  expect({ isFinalWanted, problems }).toEqual({ isFinalWanted: true, problems: [] });
  expect(guest.mode("/run/cloudimg/console-url")).toBe("600");
  expect(guest.mode("/run/cloudimg/console/head")).toBe("600");
  expect(guest.read("/run/cloudimg/console/head")).toMatch(/^PUT \/x\?sign=1 HTTP\/1\.1\r\nHost: 192\.0\.2\.1:81\r\n/);
  expect(pushConsole(guest.host, "ready")).toBeUndefined();
  expect(moments()).toEqual(["sh nc 192.0.2.1 81 network is up", "sh nc 192.0.2.1 81 ready"]);
  expect(guest.recorded.join()).not.toContain("sign=1");
});

test("without it nothing is sent, and no part is read", () => {
  const { isFinalWanted } = guest.boot("#cloud-config\nx-cloudimg: {}\nx-other: 1\n");
  const host = { ...guest.host, loadScript: () => expect.unreachable() };
  expect([isFinalWanted, pushConsole(host, "ready"), guest.recorded]).toEqual([true, undefined, []]);
  expect(guest.boot("#cloud-config\nlocale: C\n").isFinalWanted).toBe(false);
});

test("what cannot be sent or is not known is told", () => {
  expect(guest.boot(config("ftp://192.0.2.1/")).problems).toEqual([
    "console_url: the URL for the console cannot be read",
  ]);
  expect(guest.boot("#cloud-config\nx-cloudimg: {colour: red}\n").problems).toEqual([
    "console_url: x-cloudimg: colour is not known",
  ]);
});
