import type { IncomingMessage } from "node:http";
import type { RequestHead } from "../signatures/sigv4.ts";
import type { Place } from "./dialect.ts";
import { refuse } from "./store-error.ts";

/** A request for a store as it was sent, decoded only. */
export interface StoreRequest {
  /** For signatures, which cover bytes. */
  readonly head: RequestHead;
  readonly method: string;
  /** As sent. */
  readonly host: string;
  /** Decoded; starts with `/`. */
  readonly path: string;
  /** Decoded; of several the first. */
  readonly query: ReadonlyMap<string, string>;
  /** Names in lower case; values that were sent several times are joined by commas. */
  readonly headers: ReadonlyMap<string, string>;
  readonly place: Place | undefined;
  /** From the host; with an endpoint's own host, from the path. */
  readonly bucket: string | undefined;
  /** Empty if the request is about the bucket. */
  readonly key: string;
  readonly isPathStyle: boolean;
}

/** Errors: `InvalidURI` */
export function parseRequest(
  { method = "GET", url = "/", rawHeaders }: Pick<IncomingMessage, "method" | "url" | "rawHeaders">,
  placeOfHost: (host: string) => Place | undefined,
): StoreRequest {
  const mark = url.indexOf("?");
  const path = decodePercent(mark < 0 ? url : url.slice(0, mark));
  if (!path.startsWith("/")) refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
  const parameters = mark < 0 ? [] : parseQuery(url.slice(mark + 1));
  const sent: [string, string][] = [];
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    sent.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
    const name = (rawHeaders[at] as string).toLowerCase();
    const value = rawHeaders[at + 1] as string;
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  const host = headers.get("host") ?? "";
  const place = placeOfHost(host);
  const inPath = /^\/([^/]*)\/?([\s\S]*)$/.exec(path) ?? [];
  const isPathStyle = place?.bucket === undefined && path !== "/";
  return {
    head: {
      method,
      path: mark < 0 ? url : url.slice(0, mark),
      query: mark < 0 ? "" : url.slice(mark + 1),
      host,
      headers: sent,
    },
    method,
    host,
    path,
    query: new Map([...parameters].reverse()),
    headers,
    place,
    bucket: isPathStyle ? inPath[1] : place?.bucket,
    key: isPathStyle ? (inPath[2] ?? "") : path.slice(1),
    isPathStyle,
  };
}

/** Errors: `InvalidURI` */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    refuse(400, "InvalidURI", "Couldn't parse the specified URI.");
  }
}

/** As RFC 3986 has it: everything but letters, digits and `-._~`. */
export function encodePercent(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function parseQuery(text: string): [string, string][] {
  return text
    .split("&")
    .filter((part) => part !== "")
    .map((part) => {
      const equals = part.indexOf("=");
      const name = equals < 0 ? part : part.slice(0, equals);
      const value = equals < 0 ? "" : part.slice(equals + 1);
      return [decodePercent(name.replaceAll("+", " ")), decodePercent(value.replaceAll("+", " "))];
    });
}
