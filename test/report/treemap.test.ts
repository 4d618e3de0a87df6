import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { type TreemapNode, type TreemapView, treemapPage } from "../../src/report/treemap.ts";
import { treemapScript } from "../../src/report/treemap-page.ts";

const leaf = (name: string, sizeBytes: number): TreemapNode => ({ name, sizeBytes });
const evil = `</script><script>alert(1)</script><img src=x onerror="alert(1)">'&`;
const root: TreemapNode = {
  ...{ name: "/", sizeBytes: 1000 },
  children: [
    { name: "usr", sizeBytes: 800, children: [leaf("a", 500), leaf("b", 300)] },
    leaf("etc", 150),
    leaf(evil, 50),
  ],
};
const views: TreemapView[] = [
  { name: "Directories", root },
  { name: "Packages", root: { name: "packages", sizeBytes: 1000, children: [leaf("one", 1000)] } },
];

/** As much of a document as the page's script uses. */
class Element {
  readonly children: Element[] = [];
  readonly listeners = new Map<string, (event: object) => void>();
  readonly attributes = new Map<string, string>();
  readonly dataset: Record<string, string> = {};
  readonly classList = { add() {}, remove() {} };
  readonly style = {
    cssText: "",
    setProperty: (name: string, value: string) => this.attributes.set(name, String(value)),
  };
  className = "";
  onclick: (() => void) | undefined;
  clientWidth = 800;
  clientHeight = 600;
  #text = "";
  get textContent(): string {
    return this.#text;
  }
  set textContent(text: string) {
    this.#text = text;
    this.children.length = 0;
  }
  append(child: Element) {
    this.children.push(child);
  }
  addEventListener(type: string, listener: (event: object) => void) {
    this.listeners.set(type, listener);
  }
  setAttribute(name: string, value: string) {
    this.attributes.set(name, value);
  }
  querySelectorAll() {
    return [];
  }
  /** Left, top, width, height. */
  get box(): number[] {
    return [...this.style.cssText.matchAll(/(-?[\d.e-]+)px/g)].map(([, number]) => Number(number));
  }
}

function open(page: string) {
  const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
  const elements = new Map(["data", "map", "hover", "trail", "views"].map((id) => [id, new Element()]));
  (elements.get("data") as Element).textContent = data;
  const listeners = new Map<string, (event: object) => void>();
  const document = {
    getElementById: (id: string) => elements.get(id),
    createElement: () => new Element(),
    addEventListener: (type: string, listener: (event: object) => void) => listeners.set(type, listener),
  };
  runInNewContext(treemapScript, { document, window: { addEventListener() {} } });
  const map = elements.get("map") as Element;
  const click = (target: Element) => map.listeners.get("click")?.({ target: { closest: () => target } });
  const key = (name: string) => listeners.get("keydown")?.({ key: name });
  return { map, click, key, tabs: elements.get("views") as Element, trail: elements.get("trail") as Element };
}

describe("the page of sizes", () => {
  const page = treemapPage("out/<b>disk.raw", views);

  test("is the same for the same sizes, and reaches nothing", () => {
    expect(treemapPage("out/<b>disk.raw", views)).toBe(page);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/https?:|src=["']|@import|url\(/);
  });

  test("no name is markup", () => {
    expect(page).not.toContain("<b>disk");
    expect(page).not.toContain("<img");
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    const data = /id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
    expect(JSON.stringify(JSON.parse(data))).toContain("alert(1)");
  });

  test("boxes are as large as what they stand for, and fill the map", () => {
    const { map } = open(page);
    const areas = map.children.map(({ box: [, , width = 0, height = 0] }) => width * height);
    expect(areas).toHaveLength(3);
    const total = 800 * 600;
    for (const [index, share] of [0.8, 0.15, 0.05].entries()) expect((areas[index] ?? 0) / total).toBeCloseTo(share, 5);
    for (const {
      box: [left = 0, top = 0, width = 0, height = 0],
    } of map.children) {
      expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(800.001);
      expect(top + height).toBeLessThanOrEqual(600.001);
    }
    expect(map.children[0]?.dataset["label"]).toBe("/usr  800 B");
    expect(map.children[0]?.children.map(({ dataset }) => dataset["label"])).toEqual([
      "/usr/a  500 B",
      "/usr/b  300 B",
    ]);
  });

  test("a click enlarges, Escape and the trail go back, tabs change the view", () => {
    const { map, click, key, tabs, trail } = open(page);
    click(map.children[0] as Element);
    expect(map.children.map(({ dataset }) => dataset["label"])).toEqual(["/usr/a  500 B", "/usr/b  300 B"]);
    expect(trail.children.map(({ textContent }) => textContent)).toEqual(["/", "usr"]);
    key("Escape");
    expect(map.children).toHaveLength(3);
    click(map.children[0] as Element);
    trail.children[0]?.onclick?.();
    expect(map.children).toHaveLength(3);
    tabs.children[1]?.onclick?.();
    expect(map.children.map(({ dataset }) => dataset["label"])).toEqual(["packages/one  1.0 KB"]);
  });

  test("nothing to show is said", () => {
    expect(open(treemapPage("x", [])).map.children).toEqual([]);
  });
});
