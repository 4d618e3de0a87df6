import { parseOsConf } from "../network/os-conf.ts";
import type { Found, Instructions } from "./datasource.ts";
import { osConfDirectories } from "./detect.ts";
import type { FileReader } from "./file-reader.ts";

/**
 * What Tencent's os.conf says beside the drive's other documents: those go before it, but for the password. The vendor asks to obey it at every boot
 * (cloud.tencent.com/document/product/213/12849).
 *
 * @returns undefined if there is neither
 */
export function withOsConf(found: Found | undefined, files: FileReader, place: string): Found | undefined {
  const root = files.list("");
  const path = osConfDirectories
    .filter((name) => root.includes(name))
    .find((name) => files.list(name).includes("os.conf"));
  if (path === undefined) return found;
  const text = files.readText(`${path}/os.conf`);
  if (text === undefined)
    return {
      authorizedKeys: {},
      ...found,
      place,
      isBroken: found?.isBroken ?? true,
      problems: [...(found?.problems ?? []), "os.conf cannot be read"],
    };
  const { passwordHashes, ...told } = osConfInstructions(text);
  const hasNetwork = (found?.network?.interfaces.length ?? 0) > 0 || found?.isNetworkDisabled === true;
  if (found === undefined) return { ...told, passwordHashes, place, asksOn: true };
  return {
    ...found,
    hostname: found.hostname ?? told.hostname,
    network: hasNetwork ? found.network : (told.network ?? found.network),
    // What was damaged is here too.
    isBroken: found.isBroken === true && (found.instanceId === undefined || told.network === undefined),
    passwordHashes,
    problems: [...found.problems, ...told.problems],
  };
}

/** The password is a crypt hash already; whoever sets it makes sure of that. */
function osConfInstructions(text: string): Instructions & { readonly problems: readonly string[] } {
  const { hostname, passwordHash, passwordUser, network, problems } = parseOsConf(text);
  const passwordHashes = passwordHash === undefined ? undefined : { [passwordUser]: passwordHash };
  return { hostname, network, authorizedKeys: {}, passwordHashes, problems };
}
