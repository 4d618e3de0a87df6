import type { InstanceConfig } from "../model.ts";

/**
 * OpenStack's meta_data.json. Keys of the default user are `public_keys`, which every reader knows. Keys of the other users are ours alone: they are
 * JSON text inside `meta`, whose values OpenStack requires to be strings.
 */
export function metaData(config: InstanceConfig): object {
  const { instanceId, hostname, defaultUser } = config;
  const { keys, others } = splitKeys(config);
  const meta = {
    ...(defaultUser === undefined ? {} : { [defaultUserKey]: defaultUser }),
    ...(Object.keys(others).length === 0 ? {} : { [otherKeysKey]: JSON.stringify(others) }),
  };
  return {
    uuid: instanceId,
    hostname,
    name: hostname.replace(/\..*/, ""),
    public_keys: Object.fromEntries(keys.map((line, index) => [`key-${index}`, line])),
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
}

/** The default user's keys, which every channel can hand over, and those of the others, which only we know to. */
export function splitKeys({ authorizedKeys, defaultUser }: Pick<InstanceConfig, "authorizedKeys" | "defaultUser">) {
  const { [defaultUser ?? "root"]: keys = [], ...others } = authorizedKeys;
  return { keys, others: sorted(others) };
}

/** Members of `meta` that the initializer knows. */
export const defaultUserKey = "cloudimg_user";
export const otherKeysKey = "cloudimg_authorized_keys";

function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
