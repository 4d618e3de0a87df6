import { decodeUtf8 } from "./bytes.ts";
import type { Host } from "./host.ts";
import { applyHostName, parseHostName } from "./identity.ts";

const headBytes = 64 << 10;

/** The name that the source gives, if it can be one and nobody wants the image's own; the value is its short form. */
export function setHostName(
  host: Host,
  { hostname: text, userData }: { readonly hostname?: string | undefined; readonly userData?: Uint8Array | undefined },
  problem: (text: string) => void,
) {
  if (text === undefined) return { value: undefined };
  const name = parseHostName(text);
  if (name === undefined) problem(`${JSON.stringify(text)} is no host name`);
  if (name === undefined || isPreserved(host, userData)) return { value: undefined };
  for (const reason of applyHostName(host, name)) problem(reason);
  return { said: name.full, value: name.short };
}

/** The key of cloud-config, looked for as text: modules run when the name has long been set, and the DHCP server has been told it. */
function isPreserved(host: Host, userData: Uint8Array | undefined): boolean {
  const names = host.list("/etc/cloud/cloud.cfg.d").map((name) => `cloud.cfg.d/${name}`);
  const texts = ["cloud.cfg", ...names].map((name) => host.readText(`/etc/cloud/${name}`) ?? "");
  if (userData !== undefined) texts.push(decodeUtf8(userData.subarray(0, headBytes)));
  return texts.some((text) => /^["']?preserve_hostname["']?\s*:\s*(?:true|yes|on|1)\b/im.test(text));
}
