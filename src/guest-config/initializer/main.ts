import * as std from "qjs:std";
import { boot } from "./boot.ts";
import { quickjsHost as host } from "./host-qjs.ts";
import { loadPart } from "./parts.ts";

/** Whatever happens, the boot goes on: somebody may be able to log in and look. */
function guarded(stage: () => void): number {
  try {
    stage();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    host.append("/dev/console", `cloudimg-init: failed: ${reason}\n`);
    loadPart(host, "system").writeFailure(host, reason);
  }
  return 0;
}

/** A process's directory in /proc belongs to its user. */
function isRoot(): boolean {
  return (host.attributes("/proc/self/.")?.uid ?? 0) === 0;
}

function main(args: readonly string[]): number {
  if (args.length === 1 && (args[0] === "boot" || args[0] === "final") && !isRoot()) {
    std.err.puts(`cloudimg-init: cannot ${args[0]}: only root may configure the instance\n`);
    return 1;
  }
  if (args.length === 1 && args[0] === "boot") return guarded(() => boot(host));
  if (args.length === 1 && args[0] === "final") return guarded(() => loadPart(host, "system").final(host));
  const { text, error, exitCode } = loadPart(host, "verbs").runVerb(host, args);
  std.out.puts(text);
  std.err.puts(error);
  return exitCode;
}

const exitCode = main(scriptArgs.slice(1));
std.out.flush();
std.exit(exitCode);
