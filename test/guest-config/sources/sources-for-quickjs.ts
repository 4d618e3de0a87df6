import * as std from "qjs:std";
import { encodeBase64 } from "../../../src/guest-config/initializer/bytes.ts";
import { fetchThroughPrograms } from "../../../src/guest-config/initializer/fetch-programs.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { quickjsHost } from "../../../src/guest-config/initializer/host-qjs.ts";
import { networkSources } from "../../../src/guest-config/sources/network-sources.ts";
import { readSigns } from "../../../src/guest-config/sources/signs.ts";
import { memoryHost } from "./memory-host.ts";

/**
 * Bundled by http-sources-guest.test.ts and run by QuickJS: sources ask servers through busybox's nc. The clouds' addresses are led to loopback; what nc writes goes to a
 * directory of the test.
 */
const [, root = "", tasksFile = ""] = scriptArgs;
const at = (path: string) => (path.startsWith("/run/") ? root + path : path);
const programs: Host = {
  ...quickjsHost,
  readText: (path) => quickjsHost.readText(at(path)),
  readBytes: (path, offsetBytes, lengthBytes) => quickjsHost.readBytes(at(path), offsetBytes, lengthBytes),
  attributes: (path) => quickjsHost.attributes(at(path)),
  list: (path) => quickjsHost.list(at(path)),
  makeDirectory: (path, mode) => quickjsHost.makeDirectory(at(path), mode),
  remove: (path) => quickjsHost.remove(at(path)),
  start: ({ outputPath = "/dev/null", errorPath = "/dev/null", ...command }) =>
    quickjsHost.start({ ...command, outputPath: at(outputPath), errorPath: at(errorPath) }),
};

for (const { source, files, origin, at: place } of JSON.parse(std.open(tasksFile, "r")?.readAsString() ?? "[]")) {
  const host: Host = {
    ...memoryHost(files),
    fetch: (request) => {
      const url = request.url.startsWith(`${origin}/`) ? place + request.url.slice(origin.length) : undefined;
      return url === undefined
        ? { failure: "not this cloud's address", kind: "refused" }
        : fetchThroughPrograms(programs, { ...request, url });
    },
    nowMs: () => quickjsHost.nowMs(),
    sleepMs: (ms) => quickjsHost.sleepMs(ms),
  };
  const startMs = host.nowMs();
  const found = networkSources.find(({ name }) => name === source)?.find(host, readSigns(host));
  const userData = found?.userData && encodeBase64(found.userData);
  std.out.puts(`${JSON.stringify({ found: { ...found, userData }, ms: host.nowMs() - startMs })}\n`);
}
std.out.flush();
