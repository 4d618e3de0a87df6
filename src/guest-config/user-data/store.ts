import { encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { type Instance, instanceDirectory } from "../initializer/instance.ts";

/** Where an instance's files and the marks of what it has done are kept. */
export interface Store {
  readonly directory: string;
  /** Writes a file below the directory, with the directories that lead to it. Says whether it worked; the first failure is reported. */
  write(name: string, content: string | Uint8Array, mode: number): boolean;
}

/** Where a root that is read-only or full does not matter; what is kept there is gone at the next boot. */
const passing = "/run/cloudimg";

/** The instance's directory, as cloud-init has it; if nothing can be written there, a place in /run, and that is reported. */
export function openStore(host: Host, { instanceId }: Instance, problem: (text: string) => void): Store {
  const directory = instanceDirectory(instanceId);
  const lasting = storeIn(host, directory, problem);
  const probe = `${lasting.directory}/sem/.probe`;
  host.remove(probe);
  if (tryWrite(host, probe, "x", 0o600, problem)) {
    host.remove(probe);
    return lasting;
  }
  problem("what has been done cannot be remembered: it is done again at the next boot");
  // Of this instance: another one in the same boot has done nothing yet.
  return storeIn(host, directory.replace("/var/lib/cloud", passing), () => {});
}

function storeIn(host: Host, directory: string, problem: (text: string) => void): Store {
  let isReported = false;
  const once = (text: string) => {
    if (!isReported) problem(text);
    isReported = true;
  };
  return { directory, write: (name, content, mode) => tryWrite(host, `${directory}/${name}`, content, mode, once) };
}

/** Whether it worked. What is so already is not written again. */
export function tryWrite(
  host: Host,
  path: string,
  content: string | Uint8Array,
  mode: number,
  problem: (text: string) => void,
): boolean {
  try {
    if (!isThere(host, path, content, mode)) {
      host.makeDirectory(path.slice(0, path.lastIndexOf("/")), 0o755);
      host.writeFile(path, content, mode);
    }
    return true;
  } catch (error) {
    problem((error as Error).message);
    return false;
  }
}

function isThere(host: Host, path: string, content: string | Uint8Array, mode: number): boolean {
  const bytes = typeof content === "string" ? encodeUtf8(content) : content;
  const known = host.attributes(path);
  if (known?.kind !== "file" || known.mode !== mode || known.sizeBytes !== bytes.length) return false;
  return host.readBytes(path, 0, bytes.length)?.every((byte, index) => byte === bytes[index]) ?? false;
}
