import * as std from "qjs:std";
import { boot } from "./boot.ts";
import { quickjsHost as host } from "./host-qjs.ts";
import { showStatus } from "./show-status.ts";
import { writeFailure } from "./write-status.ts";

const usage = `cloudimg-init: configures this instance from what its cloud tells it

  cloudimg-init boot                         at each boot: find the source, set host name, network and keys
  cloudimg-init status [--wait] [--format json]   how it went; exit code 0 done, 1 failed or not run, 2 with errors
  cloudimg-init --help
`;

function main(args: readonly string[]): number {
  const [verb, ...options] = args;
  if (verb === "boot" && options.length === 0) {
    try {
      boot(host);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      host.append("/dev/console", `cloudimg-init: failed: ${reason}\n`);
      writeFailure(host, reason);
    }
    // Whatever happened, the boot goes on: somebody may be able to log in and look.
    return 0;
  }
  if (verb === "status") {
    const format = options.join(" ").match(/^(--wait )?(?:--format[ =](json|text)) ?(--wait)?$|^(--wait)?$/);
    if (format !== null) {
      const { text, exitCode } = showStatus(host, {
        wait: options.includes("--wait"),
        format: format[2] === "json" ? "json" : "text",
      });
      std.out.puts(text);
      return exitCode;
    }
  }
  std.out.puts(usage);
  return verb === "--help" || verb === "help" ? 0 : 2;
}

const exitCode = main(scriptArgs.slice(1));
std.out.flush();
std.exit(exitCode);
