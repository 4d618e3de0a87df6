import { parseIp } from "../ip.ts";
import { encodeUtf8 } from "./bytes.ts";
import type { HttpFailure, HttpRequest, HttpResponse, HttpResult } from "./http.ts";

/** HTTP/1.1 (RFC 9112) as bytes, without any transport. */

export interface Target {
  readonly isSecure: boolean;
  /** As a program takes it: a name or an address, without brackets, with the zone of a link-local one. */
  readonly host: string;
  readonly port: number;
  /** What the header Host says: a zone means nothing to the other side (RFC 6874 section 4). */
  readonly authority: string;
  /** With the query. */
  readonly path: string;
}

/** Takes an http or https URL apart; undefined if it is none, has a user in it, or characters that would end a line. */
export function parseUrl(url: string): Target | undefined {
  const match = /^(https?):\/\/(\[[^\]]*\]|[^/:?#[\]@]+)(?::(\d{1,5}))?([/?][^#]*)?(?:#.*)?$/i.exec(url.trim());
  const [, scheme = "", place = "", digits, rest = "/"] = match ?? [];
  if (match === null || hasControls(rest)) return undefined;
  const isSecure = scheme.toLowerCase() === "https";
  const port = Number(digits ?? (isSecure ? 443 : 80));
  if (port < 1 || port > 65535) return undefined;
  const [address = "", zone] = place.startsWith("[") ? place.slice(1, -1).split(/%25|%/) : [place];
  const isGood = place.startsWith("[")
    ? parseIp(address)?.family === 6 && (zone === undefined || /^[\w.-]{1,15}$/.test(zone))
    : /^[A-Za-z0-9_][\w.-]*$/.test(address);
  if (!isGood) return undefined;
  const shown = place.startsWith("[") ? `[${address}]` : address;
  return {
    isSecure,
    host: zone === undefined ? address : `${address}%${zone}`,
    port,
    authority: digits === undefined ? shown : `${shown}:${port}`,
    path: escapePath(rest.startsWith("?") ? `/${rest}` : rest),
  };
}

function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\x00-\x20\x7f]/.test(text);
}

/** Letters beyond ASCII, as UTF-8 in percents; what is escaped already stays. */
function escapePath(path: string): string {
  return path.replace(/[^\x21-\x7e]/gu, (letter) => {
    const bytes = [...encodeUtf8(letter)];
    return bytes.map((byte) => `%${byte.toString(16).toUpperCase()}`).join("");
  });
}

/** A request's own headers as lines without their end. Undefined if one would break out of its line (RFC 9110 section 5.1, 5.5). */
export function headerLines(headers: HttpRequest["headers"]): string[] | undefined {
  const entries = Object.entries(headers ?? {});
  const isGood = ([name, value]: readonly [string, string]) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value);
  return entries.every(isGood) ? entries.map(([name, value]) => `${name}: ${value.trim()}`) : undefined;
}

export function bodyBytes({ body }: Pick<HttpRequest, "body">): Uint8Array | undefined {
  return typeof body === "string" ? encodeUtf8(body) : body;
}

/** All that is sent. The connection is for this one request. */
export function formatRequest(request: HttpRequest, target: Target, own: readonly string[]): Uint8Array {
  const body = bodyBytes(request);
  const hasBody = body !== undefined || request.method === "PUT" || request.method === "POST";
  const lines = [
    `${request.method} ${target.path} HTTP/1.1`,
    `Host: ${target.authority}`,
    "User-Agent: cloudimg-init",
    "Accept: */*",
    "Connection: close",
    ...own,
    ...(hasBody ? [`Content-Length: ${body?.length ?? 0}`] : []),
  ];
  const head = encodeUtf8(`${lines.join("\r\n")}\r\n\r\n`);
  return body === undefined ? head : concat([head, body]);
}

export interface ResponseReader {
  /** More bytes from the other side; the result once there is one. */
  push(bytes: Uint8Array): HttpResult | undefined;
  /** The other side has closed the connection. */
  end(): HttpResult;
}

const longestHeadBytes = 64 << 10;
const longestLineBytes = 4096;
const mostOverheadBytes = 256 << 10;

