import { readFileSync } from "node:fs";

/** A shell script of the guest, kept in a file of its own beside this one so that editors and shells can read it. */
export function guestScript(name: string): string {
  return readFileSync(new URL(`./guest/${name}.sh`, import.meta.url), "utf8");
}
