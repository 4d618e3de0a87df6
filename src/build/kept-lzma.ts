import { hash } from "node:crypto";
import type { KeptBytes } from "../core/kept-bytes.ts";
import { lzmaEncode, lzmaVersion } from "../core/lzma-encoder.ts";

/** Compresses by LZMA what it has not compressed before: GRUB's core image takes longer than all the rest of planning a disk. */
export function keptLzma(kept: KeptBytes): (plain: Uint8Array) => Uint8Array {
  return (plain) => {
    const inputs = { sha256: hash("sha256", plain), lzmaVersion };
    const known = kept.get("lzma", inputs);
    if (known !== undefined) return known;
    const packed = lzmaEncode(plain);
    kept.put("lzma", inputs, packed);
    return packed;
  };
}
