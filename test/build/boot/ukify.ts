import { spawnSync } from "node:child_process";
import { oracle } from "../../oracles/tools.ts";

/** systemd's own maker of unified kernel images, a Python program: its interpreter must be told where its modules are. */
export async function runUkify(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const [program = "", ...first] = await oracle("ukify");
  const home = /^(.*)\/usr\//.exec(first.at(-1) ?? "")?.[1];
  const env = { ...(home === undefined ? {} : { PYTHONHOME: `${home}/usr` }), PYTHONDONTWRITEBYTECODE: "1" };
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], { env, encoding: "utf8" });
  return { status, output: stdout + stderr };
}
