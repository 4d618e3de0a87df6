import type { Instance } from "../initializer/instance.ts";
import { asObject, asText, type JsonObject } from "../initializer/json-values.ts";
import { isAccountName } from "./accounts-files.ts";
import { normaliseUsers, type UsersAndGroups } from "./users-groups-normal.ts";

/**
 * Users as cloud-config and the image have them together: the image's default user is whom the source names, else `system_info.default_user`, else root. Without
 * `users` it is the only one.
 */
export function readUsers(
  config: JsonObject,
  instance: Pick<Instance, "defaultUser">,
  problem: (text: string) => void,
): UsersAndGroups & { readonly defaultUser: string } {
  const known = asObject(asObject(config["system_info"])?.["default_user"]);
  const wished = instance.defaultUser ?? asText(known?.["name"]) ?? "root";
  const name = isAccountName(wished) ? wished : "root";
  if (name !== wished) problem(`${JSON.stringify(wished)} is no user's name; root is the default user`);
  const imageUser = known?.["name"] === name ? known : { name };
  const result = normaliseUsers({ ...config, users: config["users"] ?? ["default"] }, imageUser, problem);
  const { defaultUser = name } = result;
  return { ...result, defaultUser: isAccountName(defaultUser) ? defaultUser : name };
}
