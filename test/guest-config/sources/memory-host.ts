import type { Attributes, Host } from "../../../src/guest-config/initializer/host.ts";
import * as documents from "../../../src/guest-config/parts/documents.ts";
import * as sources from "../../../src/guest-config/parts/sources.ts";
import * as yaml from "../../../src/guest-config/parts/yaml.ts";
import { textFiles } from "./text-files.ts";

const parts: Readonly<Record<string, unknown>> = { documents, sources, yaml };

/** A guest of files in memory that is only read. It needs nothing of Node, so that QuickJS can look at it too. */
export function memoryHost(files: Readonly<Record<string, string | Uint8Array>>): Host {
  const reader = textFiles(files);
  const no = (what: string) => (): never => {
    throw new Error(`nothing is ${what} here`);
  };
  const attributes = (path: string): Attributes | undefined => {
    const isDirectory = reader.list(path).length > 0;
    const sizeBytes = reader.readBytes(path, 0, Infinity)?.length;
    if (!isDirectory && sizeBytes === undefined) return undefined;
    return { kind: isDirectory ? "directory" : "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: sizeBytes ?? 0 };
  };
  return {
    ...reader,
    attributes,
    readLink: () => undefined,
    append: () => false,
    remove: () => {},
    writeFile: no("written"),
    writeAt: no("written"),
    link: no("linked"),
    makeDirectory: no("made"),
    start: no("started"),
    fetch: () => ({ failure: "there is no network", kind: "refused" }),
    loadScript: (name) => parts[name] ?? no("known of this part")(),
    nowMs: () => 0,
    clockMs: () => 0,
    sleepMs: () => {},
  };
}
