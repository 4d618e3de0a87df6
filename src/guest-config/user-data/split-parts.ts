import { decodeUtf8, encodeUtf8 } from "../initializer/bytes.ts";
import type { Host } from "../initializer/host.ts";
import { type Budget, startBudget } from "../initializer/http-retry.ts";
import { archiveParts } from "./archive.ts";
import { fromByteString, toByteString } from "./byte-strings.ts";
import { download } from "./download.ts";
import { gunzip, isGzip, largestUnpackedBytes } from "./gunzip.ts";
import { type MimeLeaf, mimeLeaves } from "./mime.ts";
import { type Part, typeByStart, unknownType } from "./part.ts";

/** What splitting needs, and whom it tells of what it had to leave out. */
export interface SplitContext {
  readonly host: Host;
  /** Of this instance: what is to be included once is kept here. */
  readonly directory: string;
  problem(text: string): void;
}

const mostParts = 500;
const mostIncludes = 50;
const deepestInclude = 5;
/** They are YAML, which an interpreter needs seconds for. */
const largestArchivesBytes = 2 << 20;
/** For everything that is included, together. */
const includesLimitMs = 20_000;

/** Declared types that say nothing, and the one that is often declared wrongly. */
const vagueTypes = ["text/plain", unknownType, "text/x-shellscript"];
const packedType =
  /^application\/(gzip|gzip-compressed|gzipped|x-compress|x-compressed|x-gunzip|x-gzip|x-gzip-compressed)$/;

/** User data out of its wrappings: gzip, MIME, included addresses, archives. What cannot be read is reported and left out. Never throws. */
export function splitUserData(raw: Uint8Array, context: SplitContext): Part[] {
  const { host, directory } = context;
  const told = new Set<string>();
  const problem = (text: string) => {
    if (!told.has(text)) context.problem(text);
    told.add(text);
  };
  const splitter: Splitter = {
    host,
    directory,
    problem,
    parts: [],
    includes: 0,
    includedBytes: 0,
    archiveBytes: 0,
    budget: undefined,
  };
  split(raw, splitter, 0);
  return splitter.parts;
}

interface Splitter extends SplitContext {
  readonly parts: Part[];
  includes: number;
  includedBytes: number;
  archiveBytes: number;
  budget: Budget | undefined;
}

function split(raw: Uint8Array, splitter: Splitter, depth: number): void {
  const bytes = isGzip(raw) ? unpack(raw, splitter) : raw;
  if (bytes === undefined) return;
  const isMessage = toByteString(bytes.subarray(0, 4096)).toLowerCase().includes("mime-version:");
  const whole: Leaf = { contentType: unknownType, fileName: undefined, mergeType: undefined, payload: bytes };
  const leaves = isMessage ? mimeLeaves(toByteString(bytes), splitter.problem).map(fromMime) : [whole];
  for (const leaf of leaves) takeLeaf(leaf, splitter, depth);
}

type Leaf = Omit<Part, "fileName"> & { readonly fileName: string | undefined };

function fromMime({ contentType, fileName, headers, body }: MimeLeaf): Leaf {
  const mergeType = headers.get("merge-type") || headers.get("x-merge-type");
  const charset = /charset\s*=\s*"?(?:iso-?8859-1|latin-?1|windows-1252|cp1252)\b/i.test(
    headers.get("content-type") ?? "",
  );
  const bytes = fromByteString(body);
  // Much says Latin-1 that is none: only what is no UTF-8 is taken for it.
  const isLatin1 = charset && contentType.startsWith("text/") && decodeUtf8(bytes).includes("\uFFFD");
  const name = fileName === undefined ? undefined : decodeUtf8(fromByteString(fileName));
  return { contentType, fileName: name, mergeType, payload: isLatin1 ? encodeUtf8(body) : bytes };
}

function takeLeaf(leaf: Leaf, splitter: Splitter, depth: number): void {
  let { contentType, payload } = leaf;
  if (packedType.test(contentType)) {
    const unpacked = unpack(payload, splitter);
    if (unpacked === undefined) return;
    payload = unpacked;
    contentType = "text/plain";
  }
  if (vagueTypes.includes(contentType)) contentType = typeByStart(payload) ?? contentType;
  if (/^text\/x-include(-once)?-url$/.test(contentType)) include(decodeUtf8(payload), splitter, depth);
  else if (contentType === "text/cloud-config-archive") {
    splitter.archiveBytes += payload.length;
    if (splitter.archiveBytes > largestArchivesBytes)
      splitter.problem(`more than ${largestArchivesBytes >> 20} MiB of archives`);
    else for (const part of archiveParts(payload, splitter)) take(part, splitter);
  } else take({ ...leaf, contentType, payload }, splitter);
}

function take(leaf: Leaf, { parts, problem }: Splitter): void {
  if (parts.length === mostParts) problem(`more than ${mostParts} parts`);
  if (parts.length >= mostParts) return;
  const fileName = leaf.fileName ?? `part-${String(parts.length + 1).padStart(3, "0")}`;
  parts.push({ ...leaf, fileName });
}

function unpack(bytes: Uint8Array, { host, problem }: Splitter): Uint8Array | undefined {
  try {
    return gunzip(host, bytes);
  } catch (error) {
    problem(`compressed part: ${(error as Error).message}`);
    return undefined;
  }
}

/** A line for each address; `#include` and `#include-once` may stand before the first one. */
function include(text: string, splitter: Splitter, depth: number): void {
  if (depth === deepestInclude) {
    splitter.problem("#include within #include too deeply");
    return;
  }
  let isOnce = false;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, once, rest] = /^#include(-once)?\s*(.*)$/i.exec(line) ?? [];
    if (rest !== undefined) isOnce = once !== undefined;
    const address = (rest ?? line).trim();
    if (address === "" || address.startsWith("#")) continue;
    splitter.includes++;
    if (splitter.includes === mostIncludes + 1) splitter.problem(`more than ${mostIncludes} addresses to include`);
    if (splitter.includes > mostIncludes) return;
    const content = readIncluded(address, isOnce, splitter);
    if (content !== undefined) split(content, splitter, depth + 1);
  }
}

function readIncluded(address: string, isOnce: boolean, splitter: Splitter): Uint8Array | undefined {
  const { host, directory, problem } = splitter;
  const kept = `${directory}/urlcache/${fileNameOf(address)}`;
  const known = isOnce ? host.readBytes(kept, 0, largestUnpackedBytes) : undefined;
  if (known !== undefined) return known;
  splitter.budget ??= startBudget(host, includesLimitMs);
  const limitBytes = largestUnpackedBytes - splitter.includedBytes;
  try {
    const content = download(host, address, { limitBytes, budget: splitter.budget });
    splitter.includedBytes += content.length;
    if (isOnce) keep(host, `${directory}/urlcache`, kept, content);
    return content;
  } catch (error) {
    problem(`#include: ${(error as Error).message}`);
    return undefined;
  }
}

function keep(host: Host, directory: string, path: string, content: Uint8Array): void {
  try {
    host.makeDirectory(directory, 0o700);
    host.writeFile(path, content, 0o600);
  } catch {
    // It is fetched again at the next boot.
  }
}

/** A file name for an address: its signs as far as a name may be long, and a number for the rest of it (FNV-1a, 32 bits). */
function fileNameOf(address: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < address.length; at++) hash = Math.imul(hash ^ address.charCodeAt(at), 0x01000193) >>> 0;
  return `${address.replace(/[^\w.-]+/g, "_").slice(0, 100)}-${hash.toString(16)}`;
}
