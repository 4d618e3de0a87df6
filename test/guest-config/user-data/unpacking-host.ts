import { encodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { Host } from "../../../src/guest-config/initializer/host.ts";
import type { HttpResult } from "../../../src/guest-config/initializer/http.ts";
import { memoryHost } from "../sources/memory-host.ts";
import { gunzipped } from "./inflate.ts";

/** A guest of files in memory, where nothing runs but what unpacks gzip, and where `pages` are what the network holds. For Node and QuickJS. */
export function unpackingHost(pages: Readonly<Record<string, string>> = {}): Host & { readonly fetched: string[] } {
  const files: Record<string, Uint8Array> = {};
  const fetched: string[] = [];
  const now = () => memoryHost(files);
  return {
    ...now(),
    fetched,
    readText: (path) => now().readText(path),
    readBytes: (path, offset, length) => now().readBytes(path, offset, length),
    list: (path) => now().list(path),
    attributes: (path) => now().attributes(path),
    makeDirectory: () => {},
    remove: (path) => void delete files[path],
    writeFile(path, content) {
      files[path] = typeof content === "string" ? encodeUtf8(content) : content;
    },
    start({ argv, inputPath = "", outputPath = "" }) {
      if (!/gunzip -c/.test(argv[2] ?? "")) throw new Error(`nothing starts ${argv[0]} here`);
      const unpacked = gunzipped(files[inputPath] ?? new Uint8Array());
      files[outputPath] = unpacked ?? new Uint8Array();
      return { poll: () => (unpacked === undefined ? 1 : 0), kill: () => {} };
    },
    fetch({ url }): HttpResult {
      fetched.push(url);
      const page = pages[url];
      return { status: page === undefined ? 404 : 200, headers: {}, body: encodeUtf8(page ?? "") };
    },
  };
}
