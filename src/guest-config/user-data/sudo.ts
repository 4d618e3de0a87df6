import type { Host } from "../initializer/host.ts";
import type { JsonObject } from "../initializer/json-values.ts";

type Problem = (text: string) => void;

const sudoersPath = "/etc/sudoers.d/90-cloud-init-users";
const doasPath = "/etc/doas.conf";

/** A user's `sudo`: rules without the name before; a rule or a list of them. False and null are none. */
function sudoLines(name: string, value: unknown, problem: Problem): string[] {
  return rulesOf(`user ${name}: sudo`, value, problem).map((rule) => `${name} ${rule}`);
}

/** A user's `doas`: whole lines, which have to be about this user (or this user's group, or everybody). */
function doasLines(name: string, value: unknown, problem: Problem): string[] {
  return rulesOf(`user ${name}: doas`, value, problem).filter((rule) => {
    const isAbout = rule.split(/\s+/).some((word) => word === name || word === `:${name}`);
    if (!isAbout) problem(`user ${name}: doas has a rule that is not about ${name}`);
    return isAbout;
  });
}

function rulesOf(what: string, value: unknown, problem: Problem): string[] {
  if (value === undefined || value === null || value === false) return [];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => {
    // A rule is a line; a backslash at its end would draw the next user's rule into it.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break would begin another rule
    if (typeof item === "string" && item.trim() !== "" && !/[\x00-\x08\x0a-\x1f\x7f]|\\$/.test(item.trim()))
      return [item.trim()];
    problem(`${what} has a rule that is not one line of text`);
    return [];
  });
}

/** Adds rules where sudo and doas look for them; those that are there are not added again. */
export function writeRules(host: Host, { sudo, doas }: { sudo: string[]; doas: string[] }, problem: Problem): void {
  const has = (name: string) => ["/usr/bin/", "/bin/"].some((folder) => host.attributes(folder + name) !== undefined);
  if (sudo.length > 0) {
    host.makeDirectory("/etc/sudoers.d", 0o750);
    addLines(host, sudoersPath, sudo, 0o440);
    const main = host.readText("/etc/sudoers");
    if (main !== undefined && !/^[@#]includedir\s+\/etc\/sudoers\.d\s*$/m.test(main))
      addLines(host, "/etc/sudoers", ["@includedir /etc/sudoers.d"], 0o440);
    if (!has("sudo")) problem("there are rules for sudo, but this image has no sudo");
  }
  if (doas.length > 0) {
    addLines(host, doasPath, doas, 0o440);
    if (!has("doas")) problem("there are rules for doas, but this image has no doas");
  }
}

function addLines(host: Host, path: string, lines: readonly string[], mode: number): void {
  const present = host.readText(path) ?? "";
  const known = new Set(present.split("\n"));
  const missing = lines.filter((line) => !known.has(line));
  if (missing.length === 0) return;
  const before = present === "" || present.endsWith("\n") ? present : `${present}\n`;
  host.writeFile(path, `${before}${missing.map((line) => `${line}\n`).join("")}`, mode);
}

/** The rules of all users. */
export function rulesFor(users: ReadonlyMap<string, JsonObject>, problem: Problem): { sudo: string[]; doas: string[] } {
  const entries = [...users];
  return {
    sudo: entries.flatMap(([name, keys]) => sudoLines(name, keys["sudo"], problem)),
    doas: entries.flatMap(([name, keys]) => doasLines(name, keys["doas"], problem)),
  };
}
