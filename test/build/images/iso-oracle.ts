import { decodeName } from "../../../src/core/names.ts";
import { runOracle } from "../../oracles/run.ts";
import type { TreeText } from "../filesystems/tree-text.ts";

type Facts = Readonly<Record<string, string>>;

const types: Readonly<Record<string, string>> = {
  dir: "directory",
  file: "file",
  link: "symlink",
  char: "character-device",
  block: "block-device",
  fifo: "fifo",
  socket: "socket",
};

/** What bsdtar reads from a disc with Rock Ridge: it prints all of it as mtree(5). */
export async function textOfIso(image: string): Promise<TreeText> {
  const wanted = "--options=!all,type,mode,uid,gid,size,link,time,sha256,device,nlink";
  const { status, output } = await runOracle("bsdtar", ["-cf", "-", "--format=mtree", wanted, `@${image}`], "latin1");
  if (status !== 0) throw new Error(`bsdtar says ${status}: ${output.slice(-500)}`);
  const lines = output
    .split("\n")
    .filter((line) => line.startsWith("."))
    .map((line) => {
      const [name = "", ...words] = line.split(" ");
      const facts = Object.fromEntries(words.map((word) => word.split("=", 2))) as Facts;
      return { path: unescaped(name).slice(1) || "/", facts };
    });
  // Of a file with several names, the content comes with the one that lies first on the disc; the others come empty.
  const isAgain = ({ nlink, size }: Facts) => nlink !== undefined && size === "0";
  const linked = lines.filter(({ facts }) => facts["nlink"] !== undefined && !isAgain(facts));
  const text: TreeText = {};
  for (const { path, facts } of lines) {
    const first = isAgain(facts) && linked.find((other) => sameBut(other.facts, facts));
    text[path] = first ? `link ${first.path}` : lineOf(facts);
  }
  return text;
}

/** Two names of one file have all in common but what comes once. */
function sameBut(a: Facts, b: Facts): boolean {
  return ["type", "mode", "uid", "gid", "time", "nlink"].every((name) => a[name] === b[name]);
}

function lineOf({ type = "", mode = "", uid, gid, time, size, sha256digest = "", link = "", device }: Facts): string {
  const detail = {
    file: `${size} ${sha256digest.slice(0, 12)}`,
    link: `-> ${unescaped(link)}`,
    char: device?.replace(/^native,(\d+),/, "$1:"),
    block: device?.replace(/^native,(\d+),/, "$1:"),
  }[type];
  const bits = type === "link" ? "0777" : mode.padStart(4, "0");
  return [types[type], bits, `${uid}:${gid}`, Number(time), detail].filter((part) => part !== undefined).join(" ");
}

function unescaped(text: string): string {
  const bytes = text.replaceAll(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
  return decodeName(Buffer.from(bytes, "latin1"));
}
