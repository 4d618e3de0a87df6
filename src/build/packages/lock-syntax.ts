import { isNode, LineCounter, parseDocument } from "yaml";
import { canonicalDigest } from "../../core/canonical-json.ts";
import { CloudimgError, type Problem, type Where } from "../../core/errors.ts";
import { type Lock, lockSchema } from "./lock-schema.ts";

const hint = "make it anew with cloudimg lock --update";

/** Checks a lock's text. Throws every problem that it has, with line and column. */
export function parseLock(text: string, file: string): Lock {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const whereOf = (offset: number): Where => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0)
    throw new CloudimgError(
      document.errors.map((error) => ({
        code: "profile/lock-syntax",
        message: `cannot read this lock: not valid YAML: ${error.message.replace(/\s+/g, " ")}`,
        where: whereOf(error.pos[0]),
        hint: `${hint}; a merge conflict may have been left in it`,
      })),
    );
  const whereAt = (path: readonly PropertyKey[]): Where => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return whereOf(node.range[0]);
    }
    return { file, line: 1, column: 1 };
  };
  const result = lockSchema.safeParse(document.toJS());
  const problem = (path: readonly PropertyKey[], reason: string): Problem => ({
    code: "profile/lock-invalid",
    message: `cannot use this lock: ${path.map(String).join(".") || "the file"}: ${reason}`,
    where: whereAt(path),
    hint,
  });
  if (!result.success) throw new CloudimgError(result.error.issues.map((issue) => problem(issue.path, issue.message)));
  const lock = result.data;
  if (canonicalDigest(lock.inputs) !== lock.inputsDigest)
    throw new CloudimgError(problem(["inputs"], "inputsDigest is not their digest, so one of the two was edited"));
  return lock;
}
