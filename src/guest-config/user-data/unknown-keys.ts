import type { JsonObject } from "../initializer/json-values.ts";
import { isFalse } from "./settings.ts";

/** Keys of cloud-init that ask for something that images like ours have not. */
const unsupported =
  /^(ansible|apk_repos|apt(_\w+)?|autoinstall|byobu\w*|chef|drivers|fan|grub[-_]dpkg|hotplug|keyboard|landscape|lxd|manage_resolv_conf|mcollective|migrate|network|package(s|_\w+)|puppet|resolv_conf|rh_subscription|rpi|rsyslog|salt_minion|snap|spacewalk|ubuntu_\w+|updates|wireguard|yum_repo\w*|zypper|zfs_\w+)$/;

/** Keys that say how cloud-init itself works. They do nothing here, and nothing is missing without them. */
const withoutEffect =
  /^(cloud_(init|config|final)_modules|datasource(_list)?|debug|def_log_file|disable_ec2_metadata|features|id|log_cfgs|logcfg|merge_(how|type)|output|reporting|syslog_fix_perms|system_info|vendor_data2?|version|warnings|x-.*)$/;

/** A line for each top-level key that is not obeyed. One that asks for nothing is none. */
export function unknownKeyProblems(config: JsonObject, known: ReadonlySet<string>): string[] {
  return Object.entries(config).flatMap(([key, value]) => {
    if (known.has(key) || withoutEffect.test(key)) return [];
    if ((value ?? null) === null || isFalse(value) || (Array.isArray(value) && value.length === 0)) return [];
    const name = key.replace(/[^\w.-]/g, "?").slice(0, 40);
    if (key === "network") return ["key network does nothing in user data: the network is set up before it is read"];
    return [unsupported.test(key) ? `key ${name} of cloud-init is not supported` : `key ${name} is not known`];
  });
}
