import { describe, expect, test } from "vitest";
import { decodeUtf8 } from "../../src/guest-config/initializer/bytes.ts";
import { keysByUser } from "../../src/guest-config/initializer/give-access.ts";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";
import type { Datasource } from "../../src/guest-config/sources/datasource.ts";
import { readSigns } from "../../src/guest-config/sources/signs.ts";

/** Machines to show a datasource to. */
export interface DatasourceMachines {
  /** Has the source, saying this. */
  with(config: InstanceConfig): Host;
  /** Has the source, damaged. */
  broken(): Host;
  /** Has nothing of the kind. */
  without(): Host;
}

/** What every datasource must do. One that says a part only (`isPart`) knows name and network. */
export function datasourceContract(
  source: Datasource,
  machines: () => DatasourceMachines,
  config: InstanceConfig,
  { isPart = false }: { readonly isPart?: boolean } = {},
): void {
  const find = (host: Host) => source.find(host, readSigns(host));
  describe(`datasource ${source.name}`, () => {
    test("has a name of one plain word, as the ready line shows it", () => {
      expect(source.name).toMatch(/^[a-z0-9-]+$/);
    });

    test("finds nothing where there is nothing", () => {
      expect(find(machines().without())).toBeUndefined();
    });

    test("finds what the generator wrote", () => {
      const found = find(machines().with(config));
      const { instanceId, hostname, authorizedKeys, userData } = config;
      expect(found).toMatchObject({ hostname, problems: [] });
      expect(found?.asksOn === true).toBe(isPart);
      if (!isPart) {
        expect(found?.instanceId).toBe(instanceId);
        expect(found && keysByUser(found)).toEqual(authorizedKeys);
        expect(found?.userData && decodeUtf8(found.userData)).toBe(userData);
      }
      expect((found?.network?.interfaces ?? []).map(({ mac, addresses }) => ({ mac, addresses }))).toEqual(
        config.network.interfaces.map(({ mac, addresses }) => ({ mac, addresses })),
      );
      expect(found?.place).not.toBe("");
    });

    test("reports damage and does not throw", () => {
      expect(find(machines().broken())?.problems).not.toEqual([]);
    });
  });
}
