import * as std from "qjs:std";
import { conformanceResult } from "./conformance-functions.ts";

/** Bundled by conformance-qjs.test.ts and run by QuickJS: a case on each line of a file, results as JSON. */
const file = std.open(scriptArgs[1] ?? "", "r");
for (const line of file?.readAsString().split("\n") ?? []) {
  if (line === "") continue;
  const { family, input, env } = JSON.parse(line);
  std.out.puts(`${JSON.stringify(conformanceResult(family, input, env))}\n`);
}
std.out.flush();
