import type { CloudName } from "../providers/cloud.ts";
import type { Internet } from "./internet.ts";
import type { EmulatedMachine, MachineMaker, MachineOrder } from "./machine-maker.ts";
import { networkInTrouble } from "./trouble-network.ts";
import type { Trouble } from "./troubles.ts";

/** Where the machines of a rehearsal run. */
export interface MachineRoom {
  start(order: Omit<MachineOrder, "cloud">): Promise<EmulatedMachine>;
  /** When it resolves, no machine is left. The signal must have been aborted. */
  close(): Promise<void>;
}

export interface MachineRoomOptions {
  readonly cloud: CloudName;
  /** Default: instances are records that nobody can reach. */
  readonly make: MachineMaker | undefined;
  readonly internet: Internet;
  /** What machines reach by name. */
  readonly outside: MachineOrder["outside"];
  readonly troubles: ReadonlySet<Trouble>;
  readonly reclaim: (instanceId: string) => void;
  readonly stranger: () => Promise<number>;
  readonly signal: AbortSignal;
}

export function machineRoom(options: MachineRoomOptions): MachineRoom {
  const { cloud, make = recordsOnly, internet, outside, troubles, stranger, signal } = options;
  const starting = new Set<Promise<EmulatedMachine>>();
  let isReclaimed = false;
  const start = async (order: Omit<MachineOrder, "cloud">): Promise<EmulatedMachine> => {
    const { instanceId, publicAddress } = order;
    const free = publicAddress === undefined ? () => {} : internet.assign(publicAddress);
    // Only the first one is taken back: another try may go well.
    const own = new Set(troubles);
    if (isReclaimed) own.delete("spot-reclaimed");
    isReclaimed ||= own.has("spot-reclaimed");
    const reclaim = () => options.reclaim(instanceId);
    const network = networkInTrouble(internet, { troubles: own, reclaim, stranger });
    try {
      const machine = await make({ cloud, outside, ...order }, network, signal);
      return {
        ...machine,
        async end() {
          await machine.end();
          free();
        },
      };
    } catch (error) {
      free();
      throw error;
    }
  };
  return {
    async start(order) {
      const machine = start(order);
      starting.add(machine);
      return await machine;
    },
    async close() {
      await Promise.allSettled([...starting].map(async (machine) => await (await machine).end()));
    },
  };
}

const recordsOnly: MachineMaker = async () => ({
  console: async () => "",
  died: new Promise<string>(() => {}),
  end: async () => {},
});
