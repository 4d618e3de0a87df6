import { readHostKeys } from "../initializer/host-keys.ts";
import type { HttpResult } from "../initializer/http.ts";
import { asArray, asInteger, asObject, asText, type JsonObject } from "../initializer/json-values.ts";
import { publicAddress } from "./download.ts";
import { wantedHostName } from "./host-name.ts";
import type { Module, Task } from "./module.ts";

const known = ["pub_key_rsa", "pub_key_ecdsa", "pub_key_ed25519", "instance_id", "hostname", "fqdn"] as const;
const tryMs = 5000;
const totalMs = 60_000;

/** phone_home: tells an address that this instance is there. Of keys only the public halves are sent. */
export const phoneHome: Module = {
  name: "phone_home",
  keys: ["phone_home"],
  stage: "final",
  frequency: "instance",
  run(config, task) {
    const settings = asObject(config["phone_home"]);
    const template = asText(settings?.["url"]);
    if (settings === undefined || template === undefined) throw new Error("phone_home has no url");
    const { host, instance, problem } = task;
    const url = template.replace(/\$\{?INSTANCE_ID\}?/g, encodeURIComponent(instance.instanceId));
    const { post } = settings;
    const names = post === "all" || (post ?? null) === null ? known : asArray(post).map(String);
    const values = valuesOf(config, task);
    const fields = names.map((name) => {
      if (!Object.hasOwn(values, name)) problem("post names what there is not");
      return `${encodeURIComponent(name)}=${encodeURIComponent(values[name] ?? "N/A")}`;
    });
    const request = {
      method: "POST",
      url,
      headers: { "Content-Type": "application/x-www-form-urlencoded" },
      body: fields.join("&"),
      timeoutMs: tryMs,
      limitBytes: 64 << 10,
    } as const;
    const tries = asInteger(settings["tries"], 1, 10) ?? 10;
    const endMs = host.nowMs() + totalMs;
    let reason = "";
    for (let count = 0, pauseMs = 500; count < tries && host.nowMs() < endMs; count++, pauseMs *= 2) {
      if (count > 0) host.sleepMs(Math.min(pauseMs, 8000));
      const failure = failureOf(host.fetch(request));
      if (failure === undefined) return publicAddress(url);
      reason = failure;
    }
    throw new Error(`cannot tell ${publicAddress(url)}: ${reason}`);
  },
};

function failureOf(result: HttpResult): string | undefined {
  if ("failure" in result) return result.failure;
  return result.status < 400 ? undefined : `status ${result.status}`;
}

function valuesOf(config: JsonObject, { host, instance }: Task): Readonly<Record<string, string | undefined>> {
  const { hostname, fqdn } = wantedHostName(config, instance.hostname);
  const lines = readHostKeys(host).map(({ line }) => line);
  const key = (type: string) =>
    lines.find((line) => line.startsWith(type)) ??
    host.readText(`/etc/ssh/ssh_host_${type.replace(/^.*-(?=\w+$)/, "")}_key.pub`)?.trim();
  return {
    pub_key_rsa: key("ssh-rsa"),
    pub_key_ecdsa: lines.find((line) => line.startsWith("ecdsa-")) ?? key("ssh-ecdsa"),
    pub_key_ed25519: key("ssh-ed25519"),
    instance_id: instance.instanceId,
    hostname,
    fqdn,
  };
}
