/**
 * Style of the reports: light and dark, on a phone and on paper. Colours are never alone: each stands beside a word, and bars differ in their pattern too.
 * Contrast of text on its ground is 4.5 and more (WCAG 2.2, 1.4.3).
 */
export const reportStyle = `:root { color-scheme: light dark; --ink: #1a1a1a; --soft: #5a5d62; --paper: #fdfdfc; --raised: #f3f3f0; --line: #c9c9c4; --good: #1a6b34; --bad: #a8201a; --warn: #7a5200; --bar: #3b6ea5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e6; --soft: #a9adb3; --paper: #16181b; --raised: #1f2226; --line: #3c4046; --good: #6fce8b; --bad: #ff8b82; --warn: #e6b450; --bar: #6fa3dc; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 68rem; padding: 1rem; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5em; line-height: 1.25; margin: 0 0 0.4em; }
h2 { font-size: 1.25em; margin: 2em 0 0.5em; padding-top: 0.6em; border-top: 1px solid var(--line); }
h3 { font-size: 1.05em; margin: 1.6em 0 0.4em; }
a { color: inherit; }
p { margin: 0.4em 0; }
code, pre { font: 0.9em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; unicode-bidi: isolate; }
dl { margin: 0.5em 0; }
dl > div { display: grid; grid-template-columns: 9.5rem 1fr; gap: 0 1rem; padding: 0.15em 0; }
dt { color: var(--soft); }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; margin: 0.8em 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 0.3em 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3em 0.8em 0.3em 0; border-bottom: 1px solid var(--line); font-weight: normal; }
thead th { color: var(--soft); font-size: 0.9em; white-space: nowrap; }
td[data-label="Outcome"], td[data-label="Took"], td[data-label="Region"], td[data-label="State"] { white-space: nowrap; }
td.n, th.n { text-align: right; }
.good, .bad, .warn { font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.warn { color: var(--warn); }
.soft { color: var(--soft); }
.error { border-left: 4px solid var(--bad); background: var(--raised); padding: 0.5em 0.8em; margin: 0.6em 0; }
.error p { margin: 0.2em 0; white-space: pre-wrap; }
.track { position: relative; display: block; height: 0.9em; min-width: 8rem; background: var(--raised); border: 1px solid var(--line); }
.track i { position: absolute; top: 0; bottom: 0; min-width: 2px; background: var(--bar); border-right: 1px solid var(--paper); }
.track .cached { background: repeating-linear-gradient(90deg, var(--bar) 0 2px, transparent 2px 4px); }
.track .failed { background: repeating-linear-gradient(45deg, var(--bad) 0 4px, var(--paper) 4px 6px); }
figure { margin: 1em 0; }
.lanes > div { display: grid; grid-template-columns: 9.5rem 1fr; gap: 1rem; align-items: center; padding: 0.2em 0; }
.lanes .track { height: 1.4em; }
.lanes .axis { position: relative; height: 1.5em; font-size: 0.85em; color: var(--soft); }
.lanes .axis span { position: absolute; transform: translateX(-50%); white-space: nowrap; }
.lanes .axis span:first-child { transform: none; }
.lanes .axis span:last-child { transform: translateX(-100%); }
.console { display: flex; flex-direction: column-reverse; max-height: 26rem; overflow: auto; border: 1px solid var(--line); background: var(--raised); }
.console:focus-visible { outline: 2px solid Highlight; }
.console pre { margin: 0; padding: 0.6em 0.8em; white-space: pre-wrap; }
img { display: block; max-width: 100%; height: auto; border: 1px solid var(--line); }
svg { display: block; width: 100%; height: auto; }
footer { margin-top: 3em; padding-top: 0.6em; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9em; }
@media (max-width: 40rem) {
  body { padding: 0.7rem; }
  dl > div, .lanes > div { grid-template-columns: 1fr; }
  .lanes > div { gap: 0; }
  .lanes .axis span:nth-child(even):not(:last-child) { display: none; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr, tbody th, td { display: block; border: 0; padding: 0.1em 0; }
  td.n { text-align: left; }
  tr { border-bottom: 1px solid var(--line); padding: 0.4em 0; }
  tbody th { font-weight: 600; }
  td::before { content: attr(data-label) " "; color: var(--soft); font-size: 0.9em; }
  td[data-label=""]::before { content: none; }
  td:empty { display: none; }
}
@media print {
  body { max-width: none; padding: 0; }
  * { print-color-adjust: exact; }
  .console { display: block; max-height: none; }
  h2, h3 { break-after: avoid; }
  tr, .error, figure { break-inside: avoid; }
}
`;
