import type { Where } from "../../core/errors.ts";
import type { Tree } from "../../core/tree.ts";
import { mergeUsr } from "../../core/usr-merge.ts";
import type { Profile } from "../../profile/schema.ts";
import { type Accounts, findOwner } from "./accounts.ts";
import { forEachEntry } from "./collect-problems.ts";
import { copySource } from "./host-files.ts";
import { treeMaker } from "./tree-maker.ts";

export interface ProfileFilesRequest {
  readonly files: Profile["files"];
  readonly accounts: Accounts;
  readonly epochSeconds: number;
  /** Where `files[index]` was written. */
  readonly locate: (index: number) => Where | undefined;
}

/**
 * Puts the profile's own files into the tree.
 *
 * Errors, of all entries: `profile/no-source`, `profile/unknown-owner`, `image/conflict`.
 */
export function addProfileFiles(tree: Tree, { files, accounts, epochSeconds, locate }: ProfileFilesRequest): void {
  forEachEntry(files, locate, ({ source, content, mode, replace, ...entry }, index) => {
    const owner = findOwner(accounts, entry.user ?? 0, entry.group ?? 0);
    const maker = treeMaker(`profile files[${index}]`, epochSeconds, tree, { replace });
    // /bin and its like are links: who names them means what is behind them.
    const target = mergeUsr(entry.target, "keep top level");
    if (source !== undefined) copySource(maker, source, target, { owner, mode });
    else maker.file(target, content ?? "", { ...owner, mode: mode ?? 0o644 });
  });
}
