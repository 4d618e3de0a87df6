import { alibabaRules } from "./alibaba/image-rules.ts";
import { huaweiRules } from "./huawei/image-rules.ts";
import type { ImageRules } from "./image-rules.ts";
import { localRules } from "./local/image-rules.ts";
import { tencentRules } from "./tencent/image-rules.ts";

/** Every cloud that an image can be checked for. */
export const imageRules = {
  tencent: tencentRules,
  alibaba: alibabaRules,
  huawei: huaweiRules,
  local: localRules,
} as const satisfies Record<string, ImageRules>;

export type CheckedCloud = keyof typeof imageRules;
