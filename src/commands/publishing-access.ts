import type { Profile } from "../profile/schema.ts";
import { instanceUserData } from "../providers/instance-user-data.ts";
import { keptHostKey, keptRunKey } from "../providers/journal-key.ts";
import type { CloudPublishRequest } from "../providers/publish-cloud-request.ts";
import { type CloudSmoke, smokeInCloud } from "../providers/publish-cloud-smoke.ts";
import type { CloudSession } from "./cloud-session.ts";

export type SmokePatience = Pick<CloudSmoke, "bootTimeoutMs" | "watchEveryMs" | "onResult">;

/** What an instance is told, and how it is then checked, by the keys that a run keeps beside its journal. */
export function cloudSmoke(
  profile: Profile,
  { cloud, connection }: Pick<CloudSession, "cloud" | "connection">,
  patience: SmokePatience,
): { readonly access: CloudPublishRequest["access"]; readonly check: CloudPublishRequest["smoke"] } {
  // A system of the user's own may not know what to do with a host key that it is given.
  const isOurs = profile.image.system === "busybox";
  return {
    async access(directory, _, { consoleUrl }) {
      const { publicKeyLine } = await keptRunKey(directory);
      const hostKey = isOurs ? await keptHostKey(directory) : undefined;
      const url = isOurs ? await consoleUrl() : undefined;
      const { user: name, userData: given } = profile.instance;
      const user = isOurs && name !== "root" ? { name, authorizedKeys: [publicKeyLine] } : undefined;
      return { publicKeyLine, userData: instanceUserData({ given, hostKey, consoleUrl: url, user }) };
    },
    async check(subject, context) {
      const { privateKey } = await keptRunKey(subject.directory);
      const hostKeyLine = isOurs ? (await keptHostKey(subject.directory)).publicKeyLine : undefined;
      return await smokeInCloud({ cloud, connection, profile, privateKey, hostKeyLine, ...patience }, subject, context);
    },
  };
}
