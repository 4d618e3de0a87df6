import { obtainTools } from "../build/tools.ts";
import type { Context } from "../core/context.ts";
import type { Provider } from "../providers/provider.ts";
import { type ProviderName, providers } from "../providers/registry.ts";

/** A provider with what it needs from the build: programs out of Debian packages. */
export async function openProvider(name: ProviderName, context: Context): Promise<Provider> {
  return await providers[name]({ obtain: (packages) => obtainTools(packages, context) });
}
