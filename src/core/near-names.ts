/**
 * The names closest to a mistyped one, best first: at most `limit`, and only those within a third of the word's length (at least one edit).
 * An edit is a letter added, left out, replaced, or two neighbours swapped (optimal string alignment distance).
 */
export function nearNames(word: string, candidates: Iterable<string>, limit = 3): string[] {
  const bound = Math.max(1, Math.floor(word.length / 3));
  const lower = word.toLowerCase();
  const found: { name: string; distance: number }[] = [];
  for (const name of new Set(candidates)) {
    if (Math.abs(name.length - word.length) > bound) continue;
    const distance = editDistance(lower, name.toLowerCase());
    if (distance <= bound) found.push({ name, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1));
  return found.slice(0, limit).map(({ name }) => name);
}

/** `did you mean "packages"?`, or undefined when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const names = nearNames(word, candidates).map((name) => `"${name}"`);
  if (names.length === 0) return undefined;
  const last = names.pop();
  return `did you mean ${names.length > 0 ? `${names.join(", ")} or ` : ""}${last}?`;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(at(last, column) + 1, at(line, column - 1) + 1, at(last, column - 1) + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        cost = Math.min(cost, at(beforeLast, column - 2) + 1);
      line.push(cost);
    }
    beforeLast = last;
    last = line;
  }
  return at(last, b.length);
}

function at(line: readonly number[], column: number): number {
  return line[column] as number;
}
