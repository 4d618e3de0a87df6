import { isoSeconds } from "../clock.ts";
import { type Call, deny, ok } from "./call.ts";
import type { JobRecord } from "./records.ts";
import type { HuaweiWorld } from "./world.ts";

/** Begins a job that is done, by `finish`, after that long. What that gives is why it failed. */
export function startJob(
  world: HuaweiWorld,
  job: Pick<JobRecord, "service" | "region" | "type" | "takesMs" | "imageId" | "imageName" | "serverIds">,
  finish: () => JobRecord["failure"],
): JobRecord {
  const record: JobRecord = {
    ...job,
    id: world.newId().replaceAll("-", ""),
    beginMs: world.clock.now(),
    status: "INIT",
    endMs: undefined,
    failure: undefined,
  };
  world.jobs.set(record.id, record);
  world.clock.after(Math.min(1_000, job.takesMs / 2), () => {
    if (record.status === "INIT") record.status = "RUNNING";
  });
  world.clock.after(job.takesMs, () => {
    record.failure = finish();
    record.status = record.failure === undefined ? "SUCCESS" : "FAIL";
    record.endMs = world.clock.now();
  });
  return record;
}

/** `GET /v1/{project_id}/jobs/{job_id}`, on the host of either service. */
export function showJob(service: JobRecord["service"]): (call: Call) => ReturnType<typeof ok> {
  return ({ world, region, path }) => {
    const job = world.jobs.get(path["job_id"] ?? "");
    if (job === undefined || job.service !== service || job.region !== region)
      deny(service === "ecs" ? "Common.0011" : "IMG.0020", "The job does not exist.", 404);
    const times = {
      begin_time: new Date(job.beginMs).toISOString(),
      ...(job.endMs !== undefined && { end_time: new Date(job.endMs).toISOString() }),
    };
    const failure = job.failure && { error_code: job.failure.code, fail_reason: job.failure.reason };
    const head = { status: job.status, job_id: job.id, job_type: job.type, ...times };
    if (service === "ims") return ok({ ...head, ...failure, entities: imageEntities(world, job) });
    const sub_jobs = (job.serverIds ?? []).map((server_id, at) => ({
      ...head,
      ...failure,
      job_id: `${job.id.slice(0, -1)}${at}`,
      job_type: `${job.type}Single`,
      entities: { server_id, ...(job.failure && { errorcode_message: job.failure.reason }) },
    }));
    // The job itself tells little of why.
    const outer = job.failure && { error_code: "Ecs.0207", fail_reason: "sub job failed" };
    return ok({ ...head, ...outer, entities: { sub_jobs_total: sub_jobs.length, sub_jobs } });
  };
}

function imageEntities(world: HuaweiWorld, job: JobRecord): object {
  if (job.imageName === undefined) return {};
  const { status, imageId, imageName } = job;
  const percent =
    status === "SUCCESS" ? 100 : Math.min(99, Math.floor((100 * (world.clock.now() - job.beginMs)) / job.takesMs));
  return {
    image_name: imageName,
    process_percent: percent,
    current_task: status === "SUCCESS" ? "" : "ImportImage",
    // Not before it is known to have worked.
    ...(status === "SUCCESS" && { image_id: imageId }),
  };
}

/** `auto_terminate_time` of a server and the like are told as they were given. */
export function timeOf(ms: number | undefined): string {
  return ms === undefined ? "" : isoSeconds(ms);
}
