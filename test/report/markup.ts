/** Reads a page as strictly as XML: every element is closed in its turn, every attribute is quoted. Gives its elements and its text. */
export interface Markup {
  readonly elements: readonly { readonly name: string; readonly attributes: Readonly<Record<string, string>> }[];
  /** Without that of style sheets. */
  readonly text: string;
}

const empty = ["meta", "img", "!doctype"];
const token =
  /<!doctype html>|<(\/?)([a-z][a-z0-9-]*)((?: [a-zA-Z][\w:-]*(?:="[^"<>]*")?)*)( ?\/)?>|([^<]+)|<[^>]*>?/gy;

/** Errors: plain, with what is wrong and where. */
export function readMarkup(page: string): Markup {
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  const open: string[] = [];
  let text = "";
  for (const match of page.matchAll(token)) {
    const [whole, slash, name, attributes = "", selfClosing, words] = match;
    const near = `near ${JSON.stringify(page.slice(Math.max(0, match.index - 80), match.index + 80))}`;
    if (words !== undefined) {
      if (open.at(-1) !== "style") text += decoded(words, near);
    } else if (whole === "<!doctype html>") continue;
    else if (name === undefined) throw new Error(`no markup: ${whole} ${near}`);
    else if (slash === "/") {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing ${near}`);
    } else {
      const pairs = [...attributes.matchAll(/ ([\w:-]+)(?:="([^"]*)")?/g)];
      const named = pairs.map(([, key = "", value = ""]) => [key, decoded(value, near)] as const);
      if (new Set(named.map(([key]) => key)).size < named.length) throw new Error(`an attribute twice ${near}`);
      elements.push({ name, attributes: Object.fromEntries(named) });
      if (!empty.includes(name) && selfClosing === undefined) open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(" ")}`);
  return { elements, text };
}

function decoded(text: string, near: string): string {
  return text.replace(/&(?:(amp|lt|gt|quot|#39);)?/g, (_, name?: string) => {
    if (name === undefined) throw new Error(`a bare & ${near}`);
    return { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" }[name] as string;
  });
}