/** Reads one response as it arrives. It knows its end by its own length: a server that keeps the connection open costs no time. */
export function responseReader(method: HttpRequest["method"], limitBytes: number): ResponseReader {
  let pending = new Uint8Array();
  let head: Omit<HttpResponse, "body"> | undefined;
  let body = new Uint8Array();
  let bodyLength = 0;
  let received = 0;
  /** How the rest is to be read: so many bytes, then what comes after them. Undefined: up to the end of the connection. */
  let left: number | undefined;
  let isChunked = false;
  let state: "body" | "size" | "trailer" = "body";

  const tooLong = () => refused(`the answer is longer than ${limitBytes} bytes`);
  const done = (): HttpResult => ({ ...(head as Omit<HttpResponse, "body">), body: body.subarray(0, bodyLength) });
  const add = (part: Uint8Array) => {
    if (bodyLength + part.length > body.length) {
      const grown = new Uint8Array(Math.max(2 * body.length, bodyLength + part.length));
      grown.set(body);
      body = grown;
    }
    body.set(part, bodyLength);
    bodyLength += part.length;
  };

  const readHead = (): HttpResult | undefined => {
    const text = latin1(pending.subarray(0, longestHeadBytes));
    const end = /\r?\n\r?\n/.exec(text);
    if (!"HTTP/1.".startsWith(text.slice(0, 7))) return refused("the answer is not HTTP");
    if (end === null) return text.length < longestHeadBytes ? undefined : refused("the answer's head is too long");
    const parsed = parseHead(text.slice(0, end.index));
    if (parsed === undefined) return refused("the answer's head is not HTTP");
    pending = pending.slice(end.index + end[0].length);
    // 100 Continue and its like: the answer itself comes after it.
    if (parsed.status < 200) return pending.length === 0 ? undefined : readHead();
    head = parsed;
    const coding = parsed.headers["transfer-encoding"]?.toLowerCase();
    if (coding !== undefined && coding !== "identity" && coding !== "chunked")
      return refused(`the answer comes in the coding ${coding}`);
    const lengths = new Set(parsed.headers["content-length"]?.split(/\s*,\s*/));
    const [length] = lengths;
    if (method === "HEAD" || parsed.status === 204 || parsed.status === 304) return done();
    isChunked = coding === "chunked";
    if (isChunked) state = "size";
    else if (length !== undefined) {
      if (lengths.size !== 1 || !/^\d{1,15}$/.test(length)) return refused("the answer has a bad length");
      left = Number(length);
      if (left > limitBytes) return tooLong();
    }
    return undefined;
  };

  /** Takes a line off; undefined while it is not there. */
  const takeLine = (): string | undefined => {
    const end = pending.indexOf(10);
    if (end < 0) return undefined;
    const line = latin1(pending.subarray(0, end)).trim();
    pending = pending.subarray(end + 1);
    return line;
  };

  const readBody = (): HttpResult | undefined => {
    for (;;) {
      if (state === "body") {
        const part = left === undefined ? pending : pending.subarray(0, left);
        if (bodyLength + part.length > limitBytes) return tooLong();
        add(part);
        pending = pending.subarray(part.length);
        if (left === undefined) return undefined;
        left -= part.length;
        if (left > 0) return undefined;
        if (!isChunked) return done();
        state = "size";
      }
      const line = takeLine();
      if (line === undefined)
        return pending.length > longestLineBytes ? refused("a chunk of the answer has a bad length") : undefined;
      if (state === "trailer") {
        if (line === "") return done();
      } else if (line !== "" || bodyLength === 0) {
        // An empty line ends the chunk before.
        const digits = /^([0-9a-f]{1,12})\s*(?:;.*)?$/i.exec(line)?.[1];
        if (digits === undefined) return refused("a chunk of the answer has a bad length");
        left = Number.parseInt(digits, 16);
        if (bodyLength + left > limitBytes) return tooLong();
        state = left === 0 ? "trailer" : "body";
      }
    }
  };

  return {
    push(bytes) {
      received += bytes.length;
      // Chunks have heads of their own, of any length.
      if (received > 8 * limitBytes + mostOverheadBytes) return tooLong();
      pending = pending.length === 0 ? bytes.slice() : concat([pending, bytes]);
      return (head === undefined ? readHead() : undefined) ?? (head === undefined ? undefined : readBody());
    },
    end() {
      if (head !== undefined && left === undefined && !isChunked) return done();
      const when = head === undefined ? "before it has answered" : "in the middle of its answer";
      return { failure: `the other side closed the connection ${when}`, kind: "unreachable" };
    },
  };
}

function parseHead(text: string): Omit<HttpResponse, "body"> | undefined {
  const [first = "", ...lines] = text.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/);
  const status = /^HTTP\/1\.\d (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined || status < "100") return undefined;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value = ""] = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    const key = name.toLowerCase();
    headers[key] = Object.hasOwn(headers, key) ? `${headers[key]}, ${value}` : value;
  }
  return { status: Number(status), headers };
}

export function refused(failure: string): HttpFailure {
  return { failure, kind: "refused" };
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A piece at a time: a call takes so many arguments and no more. */
function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return text;
}
