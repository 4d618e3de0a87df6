import { formatBytes } from "../core/format.ts";
import { escapeHtml, htmlPage } from "./html.ts";
import { showName } from "./names.ts";
import { treemapScript, treemapStyle } from "./treemap-page.ts";

export interface TreemapNode {
  readonly name: string;
  readonly sizeBytes: number;
  /** Largest first. */
  readonly children?: readonly TreemapNode[];
}

/** One way of dividing the same bytes. */
export interface TreemapView {
  readonly name: string;
  readonly root: TreemapNode;
}

/** A page that needs nothing but itself, and may reach nothing else: boxes as large as what they stand for. The same views give the same bytes. */
export function treemapPage(title: string, views: readonly TreemapView[]): string {
  const data = JSON.stringify(views.map(({ name, root }) => ({ name, root: packed(root) })));
  const shown = showName(title);
  return htmlPage({
    title: `${shown}: sizes`,
    style: treemapStyle,
    hasScripts: true,
    body: `<header><h1>${escapeHtml(shown)}</h1><nav id="views"></nav><nav id="trail" aria-label="Where you are"></nav></header>
<main id="map" tabindex="0" aria-label="Map of sizes"></main>
<footer id="hover" role="status">Click a directory to enlarge it; Escape goes back.</footer>
<noscript>
${views.map(fallback).join("\n")}
</noscript>
<script type="application/json" id="data">${data.replaceAll("<", "\\u003c")}</script>
<script>
${treemapScript}</script>`,
  });
}

/** As short as JSON can be: name, size, children. */
type Packed = readonly [name: string, sizeBytes: number, children?: readonly Packed[]];

function packed({ name, sizeBytes, children }: TreemapNode): Packed {
  const shown = showName(name);
  return children === undefined ? [shown, sizeBytes] : [shown, sizeBytes, children.map(packed)];
}

/** For who has no scripts: the first level as a table. */
function fallback({ name, root }: TreemapView): string {
  const rows = (root.children ?? [])
    .slice(0, 50)
    .map((child) => `<tr><td>${escapeHtml(showName(child.name))}</td><td>${formatBytes(child.sizeBytes)}</td></tr>`);
  return `<table><caption>${escapeHtml(name)}, ${formatBytes(root.sizeBytes)}</caption>${rows.join("")}</table>`;
}
