/** Of what a parser says: some go on to show the text. */
export function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
