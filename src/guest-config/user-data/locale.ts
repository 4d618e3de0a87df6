import type { Module } from "./module.ts";

const paths = ["/etc/locale.conf", "/etc/default/locale"];

/** The language, for an image that has a file to say it in. The C locale needs none. */
export const locale: Module = {
  name: "locale",
  keys: ["locale", "locale_configfile"],
  stage: "config",
  frequency: "instance",
  run(config, { host, problem }) {
    const name = config["locale"] ?? false;
    if (name === false || name === "" || /^(C|POSIX)(\.[\w-]+)?$/i.test(String(name))) return undefined;
    const path = paths.find((candidate) => host.attributes(candidate) !== undefined);
    const isGood = typeof name === "string" && /^[\w.@-]+$/.test(name);
    if (!isGood) problem("locale is no name such as de_DE.UTF-8");
    else if (path === undefined) problem(`locale ${name} is not supported: this image has no ${paths[0]}`);
    if (!isGood || path === undefined) return undefined;
    const present = host.readText(path) ?? "";
    const others = present.split("\n").filter((line) => line !== "" && !line.startsWith("LANG="));
    const text = [...others, `LANG=${name}`, ""].join("\n");
    if (text !== present) host.writeFile(path, text, 0o644);
    return name;
  },
};
