import type { KeyGrant } from "../initializer/authorized-keys.ts";
import type { Instance } from "../initializer/instance.ts";
import type { JsonObject } from "../initializer/json-values.ts";
import { isField } from "./accounts-files.ts";
import { asFlag } from "./users-groups-normal.ts";

/** What a key may do that only tells its owner to log in as somebody else. No quotes within the quotes: dropbear and sshd(8) read those differently. */
const defaultOptions = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,command="echo 'Please login as the user $USER rather than the user $DISABLE_USER.';echo;sleep 10;exit 142"`;

/** @param template cloud-config's `disable_root_opts`; `$USER` and `$DISABLE_USER` in it stand for the users */
export function redirectOptions(template: string | undefined, user: string, disabledUser: string): string {
  return (template ?? defaultOptions).replaceAll("$USER", () => user).replaceAll("$DISABLE_USER", () => disabledUser);
}

/**
 * Who gets which keys: the default user those of the cloud and of cloud-config. With `disable_root` root gets them as well, but may do nothing with them; with
 * `disable_root: false` root gets them as they are; without a word on it, root has only what the image gives it.
 */
export function planKeyGrants(
  config: JsonObject,
  instance: Pick<Instance, "publicKeys" | "authorizedKeys">,
  defaultUser: string,
  topLevelKeys: readonly string[],
  problem: (text: string) => void,
): KeyGrant[] {
  const isCloudWelcome = asFlag(config["allow_public_ssh_keys"] ?? true) !== false;
  const keys = [...(isCloudWelcome ? instance.publicKeys : []), ...topLevelKeys];
  const grants: KeyGrant[] = Object.entries(instance.authorizedKeys).map(([user, own]) => ({ user, keys: own }));
  if (keys.length === 0) return grants;
  grants.push({ user: defaultUser, keys });
  const isRootDisabled = asFlag(config["disable_root"]);
  if (defaultUser === "root" || isRootDisabled === undefined) return grants;
  if (!isRootDisabled) return [...grants, { user: "root", keys }];
  const template = config["disable_root_opts"] ?? undefined;
  const isGood = typeof template === "string" && isField(template.replaceAll(":", ""));
  if (template !== undefined && !isGood) problem("disable_root_opts is not one line of text");
  return [
    ...grants,
    { user: "root", keys, options: redirectOptions(isGood ? template : undefined, defaultUser, "root") },
  ];
}
