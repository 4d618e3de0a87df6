import { spawn } from "node:child_process";
import { oracle } from "../../oracles/tools.ts";

/** Runs an oracle tool to its end. Output, what it says on standard error last, is latin1, so that names of any encoding survive. */
export async function runOracle(name: string, args: readonly string[]): Promise<{ status: number; output: string }> {
  const [program = name, ...first] = await oracle(name);
  const child = spawn(program, [...first, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { LC_ALL: "C", TZ: "UTC" },
  });
  const parts: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  child.stderr.on("data", (part: Buffer) => errors.push(part));
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  return { status, output: Buffer.concat([...parts, ...errors]).toString("latin1") };
}
