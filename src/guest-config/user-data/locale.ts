import type { Host } from "../initializer/host.ts";
import { asObject } from "../initializer/json-values.ts";
import type { Module } from "./module.ts";

const localePaths = ["/etc/locale.conf", "/etc/default/locale"];
const keyboardPath = "/etc/default/keyboard";

/** Language and keyboard, for an image that has a file to say it in. The C locale needs none. */
export const locale: Module = {
  name: "locale",
  keys: ["locale", "locale_configfile", "keyboard"],
  stage: "config",
  frequency: "instance",
  run(config, { host, problem }) {
    const said: string[] = [];
    const name = config["locale"];
    const isUntold = name === undefined || name === null || name === false || name === "";
    if (!isUntold && !/^(C|POSIX)(\.[\w-]+)?$/i.test(String(name))) {
      const path = localePaths.find((candidate) => host.attributes(candidate) !== undefined);
      if (typeof name !== "string" || !/^[\w.@-]+$/.test(name)) problem("locale is no name such as de_DE.UTF-8");
      else if (path === undefined) problem(`locale ${name} is not supported: this image has no ${localePaths[0]}`);
      else {
        setVariables(host, path, { LANG: name });
        said.push(name);
      }
    }
    const layout = asObject(config["keyboard"]);
    if (config["keyboard"] !== undefined && config["keyboard"] !== null) {
      const variables = {
        XKBLAYOUT: layout?.["layout"],
        XKBMODEL: layout?.["model"],
        XKBVARIANT: layout?.["variant"],
        XKBOPTIONS: layout?.["options"],
      };
      const told = Object.entries(variables).filter(([, value]) => value !== undefined);
      if (host.attributes(keyboardPath) === undefined) problem("keyboard is not supported by this image");
      else if (layout?.["layout"] === undefined || !told.every(([, value]) => /^[\w:,-]*$/.test(String(value))))
        problem("keyboard names no layout");
      else {
        setVariables(host, keyboardPath, Object.fromEntries(told.map(([key, value]) => [key, String(value)])));
        said.push(`keyboard ${String(layout["layout"])}`);
      }
    }
    return said.length === 0 ? undefined : said.join(", ");
  },
};

/** Lines NAME=VALUE; others stay. */
function setVariables(host: Host, path: string, variables: Readonly<Record<string, string>>): void {
  const present = host.readText(path) ?? "";
  const kept = present.split("\n").filter((line) => line !== "" && !Object.hasOwn(variables, line.split("=")[0] ?? ""));
  const text = [...kept, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`), ""].join("\n");
  if (text !== present) host.writeFile(path, text, 0o644);
}
