import { keepConsoleUrl, pushConsole } from "../initializer/console-url.ts";
import { asObject, asText } from "../initializer/json-values.ts";
import type { Module } from "./module.ts";

/** `x-cloudimg: {console_url: …}`, a key of our own: the boot's log is sent there, for clouds that show no console. */
export const consoleUrl: Module = {
  name: "console_url",
  keys: ["x-cloudimg"],
  stage: "early",
  frequency: "always",
  run(config, { host, problem }) {
    const { console_url: url, ...others } = asObject(config["x-cloudimg"]) ?? {};
    for (const name of Object.keys(others)) problem(`x-cloudimg: ${name.replace(/[^\w.-]/g, "?")} is not known`);
    const wanted = asText(url)?.trim() ?? "";
    if (wanted === "") return undefined;
    keepConsoleUrl(host, wanted);
    const failure = pushConsole(host, "network is up");
    if (failure !== undefined) problem(failure);
    return undefined;
  },
};

/** What comes after the services is sent too, at the end of the stage: so there has to be one. */
export const consoleEnd: Module = { ...consoleUrl, name: "console_end", stage: "final", run: () => undefined };
