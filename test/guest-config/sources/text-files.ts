import { decodeUtf8, encodeUtf8 } from "../../../src/guest-config/initializer/bytes.ts";
import type { FileReader } from "../../../src/guest-config/sources/file-reader.ts";

/** Files in memory, by path; a leading slash makes no difference. */
export function textFiles(files: Readonly<Record<string, string | Uint8Array>>): FileReader {
  const plain = (path: string) => path.split("/").filter(Boolean).join("/");
  const known = new Map(Object.entries(files).map(([path, content]) => [plain(path), content]));
  const read = (path: string) => {
    const content = known.get(plain(path));
    return typeof content === "string" ? encodeUtf8(content) : content;
  };
  return {
    list: (path) => {
      const prefix = plain(path) === "" ? "" : `${plain(path)}/`;
      const inside = [...known.keys()].filter((name) => name.startsWith(prefix));
      return [...new Set(inside.map((name) => name.slice(prefix.length).split("/")[0] ?? ""))].sort();
    },
    readBytes: (path, offset, length) => read(path)?.subarray(offset, offset + length),
    readText: (path) => {
      const bytes = read(path);
      return bytes && decodeUtf8(bytes);
    },
  };
}
