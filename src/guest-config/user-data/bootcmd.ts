import { earlyLimitMs } from "./early-limit.ts";
import type { Module } from "./module.ts";
import { runLogged, scriptEnvironment } from "./run-logged.ts";
import { shellScript } from "./runcmd.ts";

/** For all of them together: everything else waits. */
const limitMs = 30_000;

/** bootcmd: at each boot, before anything else of user data. */
export const bootcmd: Module = {
  name: "bootcmd",
  keys: ["bootcmd"],
  stage: "early",
  frequency: "always",
  run(config, { host, instance, problem }) {
    const { script, problems } = shellScript(config["bootcmd"]);
    for (const text of problems) problem(text);
    if (script === "") return undefined;
    const path = "/run/cloudimg/bootcmd";
    host.makeDirectory("/run/cloudimg", 0o755);
    host.writeFile(path, script, 0o700);
    const environment = scriptEnvironment(instance.instanceId);
    const command = { argv: ["/bin/sh", path], environment, directory: "/" };
    const failure = runLogged(host, command, earlyLimitMs(host, limitMs));
    host.remove(path);
    if (failure !== undefined) problem(failure);
    return failure === undefined ? "run" : undefined;
  },
};
