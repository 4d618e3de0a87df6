import * as std from "qjs:std";
import type { Command, Host } from "../../../src/guest-config/initializer/host.ts";
import { quickjsHost } from "../../../src/guest-config/initializer/host-qjs.ts";
import * as userData from "../../../src/guest-config/parts/user-data.ts";
import * as yaml from "../../../src/guest-config/parts/yaml.ts";

/** Bundled by quickjs.test.ts and run by QuickJS: a boot with user data in a directory, and the stage after it. What was said goes to standard output. */
const root = scriptArgs[1] ?? "";
const parts: Readonly<Record<string, unknown>> = { yaml };
const at = (path: string) => `${root}${path}`;

const host: Host = {
  ...quickjsHost,
  readText: (path) => quickjsHost.readText(at(path)),
  readBytes: (path, offset, length) => quickjsHost.readBytes(at(path), offset, length),
  writeFile: (path, content, mode) => quickjsHost.writeFile(at(path), content, mode),
  append: (path, content) => quickjsHost.append(at(path), content),
  list: (path) => quickjsHost.list(at(path)),
  attributes: (path) => quickjsHost.attributes(at(path)),
  readLink: (path) => quickjsHost.readLink(at(path)),
  link: (target, path) => quickjsHost.link(target, at(path)),
  makeDirectory: (path, mode) => quickjsHost.makeDirectory(at(path), mode),
  remove: (path) => quickjsHost.remove(at(path)),
  loadScript: (name) => parts[name],
  fetch: () => ({ failure: "there is no network", kind: "refused" }),
  start(command: Command) {
    const isShell = command.argv[1] === "-c";
    // Other shell scripts of modules are about the machine itself, which is the tests'.
    if (isShell && !/gunzip/.test(command.argv[2] ?? "")) return { poll: () => 0, kill: () => {} };
    const argv = isShell ? command.argv : command.argv.map((word) => (/^\/(var|run)\//.test(word) ? at(word) : word));
    const { inputPath, outputPath } = command;
    return quickjsHost.start({
      ...command,
      argv,
      directory: root,
      inputPath: inputPath === undefined ? undefined : at(inputPath),
      outputPath: outputPath === undefined ? undefined : at(outputPath),
    });
  },
};

const line = (kind: string) => (step: string, text: string) => {
  std.out.puts(`${kind} ${step}: ${text.replace(/\d+ ms/, "N ms")}\n`);
};
const report = { said: line("said"), problem: line("problem") };
const instance = {
  instanceId: "i-1",
  isNew: true,
  source: "NoCloud",
  publicKeys: [],
  authorizedKeys: {},
  vendorData: [],
  metadata: {},
  userData: quickjsHost.readBytes(`${root}/user-data`, 0, 1 << 20),
};
const isMore = userData.configure(host, instance, report);
std.out.puts(`more ${isMore}\n`);
if (isMore) userData.finish(host, report);
std.out.flush();
