import { refuse } from "./store-error.ts";

export interface XmlNode {
  /** Without a prefix. */
  readonly name: string;
  /** Of the element itself, without that of its children. */
  readonly text: string;
  readonly children: readonly XmlNode[];
}

const named: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/**
 * Reads the small documents of S3's requests: elements and text. Attributes are passed over; a document type is refused, as stores do.
 *
 * Errors: `MalformedXML`
 */
export function readXml(text: string): XmlNode {
  const open: { name: string; text: string; children: XmlNode[] }[] = [{ name: "", text: "", children: [] }];
  const token =
    /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([^\s<>/]+)\s*>|<([^\s<>/!?]+)((?:\s+[^\s<>=/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/y;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    const top = open.at(-1);
    if (found === null || top === undefined) malformed();
    const [, data, closing, opening, , isEmpty, words] = found;
    if (data !== undefined) top.text += data;
    else if (words !== undefined) top.text += decode(words);
    else if (opening !== undefined) {
      const node = { name: local(opening), text: "", children: [] };
      top.children.push(node);
      if (isEmpty === "") open.push(node);
    } else if (closing !== undefined && (open.length === 1 || open.pop()?.name !== local(closing))) malformed();
  }
  const [root, ...more] = open[0]?.children ?? [];
  if (open.length !== 1 || root === undefined || more.length > 0 || open[0]?.text.trim() !== "") malformed();
  return root;
}

/** The text of the first child of that name. */
export function childText(node: XmlNode, name: string): string | undefined {
  return node.children.find((child) => child.name === name)?.text;
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function decode(text: string): string {
  return text.replace(/&([^;\s&]{0,10};?)/g, (_, entity: string) => {
    const name = entity.slice(0, -1);
    const number = /^#(?:(\d+)|x([0-9a-f]+))$/i.exec(name);
    if (number !== null) {
      const point = number[1] === undefined ? Number.parseInt(number[2] ?? "", 16) : Number(number[1]);
      if (point <= 0x10ffff) return String.fromCodePoint(point);
    }
    const value = entity.endsWith(";") && Object.hasOwn(named, name) ? named[name] : undefined;
    return value ?? malformed();
  });
}

function malformed(): never {
  refuse(
    400,
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}
