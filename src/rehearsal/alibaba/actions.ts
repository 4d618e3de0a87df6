import * as images from "./image-actions.ts";
import { type ImportHooks, importImage } from "./import-image.ts";
import * as instances from "./instance-actions.ts";
import * as market from "./market-actions.ts";
import * as network from "./network-actions.ts";
import type { Parameters } from "./parameters.ts";
import { runInstances } from "./run-instances.ts";
import type { EcsState } from "./state.ts";
import * as tasks from "./task-actions.ts";

export type EcsAction = (
  state: EcsState,
  parameters: Parameters,
  hooks: ImportHooks,
) => Record<string, unknown> | Promise<Record<string, unknown>>;

/** What the rehearsal knows of ECS API 2014-05-26. */
export const ecsActions: Readonly<Record<string, EcsAction>> = {
  AuthorizeSecurityGroup: network.authorizeSecurityGroup,
  CancelCopyImage: images.cancelCopyImage,
  CancelTask: tasks.cancelTask,
  CopyImage: images.copyImage,
  CreateSecurityGroup: network.createSecurityGroup,
  CreateVSwitch: network.createVSwitch,
  CreateVpc: network.createVpc,
  DeleteImage: images.deleteImage,
  DeleteInstance: instances.deleteInstance,
  DeleteKeyPairs: network.deleteKeyPairs,
  DeleteSecurityGroup: network.deleteSecurityGroup,
  DeleteSnapshot: images.deleteSnapshot,
  DeleteVSwitch: network.deleteVSwitch,
  DeleteVpc: network.deleteVpc,
  DescribeAvailableResource: market.describeAvailableResource,
  DescribeImageSharePermission: images.describeImageSharePermission,
  DescribeImages: images.describeImages,
  DescribeInstanceTypes: market.describeInstanceTypes,
  DescribeInstances: instances.describeInstances,
  DescribeKeyPairs: network.describeKeyPairs,
  DescribePrice: market.describePrice,
  DescribeRegions: market.describeRegions,
  DescribeSecurityGroups: network.describeSecurityGroups,
  DescribeTaskAttribute: tasks.describeTaskAttribute,
  DescribeTasks: tasks.describeTasks,
  DescribeVSwitches: network.describeVSwitches,
  DescribeVpcs: network.describeVpcs,
  GetInstanceConsoleOutput: instances.getInstanceConsoleOutput,
  GetInstanceScreenshot: instances.getInstanceScreenshot,
  ImportImage: importImage,
  ImportKeyPair: network.importKeyPair,
  ModifyImageAttribute: images.modifyImageAttribute,
  ModifyImageSharePermission: images.modifyImageSharePermission,
  RunInstances: runInstances,
  StopInstance: instances.stopInstance,
};
