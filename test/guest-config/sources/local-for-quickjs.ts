import * as std from "qjs:std";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import { quickjsHost } from "../../../src/guest-config/initializer/host-qjs.ts";
import { memoryHost } from "./memory-host.ts";
import { summary } from "./summary.ts";

/** Bundled and run by QuickJS: what each local source finds in the guests whose root directories are the arguments. */
for (const root of scriptArgs.slice(1)) {
  const host: Host = {
    ...quickjsHost,
    readText: (path) => quickjsHost.readText(root + path),
    readBytes: (path, offset, length) => quickjsHost.readBytes(root + path, offset, length),
    list: (path) => quickjsHost.list(root + path),
    attributes: (path) => quickjsHost.attributes(root + path),
    readLink: (path) => quickjsHost.readLink(root + path),
    loadScript: memoryHost({}).loadScript,
  };
  std.out.puts(`${JSON.stringify(summary(host))}\n`);
}
std.out.flush();
