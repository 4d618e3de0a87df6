/** In QEMU's `key=value,…` a comma in a value is doubled. */
export function keyval(value: string): string {
  return value.replaceAll(",", ",,");
}
