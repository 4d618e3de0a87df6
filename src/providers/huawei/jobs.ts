import type { Context } from "../../core/context.ts";
import { poll } from "../poll.ts";
import type { HuaweiClient } from "./client.ts";
import { JobFailure } from "./vendor-error.ts";

/** Answer of `ShowJob`, of IMS and ECS alike. */
export interface Job {
  readonly status: "INIT" | "RUNNING" | "SUCCESS" | "FAIL";
  readonly error_code?: string;
  readonly fail_reason?: string;
  readonly entities?: {
    readonly image_id?: string;
    readonly process_percent?: number;
    readonly error_code?: string;
    readonly addition_error_msg?: string;
    readonly sub_jobs?: readonly SubJob[];
  };
}

interface SubJob {
  readonly status?: string;
  readonly error_code?: string;
  readonly fail_reason?: string;
  readonly entities?: { readonly server_id?: string; readonly errorcode_message?: string };
}

/**
 * Waits for the end of a job. A look that fails is no answer: the job is looked at again.
 *
 * Errors: `JobFailure`, with what the job says; `cloud/timeout`; the last refusal when it cannot be looked at.
 */
export async function waitForJob(
  client: HuaweiClient,
  { service, id, what, mostMs }: { service: "ecs" | "ims"; id: string; what: string; mostMs: number },
  context: Context,
): Promise<Job> {
  const hint = `Huawei Cloud's job ${id} is still at work; run the same command again: it goes on where it stopped`;
  return await poll(
    { clock: client.connection, signal: context.signal, what, timeoutMs: mostMs, hint },
    () => client.call<Job>(`${service}.ShowJob`, { what, path: { job_id: id } }, context),
    (job) => {
      if (job.status === "FAIL") {
        const { code, reason } = reasonOf(job);
        throw new JobFailure(what, code, reason);
      }
      return job.status === "SUCCESS" ? job : undefined;
    },
  );
}

/** Why it failed: the innermost job that failed knows best, and says it in one of several places. */
export function reasonOf(job: Job): { readonly code: string; readonly reason: string } {
  const failed = job.entities?.sub_jobs?.find(({ status }) => status === "FAIL");
  const texts = [
    failed?.entities?.errorcode_message,
    failed?.fail_reason,
    job.entities?.addition_error_msg,
    job.fail_reason,
  ].filter((text) => text !== undefined && text !== "");
  const codes = [failed?.error_code, job.entities?.error_code, job.error_code].filter(
    (code) => code !== undefined && code !== "",
  );
  const named = texts.map((text) => /\b(Ecs|IMG|VPC|EVS)\.\d{4}\b/.exec(text ?? "")?.[0]);
  return {
    code: named.find((code) => code !== undefined) ?? codes[0] ?? "no code",
    reason: texts[0] ?? "nothing more",
  };
}
