import type { Profile } from "../profile/schema.ts";
import { AttemptFailure } from "./attempts.ts";
import type { HttpAnswer } from "./http-request.ts";
import type { CommandOutcome } from "./ssh-session.ts";

export type SshCheck = Profile["smoke"]["ssh"][number];
export type HttpCheck = Profile["smoke"]["http"][number];

export function nameOfSsh({ run }: SshCheck): string {
  return `ssh: ${short(run, 60)}`;
}

export function nameOfHttp({ tls, path }: HttpCheck): string {
  return `${tls ? "https" : "http"}: GET ${short(path, 60)}`;
}

/** What was seen, in a line. Errors: AttemptFailure if it is not what was asked for. */
export function judgeCommand(check: SshCheck, outcome: CommandOutcome): string {
  const { exitCode, signal, stdout, stderr } = outcome;
  if (exitCode !== check.exitCode) {
    const how = exitCode === undefined ? `was ended by signal ${signal}` : `ended with exit code ${exitCode}`;
    const said = stderr.trim() || stdout.trim();
    throw new AttemptFailure(`it ${how}, not ${check.exitCode}${said === "" ? "" : `; it said ${quote(said)}`}`);
  }
  if (check.stdout !== undefined && !matches(check.stdout, stdout))
    throw new AttemptFailure(`its output ${quote(stdout)} does not match /${check.stdout}/`);
  return `exit code ${exitCode}`;
}

/** As `judgeCommand`, for an answer. */
export function judgeAnswer(check: HttpCheck, { status, headers, body }: HttpAnswer): string {
  if (status !== check.status) throw new AttemptFailure(`its status is ${status}, not ${check.status}`);
  for (const [name, pattern] of Object.entries(check.headers)) {
    const value = headers[name.toLowerCase()];
    if (value === undefined) throw new AttemptFailure(`it has no header ${name}`);
    if (!matches(pattern, value)) throw new AttemptFailure(`its ${name} ${quote(value)} does not match /${pattern}/`);
  }
  if (check.body !== undefined && !matches(check.body, body))
    throw new AttemptFailure(`its body ${quote(body)} does not match /${check.body}/`);
  return `status ${status}, ${Buffer.byteLength(body)} bytes`;
}

/** `^` and `$` mean lines, as in grep. */
function matches(pattern: string, text: string): boolean {
  return new RegExp(pattern, "m").test(text);
}

function quote(text: string): string {
  return JSON.stringify(short(text.trim(), 200));
}

function short(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
