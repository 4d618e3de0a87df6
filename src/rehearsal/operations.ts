import { operations } from "../providers/huawei/operations.ts";
import { ecsActions } from "./alibaba/actions.ts";
import { storeOperations } from "./object-store/routes.ts";
import { tencentServices } from "./tencent/service.ts";

/** All calls that faults can be made of, of all clouds: `cvm.RunInstances`, `ecs.RunInstances`, `ims.CreateImage`, `s3.PutObject`. */
export function rehearsedOperations(): string[] {
  const tencent = Object.entries(tencentServices).flatMap(([service, { actions }]) =>
    Object.keys(actions).map((action) => `${service}.${action}`),
  );
  const alibaba = Object.keys(ecsActions).map((action) => `ecs.${action}`);
  const store = Object.keys(storeOperations).map((operation) => `s3.${operation}`);
  return [...new Set([...tencent, ...alibaba, ...Object.keys(operations), ...store])];
}
