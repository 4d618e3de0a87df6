import type { Tree } from "../core/tree.ts";
import { readText } from "./owners.ts";

/** Where cloud-init looks for what it is told, if the image restricts that: `datasource_list`, of which the last file's counts. */
export function datasourcesOf(tree: Tree): readonly string[] | undefined {
  const base = "/etc/cloud/cloud.cfg.d";
  const files = tree.list(tree.resolve(base) ?? base).filter((name) => name.endsWith(".cfg"));
  const lists = ["/etc/cloud/cloud.cfg", ...files.map((name) => `${base}/${name}`)].flatMap((path) => {
    const text = (readText(tree, path) ?? "").replace(/#.*/g, "");
    const flow = /^datasource_list:\s*\[([^\]]*)\]/m.exec(text)?.[1]?.split(",");
    const block = /^datasource_list:\s*\n((?:\s*-\s*\S.*\n?)+)/m.exec(text)?.[1]?.split("\n");
    const names = (flow ?? block)?.map((each) => each.replace(/^\s*-/, "").replace(/['"]/g, "").trim());
    return names === undefined ? [] : [names.filter((name) => name !== "")];
  });
  return lists.at(-1);
}

/** cloud-init's own switch, which keeps it from doing anything. */
export function isCloudInitOff(tree: Tree, cmdlines: readonly string[]): boolean {
  return (
    tree.resolve("/etc/cloud/cloud-init.disabled") !== undefined ||
    (cmdlines.length > 0 && cmdlines.every((line) => /(^|\s)cloud-init=disabled(\s|$)/.test(line)))
  );
}
