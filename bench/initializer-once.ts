import * as std from "qjs:std";
import { boot } from "../src/guest-config/initializer/boot.ts";
import { quickjsHost } from "../src/guest-config/initializer/host-qjs.ts";
import { planNetwork } from "../src/guest-config/network/network-plan.ts";
import { listNics } from "../src/guest-config/network/nics.ts";
import { shellScript } from "../src/guest-config/network/steps.ts";
import { configDrive } from "../src/guest-config/sources/config-drive.ts";
import { readSigns } from "../src/guest-config/sources/signs.ts";

/** Bundled by initializer.ts and run by QuickJS: everything up to the commands that set up the network, for a machine whose /sys, /proc and /dev are in a directory. */
const root = scriptArgs[1] ?? "";
const host = {
  ...quickjsHost,
  readText: (path: string) => quickjsHost.readText(root + path),
  readBytes: (path: string, offsetBytes: number, lengthBytes: number) =>
    quickjsHost.readBytes(root + path, offsetBytes, lengthBytes),
  list: (path: string) => quickjsHost.list(root + path),
  attributes: (path: string) => quickjsHost.attributes(root + path),
};
const found = configDrive.find(host, readSigns(host));
const network = found?.network;
// The guest reads all of its program; so does this one.
if (network === undefined || typeof boot !== "function") throw new Error("the drive was not found");
std.out.puts(shellScript(planNetwork(network, listNics(host), true).steps));
std.out.flush();
