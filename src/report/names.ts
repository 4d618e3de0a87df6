/**
 * A name as it can be shown on a line: control characters, and bytes that are not UTF-8, as `\x1b`. What is shown can then neither move the cursor nor look like two lines.
 */
export function showName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ud800-\udfff\\]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    if (character === "\\") return "\\\\";
    if (code >= 0xdc80 && code <= 0xdcff) return hex(code - 0xdc00);
    return code < 0x100 ? hex(code) : `\\u{${code.toString(16)}}`;
  });
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
