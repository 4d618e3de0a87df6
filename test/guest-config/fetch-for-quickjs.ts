import * as std from "qjs:std";
import { encodeBase64 } from "../../src/guest-config/initializer/bytes.ts";
import { fetchThroughPrograms } from "../../src/guest-config/initializer/fetch-programs.ts";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import { quickjsHost } from "../../src/guest-config/initializer/host-qjs.ts";

/** Bundled by http-guest.test.ts and run by QuickJS: requests from a file, results as JSON. The guest's files are below a directory. */
const [, root = "", requestsFile = ""] = scriptArgs;
const at = (path: string) => (path.startsWith("/dev/") ? path : `${root}${path}`);
const host: Host = {
  ...quickjsHost,
  readText: (path) => quickjsHost.readText(at(path)),
  readBytes: (path, offsetBytes, lengthBytes) => quickjsHost.readBytes(at(path), offsetBytes, lengthBytes),
  writeFile: (path, content, mode) => quickjsHost.writeFile(at(path), content, mode),
  attributes: (path) => quickjsHost.attributes(at(path)),
  list: (path) => quickjsHost.list(at(path)),
  makeDirectory: (path, mode) => quickjsHost.makeDirectory(at(path), mode),
  remove: (path) => quickjsHost.remove(at(path)),
  start: ({ inputPath, outputPath, errorPath, ...command }) =>
    quickjsHost.start({
      ...command,
      inputPath: inputPath && at(inputPath),
      environment: { CURL_CA_BUNDLE: `${root}/ca.pem` },
      outputPath: at(outputPath ?? "/dev/null"),
      errorPath: at(errorPath ?? "/dev/null"),
    }),
};

for (const request of JSON.parse(std.open(requestsFile, "r")?.readAsString() ?? "[]")) {
  const startMs = host.nowMs();
  const result = fetchThroughPrograms(host, request);
  const shown = "failure" in result ? result : { ...result, body: encodeBase64(result.body) };
  const left = host.list("/run/cloudimg/http").length;
  std.out.puts(`${JSON.stringify({ ...shown, ms: host.nowMs() - startMs, left })}\n`);
}
std.out.flush();
