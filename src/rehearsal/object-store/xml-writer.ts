/** Elements in their order; what is undefined is left out, and what occurs several times is listed several times. */
export type XmlContent = string | number | boolean | readonly XmlElement[];
export type XmlElement = readonly [name: string, content: XmlContent | undefined];

/** A document of S3's answers. Object keys may have characters that XML cannot carry: clients ask for `encoding-type=url` then. */
export function xmlDocument(root: string, content: XmlContent, namespace?: string): string {
  const attribute = namespace === undefined ? "" : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${write(content)}</${root}>`;
}

export const s3Namespace = "http://s3.amazonaws.com/doc/2006-03-01/";

/** The time of XML answers: `2026-11-21T02:47:52.000Z`. */
export function xmlTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function write(content: XmlContent): string {
  if (typeof content !== "object") return escapeText(String(content));
  return content.map(([name, inner]) => (inner === undefined ? "" : `<${name}>${write(inner)}</${name}>`)).join("");
}

function escapeText(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\r", "&#13;");
}
