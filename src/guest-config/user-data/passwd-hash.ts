import type { Host } from "../initializer/host.ts";
import { run } from "../initializer/processes.ts";
import { isHash } from "./shadow.ts";

/** busybox's mkpasswd, 5000 rounds each, on a slow machine. */
const limitMs = 15_000;
const inputPath = "/run/cloudimg/passwords";

/**
 * SHA-512 crypt hashes of passwords, in their order. The passwords go through a file in memory that only root can read, and on through pipes: arguments and
 * environment are there for all to see.
 *
 * @throws Error
 */
export function hashPasswords(host: Host, passwords: readonly string[]): string[] {
  if (passwords.length === 0) return [];
  const outputPath = `${inputPath}.hashed`;
  try {
    host.makeDirectory("/run/cloudimg", 0o755);
    host.writeFile(inputPath, passwords.map((password) => `${password}\n`).join(""), 0o600);
    // printf and read are the shell's own: no process has the password as its argument.
    const script = `while IFS= read -r word; do printf '%s\\n' "$word" | mkpasswd -m sha512 -P 0 || exit 1; done`;
    const { status, output } = run(host, { argv: ["sh", "-c", script], inputPath, outputPath }, limitMs);
    const hashes = output.split("\n").filter((line) => line !== "");
    if (status !== 0 || hashes.length !== passwords.length || !hashes.every(isHash))
      throw new Error("cannot hash a password: mkpasswd failed");
    return hashes;
  } finally {
    host.remove(inputPath);
    host.remove(outputPath);
  }
}

/** Whether a password can be typed and handed on: one line, not empty. */
export function isPassword(text: unknown): text is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they cannot be typed, and NUL ends a text for crypt(3)
  return typeof text === "string" && text !== "" && text.length <= 1024 && !/[\x00-\x1f\x7f]/.test(text);
}

/** Without those that look alike. As many as five bits can name: each is as likely as the others. */
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789A";

/** 20 characters, 100 bits. Throws an Error if there is no source of them. */
export function randomPassword(host: Host): string {
  const bytes = host.readBytes("/dev/urandom", 0, 20);
  if (bytes?.length !== 20) throw new Error("cannot make a password: /dev/urandom gives nothing");
  return Array.from(bytes, (byte) => alphabet[byte & 31]).join("");
}
