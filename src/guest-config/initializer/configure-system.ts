import { needsGrowth } from "../disk/room.ts";
import { readGrowSettings } from "../user-data/growpart.ts";
import { beginUnfinished } from "./final-marker.ts";
import { feedRandomSeed, giveAccess, keysByUser } from "./give-access.ts";
import type { Host } from "./host.ts";
import { injectFiles } from "./inject-files.ts";
import type { Instance } from "./instance.ts";
import { writeInstanceData } from "./instance-data.ts";
import type { Journal } from "./journal.ts";
import { loadPart } from "./parts.ts";
import type { SourceResult } from "./source-result.ts";
import { setTimeServers } from "./time-servers.ts";

/** What is on the disk: files, keys, room, users; all that needs no network. Says whether something is left for the final stage. */
export function configureSystem(
  host: Host,
  request: { readonly source: SourceResult; readonly instance: Instance; readonly isUserConfigured: boolean },
  journal: Journal,
): boolean {
  const { instance, isUserConfigured, source } = request;
  const { found } = source;
  journal.phase("access", () => ({ value: beginUnfinished(host, { keys: keysByUser(found) }) }));
  journal.phase("instance data", () => ({ value: writeInstanceData(host, instance) }));
  feedRandomSeed(host, found, (problem) => journal.problem("random seed", problem));
  const { files } = found;
  if (instance.isNew && files !== undefined && files.length > 0)
    journal.phase("files", (problem) => injectFiles(host, files, problem));
  // User data may forbid it: then its module grows what is to grow.
  if (!isUserConfigured && needsGrowth(host))
    journal.phase("grow", (problem) => {
      const settings = readGrowSettings(host, {}, problem);
      return { said: loadPart(host, "disk").growDisk(host, settings, journal), value: undefined };
    });
  const { passwordHashes } = found;
  if (passwordHashes !== undefined && Object.keys(passwordHashes).length > 0)
    journal.phase("passwords", (problem) => setPasswords(host, passwordHashes, problem));
  journal.phase("time", (problem) => setTimeServers(host, found, problem));
  let isAnswered: boolean | undefined;
  if (isUserConfigured) {
    journal.stage("modules-config");
    const configure = () => ({ value: loadPart(host, "userData").configure(host, instance, journal) });
    isAnswered = journal.phase("user data", configure);
  }
  // User data may want the cloud's keys for somebody else, or for nobody: its modules give them then.
  if (isAnswered === undefined) journal.phase("access", (problem) => giveAccess(host, found, problem));
  if (found.finish !== undefined) journal.phase("source", () => ({ value: found.finish?.(host) }));
  return isAnswered === true;
}

function setPasswords(host: Host, hashes: Readonly<Record<string, string>>, problem: (text: string) => void) {
  for (const text of loadPart(host, "userData").setPasswordHashes(host, hashes)) problem(text);
  return { said: `of ${Object.keys(hashes).join(", ")}`, value: undefined };
}
