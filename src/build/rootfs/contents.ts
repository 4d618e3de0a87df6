import type { Context } from "../../core/context.ts";
import { CloudimgError, type Problem } from "../../core/errors.ts";
import type { Node, Tree } from "../../core/tree.ts";
import type { Profile } from "../../profile/schema.ts";
import type { Accounts } from "./accounts.ts";
import { addArchives } from "./archives.ts";
import { makeChanges } from "./changes.ts";
import type { Locate } from "./collect-problems.ts";
import { runHooks } from "./hooks.ts";
import { addOverlays } from "./overlays.ts";
import { addProfileFiles } from "./profile-files.ts";

interface ContentsRequest {
  readonly profile: Profile;
  /** What is in each of the profile's archives. */
  readonly archives: readonly Tree[];
  readonly accounts: Accounts;
  readonly epochSeconds: number;
  readonly context: Pick<Context, "signal">;
  readonly locate: Locate;
}

/** What the profile itself puts into the tree, around what is generated in between. */
export interface OwnContents {
  /**
   * Archives, then overlays: after the packages.
   *
   * @returns what they have put, by path
   */
  addLayers(tree: Tree): ReadonlyMap<string, Node>;
  /**
   * Files, then changes, then hooks: last of all.
   *
   * @param addDefaults puts what is generated only where the files bring nothing
   * @returns the hooks' notes
   *
   * Errors, of all that is wrong with any of it: `profile/…`, `image/conflict`.
   */
  finish(tree: Tree, addDefaults?: () => void): Promise<readonly string[]>;
}

export function ownContents(request: ContentsRequest): OwnContents {
  const { profile, archives, locate } = request;
  const problems: Problem[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof CloudimgError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  return {
    addLayers(tree) {
      const unpacked = attempt(() => addArchives(tree, profile.archives, archives, request));
      const laid = attempt(() => addOverlays(tree, profile.overlays, request));
      return new Map([...(unpacked ?? []), ...(laid ?? [])]);
    },
    async finish(tree, addDefaults) {
      attempt(() => addProfileFiles(tree, { ...request, ...profile, locate: (index) => locate(["files", index]) }));
      addDefaults?.();
      const isWhole = problems.length === 0;
      attempt(() => makeChanges(tree, profile.changes, { ...request, isWhole }));
      if (problems.length > 0) throw new CloudimgError(problems);
      return await runHooks(tree, request);
    },
  };
}
