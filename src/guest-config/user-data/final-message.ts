import type { Module } from "./module.ts";
import { asWord } from "./settings.ts";

/** final_message: on the console, with cloud-init's words put in. */
export const finalMessage: Module = {
  name: "final_message",
  keys: ["final_message"],
  stage: "final",
  frequency: "always",
  run(config, { host, instance }) {
    const template = asWord(config["final_message"]);
    if (template === undefined) throw new Error("final_message is no text");
    const words: Readonly<Record<string, string>> = {
      uptime: host.readText("/proc/uptime")?.split(" ")[0] ?? "0",
      timestamp: new Date(host.clockMs()).toUTCString().replace("GMT", "+0000"),
      version: "cloudimg",
      datasource: `DataSource${instance.source}`,
    };
    const text = template.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
      const name = (braced ?? bare ?? "").toLowerCase();
      return Object.hasOwn(words, name) ? (words[name] as string) : whole;
    });
    return text.replace(/^## template:.*\n/, "").trim();
  },
};
