import type { Host } from "../initializer/host.ts";
import type { HttpResult } from "../initializer/http.ts";
import { type Budget, describeResult, getWithRetry, startBudget } from "../initializer/http-retry.ts";
import type { Datasource } from "./datasource.ts";
import { largestUserDataBytes, serviceLimitMs } from "./http-service.ts";
import { remoteSeed } from "./nocloud.ts";
import { nocloudFound, readSeed, type SeedReader } from "./nocloud-seed.ts";
import { withoutPassword } from "./public-metadata.ts";

/** NoCloud's files at an URL, which `seedfrom` names. */
export const nocloudNet: Datasource = {
  name: "nocloud-net",
  cloudInitName: "NoCloud",
  find(host, signs, tell) {
    const remote = remoteSeed(host, signs);
    if (remote === undefined) return undefined;
    const budget = startBudget(host, serviceLimitMs, tell);
    const place = withoutPassword(remote.url);
    const failures: string[] = [];
    const files = fileReader(host, remote.url, budget, failures);
    const seed = readSeed(host, place, files.read);
    const remoteOnly = files.isDead() ? { place, problems: [], isBroken: true } : seed;
    const problems = [...failures, ...remoteOnly.problems];
    return nocloudFound(host, [...remote.seeds, { ...remoteOnly, problems, isNamed: true }]);
  },
};

/** Several files stand behind one URL: where the first does not come, the others are not waited for. */
function fileReader(host: Host, url: string, budget: Budget, failures: string[]) {
  let isDead = false;
  const read: SeedReader = (name) => {
    if (isDead) return "unreadable";
    const result = getFollowing(host, url + name, budget);
    if ("status" in result && result.status === 200) return result.body;
    if ("status" in result && [403, 404, 410].includes(result.status)) return undefined;
    failures.push(`${name}: ${describeResult(result)}`);
    isDead = !("status" in result) && (name === "meta-data" || result.kind !== "refused");
    return "unreadable";
  };
  return { read, isDead: () => isDead };
}

const mostRedirects = 4;

/** The author of the URL may have moved his files. */
function getFollowing(host: Host, url: string, budget: Budget, left = mostRedirects): HttpResult {
  const result = getWithRetry(host, { url, limitBytes: largestUserDataBytes }, budget);
  if (!("status" in result) || ![301, 302, 303, 307, 308].includes(result.status) || left === 0) return result;
  const location = result.headers["location"] ?? "";
  const origin = /^\w+:\/\/[^/?#]*/.exec(url)?.[0] ?? "";
  const next = /^https?:\/\//i.test(location) ? location : location.startsWith("/") ? origin + location : undefined;
  // From what was secret to what anybody can change, nobody is led.
  if (next === undefined || (/^https:/i.test(url) && !/^https:/i.test(next))) return result;
  return getFollowing(host, next, budget, left - 1);
}
