import type { Module } from "./module.ts";

const database = "/usr/share/zoneinfo";

/** The time zone by its name in the database. Without one in the image nothing is guessed: times stay in UTC. */
export const timezone: Module = {
  name: "timezone",
  keys: ["timezone"],
  stage: "config",
  frequency: "instance",
  run(config, { host, problem }) {
    const name = config["timezone"];
    if (name === undefined || name === null || name === "") return undefined;
    if (typeof name !== "string" || !/^[\w+-]+(\/[\w+-]+)*$/.test(name)) {
      problem("timezone is no name such as Europe/Berlin");
      return undefined;
    }
    const path = `${database}/${name}`;
    const kind = host.attributes(path)?.kind;
    const isUtc = /^(Etc\/)?(UTC|UCT|Zulu)$/.test(name);
    if (kind !== "file" && kind !== "link") {
      if (isUtc && host.attributes("/etc/localtime") === undefined) return undefined;
      const why = host.attributes(database) === undefined ? "has no time zones" : "does not know it";
      problem(`timezone ${name}: this image ${why}`);
      return undefined;
    }
    if (host.readLink("/etc/localtime") !== path) host.link(path, "/etc/localtime");
    if (host.readText("/etc/timezone") !== `${name}\n`) host.writeFile("/etc/timezone", `${name}\n`, 0o644);
    return name;
  },
};
