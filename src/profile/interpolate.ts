/**
 * `${env:NAME}` is replaced by the variable, `${env:NAME:-default}` by the default if the variable is unset or empty, and `$${env:` stands for a literal
 * `${env:`. Any other dollar is left alone: shell and nginx have their own use for them.
 */
export interface Interpolated {
  readonly text: string;
  /** Whether anything came from the environment. */
  readonly replaced: boolean;
  readonly problems: readonly InterpolationProblem[];
}

interface InterpolationProblem {
  readonly message: string;
  readonly hint: string;
  /** The reference as written, to find its position. */
  readonly reference: string;
}

export function interpolate(text: string, environment: Readonly<Record<string, string | undefined>>): Interpolated {
  const problems: InterpolationProblem[] = [];
  let replaced = false;
  const result = text.replace(
    /\$\$\{env:|\$\{env:([^}]*)(\}?)/g,
    (reference, body: string | undefined, end: string) => {
      if (body === undefined) return "${env:";
      const match = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(body);
      if (end === "" || match === null) {
        problems.push({
          reference,
          message: `"${shorten(reference)}" is not a reference to an environment variable`,
          hint: `write \${env:NAME}, \${env:NAME:-default} or, for these very characters, $\${env:`,
        });
        return "";
      }
      const [, name = "", fallback] = match;
      replaced = true;
      const value = environment[name];
      if (fallback !== undefined) return value || fallback;
      if (value === undefined) {
        problems.push({
          reference,
          message: `the environment variable ${name} is not set`,
          hint: `set it (export ${name}=…), or give a default: \${env:${name}:-default}`,
        });
        return "";
      }
      return value;
    },
  );
  return { text: result, replaced, problems };
}

/** The names that a text refers to, or seems to. */
export function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{env:([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name]) => name as string);
}

function shorten(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > 40 ? `${line.slice(0, 40)}…` : line;
}
