import { needsGrowth } from "../disk/room.ts";
import type { Host } from "../initializer/host.ts";
import { asObject, asTexts, type JsonObject } from "../initializer/json-values.ts";
import { type GrowSettings, loadPart } from "../initializer/parts.ts";
import type { Module } from "./module.ts";

/** cloud-init's growpart and resizefs in one: both are there to have the root fill its disk. */
export const growpart: Module = {
  name: "growpart",
  keys: ["growpart", "resize_rootfs"],
  // Without user data the boot grows the root by itself; with it this does.
  isAlwaysRun: true,
  stage: "early",
  frequency: "always",
  run(config, { host, problem }) {
    const settings = readGrowSettings(host, config, problem);
    if (!settings.growsPartition && settings.growsFileSystem === false) return undefined;
    const isDefault = settings.devices.length === 1 && settings.devices[0] === "/";
    if (isDefault && !needsGrowth(host)) return undefined;
    return loadPart(host, "disk").growDisk(host, settings, { said() {}, problem: (_, text) => problem(text) });
  },
};

export function readGrowSettings(host: Host, config: JsonObject, problem: (text: string) => void): GrowSettings {
  const { growpart: given, resize_rootfs: resize = true } = config;
  const wish = asObject(given) ?? {};
  if (given !== undefined && given !== null && asObject(given) === undefined) problem("growpart is no mapping");
  // YAML 1.1 takes `off` for false.
  const mode = String(wish["mode"] ?? "auto").toLowerCase();
  const isOff = mode === "off" || mode === "false";
  if (!isOff && !["auto", "growpart", "gpart"].includes(mode)) problem(`growpart: ${mode} is no mode`);
  const isDisabled =
    wish["ignore_growroot_disabled"] !== true && host.attributes("/etc/growroot-disabled") !== undefined;
  const devices = wish["devices"] === undefined ? ["/"] : asTexts(wish["devices"]);
  if (devices.length === 0) problem("growpart: devices is no list of texts");
  const word = typeof resize === "object" && resize !== null ? "it" : String(resize ?? true).toLowerCase();
  const isResized = ["true", "yes", "on", "1"].includes(word);
  if (!isResized && !["false", "no", "off", "0", "noblock"].includes(word))
    problem(`resize_rootfs: ${word} is neither true, false nor noblock`);
  return {
    growsPartition: !isOff && !isDisabled,
    devices: devices.length === 0 ? ["/"] : devices,
    growsFileSystem: word === "noblock" ? "noblock" : isResized,
  };
}
