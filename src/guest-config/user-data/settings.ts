/** As cloud-init reads what is to be true or false: texts too. */
export function isTrue(value: unknown): boolean {
  return value === true || /^(true|1|on|yes)$/i.test(String(value).trim());
}

/** False only if it is said. */
export function isFalse(value: unknown): boolean {
  return value === false || /^(false|0|off|no)$/i.test(String(value ?? "").trim());
}

/** A text or a number, as text. */
export function asWord(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  const text = typeof value === "string" ? value.trim() : "";
  return text === "" ? undefined : text;
}
