/** One document of user data, out of its wrappings. */
export interface Part {
  /** Lower case; what the first line says where the wrapping says nothing: `text/cloud-config`, `text/x-shellscript`. */
  readonly contentType: string;
  /** As the wrapping says, else `part-001`, … */
  readonly fileName: string;
  readonly payload: Uint8Array;
  /** How cloud-config is merged into what came before: the header Merge-Type. */
  readonly mergeType?: string | undefined;
}

/** Type of what says nothing of itself. */
export const unknownType = "text/x-not-multipart";

const typeOfStart: readonly (readonly [string, string])[] = [
  ["#cloud-config-archive", "text/cloud-config-archive"],
  ["#cloud-config-jsonp", "text/cloud-config-jsonp"],
  ["## template: jinja", "text/jinja2"],
  ["#cloud-boothook", "text/cloud-boothook"],
  ["#cloud-config", "text/cloud-config"],
  ["#include-once", "text/x-include-once-url"],
  ["#part-handler", "text/part-handler"],
  ["#upstart-job", "text/upstart-job"],
  ["#include", "text/x-include-url"],
  ["#!", "text/x-shellscript"],
];

/** What the start of a document says it is, white space before it and the case of its letters aside. */
export function typeByStart(payload: Uint8Array): string | undefined {
  let at = 0;
  while (at < payload.length && isSpace(payload[at] as number)) at++;
  const start = String.fromCharCode(...payload.subarray(at, at + 32)).toLowerCase();
  return typeOfStart.find(([words]) => start.startsWith(words))?.[1];
}

/** White space of ASCII. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || (byte >= 0x1c && byte <= 0x1f);
}
