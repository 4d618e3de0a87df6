import { spawn } from "node:child_process";
import { oracle } from "../oracles/tools.ts";

/** Runs somebody else's tool to its end: its exit status and all it said. */
export async function runOracle(name: string, args: readonly string[]): Promise<{ status: number; output: string }> {
  const [program = name, ...first] = await oracle(name);
  const child = spawn(program, [...first, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { LC_ALL: "C.UTF-8", TZ: "UTC" },
  });
  const parts: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  child.stderr.on("data", (part: Buffer) => parts.push(part));
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  return { status, output: Buffer.concat(parts).toString() };
}
