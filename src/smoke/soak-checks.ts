import { AttemptFailure } from "./attempts.ts";
import { type HttpCheck, judgeAnswer, judgeCommand, type SshCheck } from "./checks.ts";
import { type HttpTarget, httpRequest } from "./http-request.ts";
import { guestCommand, parseGuest } from "./soak-guest.ts";
import type { GuestSeen } from "./soak-record.ts";
import { type SshTarget, sshSession } from "./ssh-session.ts";

/** One look at the instance. Nothing is tried again: that is what is measured. */
export interface SoakCheck {
  /** `ssh`, `http`. */
  readonly name: string;
  /** Errors: AttemptFailure; whatever the signal makes of it. */
  attempt(signal: AbortSignal): Promise<{ readonly guest?: GuestSeen; readonly hostKey?: string | undefined }>;
}

export function soakHttp(target: HttpTarget, check: HttpCheck): SoakCheck {
  return {
    name: "http",
    async attempt(signal) {
      judgeAnswer(check, await httpRequest(target, check.path, check.tls, signal));
      return {};
    },
  };
}

/** Logs in anew each time: an open connection says nothing about whether anybody else could get in. */
export function soakSsh(target: SshTarget, commands: readonly SshCheck[], programs: readonly string[]): SoakCheck {
  return {
    name: "ssh",
    async attempt(signal) {
      const session = sshSession(target);
      try {
        const { stdout } = await session.run(guestCommand(programs), signal);
        for (const command of commands) judge(command, await session.run(command.run, signal));
        return { guest: parseGuest(stdout, programs), hostKey: session.fingerprint() };
      } finally {
        session.close();
      }
    },
  };
}

function judge(command: SshCheck, outcome: Parameters<typeof judgeCommand>[1]): void {
  try {
    judgeCommand(command, outcome);
  } catch (error) {
    if (!(error instanceof AttemptFailure)) throw error;
    throw new AttemptFailure(`${command.run}: ${error.message}`, { cause: error });
  }
}
