import type { Obtain } from "../machine/find-qemu.ts";
import type { Provider } from "./provider.ts";

/** What providers are given from outside: they do not import the build. */
export interface ProviderNeeds {
  /** Gets programs from Debian packages. */
  readonly obtain?: Obtain | undefined;
}

/** Every provider. Each is loaded when it is used: the clouds' SDKs take seconds to load. */
export const providers = {
  local: async ({ obtain }: ProviderNeeds): Promise<Provider> =>
    (await import("./local/provider.ts")).localProvider(obtain),
} as const satisfies Record<string, (needs: ProviderNeeds) => Promise<Provider>>;

export type ProviderName = keyof typeof providers;
