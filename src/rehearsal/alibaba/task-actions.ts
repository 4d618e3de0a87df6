import { isoSeconds } from "../clock.ts";
import { deny } from "./api-error.ts";
import { type Parameters, page } from "./parameters.ts";
import type { EcsState, TaskRecord } from "./state.ts";

export function describeTasks(state: EcsState, parameters: Parameters) {
  const region = parameters.must("RegionId");
  const ids = parameters.get("TaskIds")?.split(",");
  const resources = parameters.strings("ResourceIds");
  const status = parameters.get("TaskStatus");
  const tasks = [...state.tasks.values()]
    .filter((task) => task.region === region)
    .filter(({ id }) => ids === undefined || ids.includes(id))
    .filter(({ imageId }) => resources.length === 0 || resources.includes(imageId))
    .filter((task) => status === undefined || task.status === status);
  const { items, fields } = page(parameters, tasks);
  const Task = items.map((task) => ({ ...taskFields(task), ResourceId: task.imageId }));
  return { RegionId: region, ...fields, TaskSet: { Task } };
}

function taskFields(task: TaskRecord) {
  return {
    TaskId: task.id,
    TaskAction: "ImportImage",
    TaskStatus: task.status,
    SupportCancel: String(task.status === "Processing"),
    CreationTime: isoSeconds(task.createdMs),
    ...(task.finishedMs !== undefined && { FinishedTime: isoSeconds(task.finishedMs) }),
  };
}

/** Errors: `InvalidTaskId.NotFound` */
function mustTask(state: EcsState, parameters: Parameters): TaskRecord {
  const task = state.tasks.get(parameters.must("TaskId"));
  return task === undefined || task.region !== parameters.must("RegionId")
    ? deny(400, "InvalidTaskId.NotFound", "There is no such task.")
    : task;
}

export function describeTaskAttribute(state: EcsState, parameters: Parameters) {
  const task = mustTask(state, parameters);
  const image = state.images.get(task.imageId);
  const part = image === undefined ? 1 : (state.clock.now() - task.createdMs) / image.takesMs;
  const progress = {
    OperationStatus: task.status === "Failed" ? "Failed" : task.status === "Finished" ? "Success" : "Processing",
    ErrorCode: task.error?.code ?? "",
    ErrorMsg: task.error?.message ?? "",
    RelatedItemSet: { RelatedItem: [{ Name: "ImageId", Value: task.imageId }] },
  };
  return {
    ...taskFields(task),
    RegionId: task.region,
    TaskProcess: task.status === "Processing" ? `${Math.min(99, Math.floor(part * 100))}%` : "100%",
    TotalCount: 1,
    SuccessCount: task.status === "Finished" ? 1 : 0,
    FailedCount: task.status === "Failed" ? 1 : 0,
    OperationProgressSet: { OperationProgress: [progress] },
  };
}

/** With what it was making. */
export function cancelTask(state: EcsState, parameters: Parameters) {
  const task = mustTask(state, parameters);
  if (task.status !== "Processing") deny(403, "InvalidTaskId.IncorrectTaskStatus", "The task has ended.");
  task.callOff();
  task.status = "Failed";
  task.finishedMs = state.clock.now();
  task.error = { code: "TaskCancelled", message: "The task was cancelled." };
  state.images.delete(task.imageId);
  return {};
}
