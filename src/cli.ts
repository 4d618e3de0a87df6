import { Command, CommanderError, Option } from "commander";
import type { GlobalOptions, Verb } from "./commands/command.ts";
import { createContext } from "./commands/environment.ts";
import { positiveInteger } from "./commands/options.ts";
import { usageError } from "./commands/usage-error.ts";
import { verbs } from "./commands/verbs.ts";
import { CloudimgError, errnoOf, exitCodeOfFamily } from "./core/errors.ts";
import { createReporter } from "./report/reporter.ts";

const signalExitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** In a cloud, to tidy up takes minutes. */
const longTidyingMs = 2000;
/** One Ctrl-C may arrive twice: from the terminal, and from the process that has started this one. */
const sameSignalMs = 500;

/** Runs the command line and resolves with the exit code; nothing below calls process.exit. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const outputLost = new AbortController();
  process.stdout.on("error", (error) => outputLost.abort(error));
  // Nobody is left to tell: the work itself goes on.
  process.stderr.on("error", () => {});
  const program = new Command("cloudimg")
    .description("From a YAML profile to a running, smoke-tested cloud instance.")
    .usage("VERB [options]")
    .version(await packageVersion())
    .helpCommand(false)
    .configureOutput(output)
    .exitOverride();
  for (const verb of verbs) {
    program.addCommand(
      define(verb, async (args, options) => {
        exitCode = await perform(verb, args, options, outputLost.signal);
      }),
      { hidden: verb.hidden === true },
    );
  }
  try {
    if (argv.length === 0) program.help();
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const problem = argv.length === 0 ? undefined : usageError(error, verbs.find(({ name }) => name === argv[0])?.name);
    if (problem === undefined) return 0;
    const options = { json: argv.includes("--json"), verbose: false, redraw: false };
    createReporter(options, process.stdout, process.stderr).error(problem);
    return problem.exitCode;
  }
  await new Promise((resolve) => process.stdout.write("", resolve));
  return outputLost.signal.aborted ? explainLostOutput(outputLost.signal.reason) : exitCode;
}

/** Whoever read standard output may have seen enough: then nothing is said. The exit code is that of the signal SIGPIPE. */
function explainLostOutput(error: unknown): number {
  const errno = errnoOf(error);
  if (errno === "EPIPE") return 141;
  const reason = errno === "ENOSPC" ? "no space is left" : (errno ?? String(error));
  const problem = new CloudimgError({
    code: errno === "ENOSPC" ? "host/no-space" : "host/io",
    message: `cannot write to standard output: ${reason}`,
    hint: "send the output to a place with room",
  });
  createReporter({ json: false, verbose: false, redraw: false }, process.stderr, process.stderr).error(problem);
  return problem.exitCode;
}

/** Its errors are told as all others. */
const output = { getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth, outputError: () => {} };

function define(
  verb: Verb,
  action: (args: string[], options: GlobalOptions & Record<string, unknown>) => Promise<void>,
): Command {
  const command = new Command(verb.name).description(verb.summary).configureOutput(output).exitOverride();
  for (const argument of verb.args) command.addArgument(argument);
  for (const option of verb.options) command.addOption(option);
  command
    .addOption(new Option("--json", "events and result as JSON lines on standard output"))
    .addOption(new Option("-v, --verbose", "also tell details and the guest's console"))
    .addOption(new Option("-j, --jobs <N>", "CPU-bound jobs at once").argParser(positiveInteger))
    .addHelpText("after", `\nExamples:\n${verb.examples.map((line) => `  ${line}`).join("\n")}`)
    .action(() => action(command.processedArgs.flat() as string[], command.opts()));
  return command;
}

async function perform(
  verb: Verb,
  args: readonly string[],
  options: GlobalOptions & Record<string, unknown>,
  outputLost: AbortSignal,
): Promise<number> {
  const abort = new AbortController();
  let interruptedBy: keyof typeof signalExitCodes | undefined;
  let interruptedAtMs = 0;
  let tellTidying: NodeJS.Timeout | undefined;
  const onSignal = (signal: keyof typeof signalExitCodes) => {
    if (interruptedBy === undefined) {
      interruptedBy = signal;
      interruptedAtMs = performance.now();
      const message = `interrupted by ${signal}: tidying up …`;
      tellTidying = setTimeout(() => reporter.emit({ type: "log", level: "info", message }), longTidyingMs);
      abort.abort(new Error(`interrupted by ${signal}`));
    } else if (performance.now() - interruptedAtMs > sameSignalMs) {
      const hint = "kill -9 ends it at once; then cloudimg clean removes what is left";
      reporter.emit({ type: "log", level: "warning", message: "still tidying up", hint });
    }
  };
  for (const signal of Object.keys(signalExitCodes)) process.on(signal, onSignal);
  const reporter = createReporter(
    {
      json: options.json === true,
      verbose: options.verbose === true,
      redraw: process.stderr.isTTY === true && process.env["TERM"] !== "dumb",
    },
    process.stdout,
    process.stderr,
  );
  const context = createContext(reporter.emit, AbortSignal.any([abort.signal, outputLost]), options.jobs);
  try {
    const exitCode =
      (await verb.run({
        args: args.filter((arg) => arg !== undefined),
        options,
        context,
        result: reporter.result,
        bytes: reporter.bytes,
        terminal: { input: process.stdin, output: process.stdout },
      })) ?? 0;
    return interruptedBy === undefined ? exitCode : signalExitCodes[interruptedBy];
  } catch (error) {
    // After a signal every error is a consequence of it; what was under way has tidied up by now.
    if (interruptedBy !== undefined) {
      reporter.emit({ type: "log", level: "warning", message: `interrupted by ${interruptedBy}; tidied up` });
      return signalExitCodes[interruptedBy];
    }
    if (outputLost.aborted) return 0;
    reporter.error(error);
    return error instanceof CloudimgError ? error.exitCode : exitCodeOfFamily.bug;
  } finally {
    clearTimeout(tellTidying);
    reporter.close();
    for (const signal of Object.keys(signalExitCodes)) process.off(signal, onSignal);
  }
}

/** Wide enough for a line to each verb, also where the width is not known. */
function helpWidth(): number {
  return Math.max(process.stdout.columns ?? 0, 100);
}

async function packageVersion(): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
