import type { Found } from "./datasource.ts";
import type { Opened, Service } from "./http-service.ts";

/** What a source has found whose service did not answer: nothing, said on the console; or that its owner does not want it to be asked. */
export function notOpened(
  { refusal, reason, place }: Exclude<Opened, Service>,
  tell: ((text: string) => void) | undefined,
): Found | undefined {
  if (refusal === "silent") {
    tell?.(`${place} does not answer: ${reason}`);
    return undefined;
  }
  return { place, authorizedKeys: {}, problems: [reason], isBroken: true };
}
