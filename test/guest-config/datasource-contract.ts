import { describe, expect, test } from "vitest";
import type { Datasource } from "../../src/guest-config/initializer/datasource.ts";
import type { Host } from "../../src/guest-config/initializer/host.ts";
import type { InstanceConfig } from "../../src/guest-config/model.ts";

/** Machines to show a datasource to. */
export interface DatasourceMachines {
  /** Has the source, saying this. */
  with(config: InstanceConfig): Host;
  /** Has the source, damaged. */
  broken(): Host;
  /** Has nothing of the kind. */
  without(): Host;
}

/** What every datasource must do. */
export function datasourceContract(
  source: Datasource,
  machines: () => DatasourceMachines,
  config: InstanceConfig,
): void {
  describe(`datasource ${source.name}`, () => {
    test("has a name of one plain word, as the ready line shows it", () => {
      expect(source.name).toMatch(/^[a-z0-9-]+$/);
    });

    test("finds nothing where there is nothing", () => {
      expect(source.find(machines().without())).toBeUndefined();
    });

    test("finds what the generator wrote", () => {
      const found = source.find(machines().with(config));
      const { instanceId, hostname, authorizedKeys, userData } = config;
      expect(found).toMatchObject({ instanceId, hostname, authorizedKeys, userData, problems: [] });
      expect(found?.network?.interfaces.map(({ mac, addresses }) => ({ mac, addresses }))).toEqual(
        config.network.interfaces.map(({ mac, addresses }) => ({ mac, addresses })),
      );
      expect(found?.place).not.toBe("");
    });

    test("reports damage and does not throw", () => {
      expect(source.find(machines().broken())?.problems).not.toEqual([]);
    });
  });
}
