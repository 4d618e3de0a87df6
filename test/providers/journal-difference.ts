/** What is new in a journal, in words: one for each step and each thing whose state has changed. */
export function journalDifference(before: string, after: string): string[] {
  const known = states(before);
  return states(after).filter((text) => !known.includes(text));
}

function states(text: string): string[] {
  if (text === "") return [];
  const { state, steps, ledger } = JSON.parse(text);
  const all = Object.entries<{ state: string; id?: string }>({ ...steps, ...ledger });
  return [
    state,
    ...all.map(([name, entry]) => `${name} ${entry.state}${entry.id === undefined ? "" : ` ${entry.id}`}`),
  ];
}
