import { asObject } from "../initializer/json-values.ts";
import { quote } from "../initializer/processes.ts";
import type { Module, Task } from "./module.ts";
import { runLogged } from "./run-logged.ts";
import { asWord, isFalse, isTrue } from "./settings.ts";

const conditionLimitMs = 30_000;
const longestSeconds = 24 * 3600;

/** power_state: turns the machine off, or on again, when all else is done. */
export const powerState: Module = {
  name: "power_state_change",
  keys: ["power_state"],
  stage: "final",
  frequency: "instance",
  run(config, task) {
    const settings = asObject(config["power_state"]);
    const mode = asWord(settings?.["mode"]);
    if (settings === undefined || mode === undefined || !["poweroff", "reboot", "halt"].includes(mode))
      throw new Error("power_state needs a mode: poweroff, reboot or halt");
    const delaySeconds = minutes(settings["delay"]);
    if (delaySeconds === undefined) throw new Error("power_state: delay is neither now nor minutes");
    if (!holds(settings["condition"], task)) return undefined;
    const waitSeconds = Math.min(Number(asWord(settings["timeout"]) ?? 30) || 0, longestSeconds);
    const message = asWord(settings["message"]);
    const say = message === undefined ? "" : `echo ${quote(message)} >/dev/console; `;
    // The initializer, its parent, is to end and say so first. Services get the time that init gives them.
    const shell = `p=$PPID; n=0; while [ -d /proc/$p ] && [ $n -lt ${Math.ceil(waitSeconds)} ]; do sleep 1; n=$((n+1)); done; sleep ${delaySeconds}; ${say}${mode}`;
    task.host.start({ argv: ["sh", "-c", shell], isGroup: true });
    return delaySeconds === 0 ? `${mode} now` : `${mode} in ${delaySeconds / 60} minutes`;
  },
};

/** `now`, `+30`, `30` (minutes), in seconds. */
function minutes(delay: unknown): number | undefined {
  const word = asWord(delay) ?? "now";
  if (word === "now") return 0;
  const count = /^\+?(\d{1,5})$/.exec(word)?.[1];
  return count === undefined ? undefined : Math.min(Number(count) * 60, longestSeconds);
}

/** A truth, a line of shell, or a program with its words, which has to end with 0. */
function holds(condition: unknown, { host, problem }: Task): boolean {
  if ((condition ?? null) === null || isTrue(condition)) return true;
  if (isFalse(condition)) return false;
  const argv = Array.isArray(condition) ? condition.map(String) : ["sh", "-c", String(condition)];
  const failure = runLogged(host, { argv }, conditionLimitMs);
  if (failure !== undefined && failure !== "ended with 1") problem(`condition ${failure}: nothing is done`);
  return failure === undefined;
}
