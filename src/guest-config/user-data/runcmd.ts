import type { Module } from "./module.ts";

export interface ShellScript {
  readonly script: string;
  readonly problems: readonly string[];
}

/** A list of commands as a script: a text is a line of shell; of a list each word is taken literally; null is nothing. What is neither is told, not guessed at. */
export function shellScript(value: unknown): ShellScript {
  const problems: string[] = [];
  if (!Array.isArray(value)) return { script: "", problems: ["is no list"] };
  const lines = value.flatMap((item: unknown, index) => {
    if (item === null) return [];
    if (Array.isArray(item)) return [item.map((word) => quoteAlways(String(word ?? ""))).join(" ")];
    if (typeof item === "string") return [item];
    const hint = typeof item === "object" ? ": is a colon in it without quotes?" : "";
    problems.push(`item ${index + 1} is neither a text nor a list${hint}`);
    return [];
  });
  return { script: ["#!/bin/sh", ...lines, ""].join("\n"), problems };
}

/** Even a word of letters could be a keyword of the shell or an assignment. */
function quoteAlways(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** runcmd: becomes one of the instance's scripts, which the final stage runs. */
export const runcmd: Module = {
  name: "runcmd",
  keys: ["runcmd"],
  stage: "config",
  frequency: "instance",
  run(config, { host, directory, problem }) {
    const { script, problems } = shellScript(config["runcmd"]);
    for (const text of problems) problem(text);
    if (script === "") return undefined;
    host.makeDirectory(`${directory}/scripts`, 0o700);
    host.writeFile(`${directory}/scripts/runcmd`, script, 0o700);
    return "a script for the final stage";
  },
};
