import type { Tree } from "../../core/tree.ts";
import type { InstanceConfig } from "../model.ts";
import { configDriveFiles, configDriveLabel, configDriveTree } from "./config-drive.ts";
import { treeOf } from "./files.ts";
import { nocloudLabel, nocloudTree } from "./nocloud.ts";
import { alibabaOsConf, tencentOsConf } from "./os-conf.ts";

/** A form in which an instance's configuration is handed over. */
export interface ConfigFormat {
  readonly name: string;
  /** For people, after the name. */
  readonly summary: string;
  /** Of the drive that holds the files; absent if they are to be put into the image itself. */
  readonly label?: string;
  readonly tree: (config: InstanceConfig, epochSeconds: number) => Tree;
}

/** All of them. Adding one is a line here, and a line in the round trips of test/guest-config/formats. */
export const formats: readonly [ConfigFormat, ...ConfigFormat[]] = [
  {
    name: "config-drive",
    summary: "OpenStack's config drive, which Huawei Cloud and most guests know",
    label: configDriveLabel,
    tree: configDriveTree,
  },
  {
    name: "nocloud",
    summary: "cloud-init's own seed, for machines without a cloud",
    label: nocloudLabel,
    tree: nocloudTree,
  },
  {
    name: "tencent",
    summary: "Tencent Cloud's CD: a config drive with qcloud_action/os.conf",
    label: configDriveLabel,
    tree: (config, epochSeconds) =>
      treeOf({ ...configDriveFiles(config), "/qcloud_action/os.conf": tencentOsConf(config) }, epochSeconds),
  },
  {
    name: "alibaba-os-conf",
    summary: "the file aliyun_custom_image/os.conf, for the first partition of an image",
    tree: (config, epochSeconds) => treeOf({ "/aliyun_custom_image/os.conf": alibabaOsConf(config) }, epochSeconds),
  },
];
