/** Style of the page of sizes. Colours come from the hue that the script gives each box. */
export const treemapStyle = `:root { color-scheme: light dark; --ink: #1a1a1a; --paper: #fdfdfc; --line: #c9c9c4; --lightness: 82%; --chroma: 55%; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e6; --paper: #16181b; --line: #3c4046; --lightness: 30%; --chroma: 35%; } }
* { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; background: var(--paper); color: var(--ink); font: 14px/1.4 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 0.3em 1.2em; align-items: baseline; padding: 0.5em 0.8em; }
h1 { font-size: 1em; margin: 0; overflow-wrap: anywhere; }
button { font: inherit; color: inherit; background: none; border: 0; border-bottom: 2px solid transparent; padding: 0 0.2em; cursor: pointer; }
button[aria-pressed="true"] { border-color: currentColor; }
button:focus-visible, main:focus-visible { outline: 2px solid Highlight; }
main { flex: 1; position: relative; margin: 0 0.8em; overflow: hidden; }
main div { position: absolute; overflow: hidden; border: 1px solid var(--paper); background: hsl(var(--hue) var(--chroma) var(--lightness)); font-size: 11px; line-height: 15px; padding: 0 3px; white-space: nowrap; text-overflow: ellipsis; }
main div.open { cursor: zoom-in; }
main div.on { box-shadow: inset 0 0 0 2px currentColor; }
footer { padding: 0.4em 0.8em; min-height: 2.2em; overflow-wrap: anywhere; }
noscript table { margin: 1em; }
noscript td + td { text-align: right; padding-left: 2em; }
`;

/**
 * Script of the page of sizes: squarified boxes (Bruls, Huizing, van Wijk, "Squarified Treemaps", 2000), drawn anew when the window or the place changes. Boxes are made with
 * textContent only, so that no name can be markup.
 */
export const treemapScript = `"use strict";
const views = JSON.parse(document.getElementById("data").textContent);
const map = document.getElementById("map");
const hover = document.getElementById("hover");
const trail = document.getElementById("trail");
const tabs = document.getElementById("views");
const hint = hover.textContent;
let view = 0;
let place = [];
const units = ["B", "KB", "MB", "GB", "TB"];
function size(bytes) {
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < 4) { value /= 1000; unit++; }
  return (unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)) + " " + units[unit];
}
function join(names) {
  return names.length === 1 ? names[0] : (names[0] === "/" ? "" : names[0]) + "/" + names.slice(1).join("/");
}
function layout(items, x, y, w, h, draw) {
  let total = 0;
  for (const item of items) total += item[1];
  let at = 0;
  while (at < items.length && w > 0 && h > 0 && total > 0) {
    const side = Math.min(w, h);
    const scale = (w * h) / total;
    let row = 0;
    let end = at;
    let worst = Infinity;
    while (end < items.length) {
      const next = row + items[end][1] * scale;
      const thick = next / side;
      const ratio = Math.max(worstOf(items[at][1] * scale, thick), worstOf(items[end][1] * scale, thick));
      if (ratio > worst) break;
      worst = ratio;
      row = next;
      end++;
    }
    const thick = row / side;
    let along = 0;
    for (let i = at; i < end; i++) {
      const long = (items[i][1] * scale) / thick;
      if (w >= h) draw(items[i], x, y + along, thick, long);
      else draw(items[i], x + along, y, long, thick);
      along += long;
      total -= items[i][1];
    }
    if (w >= h) { x += thick; w -= thick; } else { y += thick; h -= thick; }
    at = end;
  }
}
function worstOf(area, thick) {
  const long = area / thick;
  return Math.max(long / thick, thick / long);
}
function here() {
  let node = views[view].root;
  for (const index of place) node = node[2][index];
  return node;
}
function names(indexes) {
  let node = views[view].root;
  const found = [node[0]];
  for (const index of indexes) { node = node[2][index]; found.push(node[0]); }
  return found;
}
function box(parent, node, indexes, hue, x, y, w, h) {
  if (w < 2 || h < 2) return;
  const element = document.createElement("div");
  element.style.cssText = "left:" + x + "px;top:" + y + "px;width:" + w + "px;height:" + h + "px";
  element.style.setProperty("--hue", hue);
  const label = join(names(indexes)) + "  " + size(node[1]);
  element.dataset.label = label;
  element.dataset.at = indexes.join(" ");
  if (w > 30 && h > 15) element.textContent = node[0] + " " + size(node[1]);
  if (node[2]) element.className = "open";
  parent.append(element);
  if (node[2] && w > 12 && h > 24) children(element, node, indexes, hue, 2, 16, w - 6, h - 20);
}
function children(parent, node, indexes, hue, x, y, w, h) {
  const order = new Map(node[2].map((child, index) => [child, index]));
  layout(node[2], x, y, w, h, (child, cx, cy, cw, ch) => {
    const index = order.get(child);
    const own = parent === map ? (index * 47 + 205) % 360 : hue;
    box(parent, child, indexes.concat(index), own, cx, cy, cw, ch);
  });
}
function draw() {
  map.textContent = "";
  tabs.textContent = "";
  trail.textContent = "";
  hover.textContent = hint;
  if (views.length === 0) { hover.textContent = "No root file system was found in this image."; return; }
  views.forEach((each, index) => {
    const tab = document.createElement("button");
    tab.textContent = each.name + " " + size(each.root[1]);
    tab.setAttribute("aria-pressed", String(index === view));
    tab.onclick = () => { view = index; place = []; draw(); };
    tabs.append(tab);
  });
  names(place).forEach((name, depth) => {
    const step = document.createElement("button");
    step.textContent = name;
    step.onclick = () => { place = place.slice(0, depth); draw(); };
    trail.append(step);
  });
  const node = here();
  if (node[2]) children(map, node, place, 0, 0, 0, map.clientWidth, map.clientHeight);
}
map.addEventListener("mouseover", (event) => {
  for (const old of map.querySelectorAll(".on")) old.classList.remove("on");
  const target = event.target.closest("[data-label]");
  hover.textContent = target ? target.dataset.label : hint;
  if (target) target.classList.add("on");
});
map.addEventListener("click", (event) => {
  const target = event.target.closest(".open");
  if (!target) return;
  place = target.dataset.at.split(" ").map(Number);
  draw();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && place.length > 0) { place = place.slice(0, -1); draw(); }
});
window.addEventListener("resize", draw);
draw();
`;
