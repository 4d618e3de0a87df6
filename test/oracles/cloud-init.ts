import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { obtainTools } from "../../src/build/tools.ts";
import { createContext } from "../../src/commands/environment.ts";

const driver = fileURLToPath(new URL("cloud-init-driver.py", import.meta.url));

export interface CloudInitAnswer<T> {
  readonly answer?: T;
  /** What it threw. */
  readonly error?: string;
}

/** Asks Debian's cloud-init, by its own functions, on this host: nothing is started or changed. `ask` is one of the driver's operations. */
export async function askCloudInit<T>(
  questions: readonly ({ readonly ask: string } & Readonly<Record<string, unknown>>)[],
): Promise<CloudInitAnswer<T>[]> {
  const { command, directory } = await cloudInit();
  const [program = "", ...first] = command("python3");
  const { status, stdout, stderr } = spawnSync(program, [...first, driver], {
    input: JSON.stringify(questions),
    encoding: "utf8",
    maxBuffer: 64 << 20,
    env: pythonEnvironment(directory),
  });
  if (status !== 0) throw new Error(`cloud-init's Python ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as CloudInitAnswer<T>[];
}

/** Runs the `cloud-init` command itself. */
export async function runCloudInit(args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const { command, directory } = await cloudInit();
  const [program = "", ...first] = command("cloud-init");
  const options = { encoding: "utf8", env: pythonEnvironment(directory) } as const;
  const { status, stdout, stderr } = spawnSync(program, [...first, ...args], options);
  return { status, output: stdout + stderr };
}

/** The package with all that it needs, its Python too. */
async function cloudInit() {
  const context = createContext(() => {}, new AbortController().signal, availableParallelism());
  return await obtainTools(["cloud-init"], context);
}

/** Debian's Python looks below /usr, which is another system's here. */
function pythonEnvironment(directory: string): Record<string, string> {
  const usr = join(directory, "usr");
  return {
    PYTHONHOME: usr,
    PYTHONPATH: join(usr, "lib/python3/dist-packages"),
    PYTHONDONTWRITEBYTECODE: "1",
    LC_ALL: "C.UTF-8",
    TZ: "UTC",
  };
}
