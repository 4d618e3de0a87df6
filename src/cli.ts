import { Command, CommanderError, Option } from "commander";
import type { GlobalOptions, Verb } from "./commands/command.ts";
import { createContext } from "./commands/environment.ts";
import { positiveInteger } from "./commands/options.ts";
import { verbs } from "./commands/verbs.ts";
import { CloudimgError, exitCodeOfFamily } from "./core/errors.ts";
import { createReporter } from "./report/reporter.ts";

const signalExitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs the command line and resolves with the exit code; nothing below calls process.exit. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command("cloudimg")
    .description("From a YAML profile to a running, smoke-tested cloud instance.")
    .usage("VERB [options]")
    .version(await packageVersion())
    .helpCommand(false)
    .showHelpAfterError("(cloudimg --help lists the verbs)")
    .configureOutput({ getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth })
    .exitOverride();
  for (const verb of verbs) {
    program.addCommand(
      define(verb, async (args, options) => {
        exitCode = await perform(verb, args, options);
      }),
      { hidden: verb.hidden === true },
    );
  }
  try {
    if (argv.length === 0) program.help();
    await program.parseAsync(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 || argv.length === 0 ? 0 : exitCodeOfFamily.usage;
  }
  return exitCode;
}

function define(
  verb: Verb,
  action: (args: string[], options: GlobalOptions & Record<string, unknown>) => Promise<void>,
): Command {
  const command = new Command(verb.name)
    .description(verb.summary)
    .configureOutput({ getOutHelpWidth: helpWidth, getErrHelpWidth: helpWidth })
    .exitOverride();
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
): Promise<number> {
  const abort = new AbortController();
  let interruptedBy: keyof typeof signalExitCodes | undefined;
  const onSignal = (signal: keyof typeof signalExitCodes) => {
    interruptedBy ??= signal;
    abort.abort(new Error(`interrupted by ${signal}`));
  };
  for (const signal of Object.keys(signalExitCodes)) process.on(signal, onSignal);
  const reporter = createReporter(
    { json: options.json === true, verbose: options.verbose === true },
    process.stdout,
    process.stderr,
  );
  const context = createContext(reporter.emit, abort.signal, options.jobs);
  try {
    return (
      (await verb.run({
        args: args.filter((arg) => arg !== undefined),
        options,
        context,
        result: reporter.result,
        terminal: { input: process.stdin, output: process.stdout },
      })) ?? 0
    );
  } catch (error) {
    // After a signal every error is a consequence of it; what was under way has tidied up by now.
    if (interruptedBy !== undefined) {
      reporter.emit({ type: "log", level: "warning", message: `interrupted by ${interruptedBy}; tidied up` });
      return signalExitCodes[interruptedBy];
    }
    reporter.error(error);
    return error instanceof CloudimgError ? error.exitCode : exitCodeOfFamily.bug;
  } finally {
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
