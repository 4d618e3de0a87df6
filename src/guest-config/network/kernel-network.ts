import { decodeBase64, decodeUtf8 } from "../initializer/bytes.ts";

/** What the kernel's command line says of the network. */
export type KernelNetwork =
  | { readonly isDisabled: true }
  /** YAML of a network-config. */
  | { readonly text: string }
  /** The same, yet to be unpacked. */
  | { readonly gzip: Uint8Array }
  | { readonly problem: string };

/**
 * `network-config=` of the kernel's command line: base64 of a network-config, possibly compressed, or `disabled`. The last one counts; an empty one is none.
 * It has precedence over all other sources.
 */
export function kernelNetworkConfig(commandLine: string): KernelNetwork | undefined {
  const key = "network-config=";
  const word = commandLine.split(/\s+/).findLast((item) => item.replace(/^"/, "").startsWith(key));
  const value =
    word
      ?.replaceAll('"', "")
      .slice(key.length)
      .replace(/^'(.*)'$/, "$1") ?? "";
  if (value === "") return undefined;
  if (/^(disabled|\{config:disabled\})$/.test(value)) return { isDisabled: true };
  const bytes = decodeBase64(value.replace(/=+$/, "").padEnd(Math.ceil(value.replace(/=+$/, "").length / 4) * 4, "="));
  if (bytes === undefined) return { problem: "network-config= of the kernel's command line is not base64" };
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? { gzip: bytes } : { text: decodeUtf8(bytes) };
}
