import fc from "fast-check";

export const multipart = (...parts: string[]) =>
  [
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=B",
    "",
    ...parts.map((part) => `--B\n${part}`),
    "--B--",
  ].join("\n");

const documents = [
  multipart(
    "Content-Type: text/x-shellscript; name=x\n\n#!/bin/sh\n",
    "Content-Transfer-Encoding: base64\n\nI2Nsb3VkLWNvbmZpZwphOiAx",
  ),
  multipart(
    "Content-Type: multipart/mixed; boundary=C\n\n--C\n\n#cloud-config\na: [1]\n--C--\n",
    "Merge-Type: dict(recurse_array)+list(append)\n\n#cloud-config\na: [2]",
  ),
  "#cloud-config-archive\n- type: text/cloud-config\n  content: 'a: 1'\n- '#!/bin/sh'\n",
  "#cloud-config\nmerge_how: [{name: list, settings: [append]}, {name: dict, settings: [no_replace]}]\na: {b: [1, 2]}\n",
  "#cloud-config\nruncmd: [ls, [a, b]]\nusers: [default, {name: &n x, groups: *n}]\nwrite_files:\n- path: /x\n  content: |\n    a\n",
  '#cloud-config-jsonp\n[{"op": "add", "path": "/a", "value": [1]}, {"op": "move", "from": "/a", "path": "/b"}]',
  "#include\nhttp://a/1\n#include-once http://a/2\n",
];

const change = fc.record({
  at: fc.nat(400),
  remove: fc.nat(20),
  add: fc.oneof(
    fc.string({ maxLength: 6 }),
    fc.constantFrom("\n", "--B", "\r\n", "[", "&a *a", "\x1f\x8b", "=", "é", "\xff"),
  ),
});

/** User data of all kinds, damaged; bytes as characters. */
export const damagedUserData = fc
  .tuple(fc.constantFrom(...documents), fc.array(change, { maxLength: 6 }))
  .map(([document, changes]) =>
    changes.reduce((text, { at, remove, add }) => text.slice(0, at) + add + text.slice(at + remove), document),
  );
