import { spawn } from "node:child_process";
import { oracle } from "./tools.ts";

/**
 * Runs somebody else's tool to its end: its exit status and all it said, standard error last.
 *
 * @param encoding `latin1` keeps names of any encoding as they are
 */
export async function runOracle(
  name: string,
  args: readonly string[],
  encoding: "utf8" | "latin1" = "utf8",
): Promise<{ status: number; output: string }> {
  const [program = name, ...first] = await oracle(name);
  const child = spawn(program, [...first, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { LC_ALL: encoding === "utf8" ? "C.UTF-8" : "C", TZ: "UTC" },
  });
  const parts: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => parts.push(part));
  child.stderr.on("data", (part: Buffer) => errors.push(part));
  const status = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? -1));
  });
  return { status, output: Buffer.concat([...parts, ...errors]).toString(encoding) };
}
