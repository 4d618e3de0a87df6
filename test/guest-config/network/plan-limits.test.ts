import { expect, test } from "vitest";
import type { Command, Host, Process } from "../../../src/guest-config/initializer/host.ts";
import { configureNetwork } from "../../../src/guest-config/network/network.ts";
import type { InterfaceState } from "../../../src/guest-config/network-state.ts";

const mac = (index: number) => `52:54:00:00:00:0${index}`;
function state(rest: Partial<InterfaceState>): InterfaceState {
  const nothing = { addresses: [], routes: [], nameservers: [], search: [] };
  return { kind: "physical", dhcp4: false, slaac: false, ...nothing, ...rest };
}

/** A machine in memory whose clock moves only when somebody waits, and whose programs are what the test says. */
function fakeMachine(files: Record<string, string>, start: (command: Command) => Process) {
  let nowMs = 0;
  const killed: string[] = [];
  const refuse = () => {
    throw new Error("a test of limits does not do this");
  };
  const host: Host = {
    readText: (path) => files[path],
    readBytes: () => undefined,
    writeFile: (path, content) => {
      files[path] = String(content);
    },
    writeAt: refuse,
    append: () => true,
    list: (path) =>
      [
        ...new Set(
          Object.keys(files).flatMap((one) =>
            one.startsWith(`${path}/`) ? [one.slice(path.length + 1).split("/")[0] as string] : [],
          ),
        ),
      ].sort(),
    attributes: () => undefined,
    readLink: () => undefined,
    link: refuse,
    makeDirectory: () => {},
    remove: () => {},
    start: (command) => {
      const { poll } = start(command);
      return { poll, kill: () => void killed.push(command.argv[0] ?? "") };
    },
    fetch: refuse,
    loadScript: refuse,
    nowMs: () => nowMs,
    clockMs: () => nowMs,
    sleepMs: (ms) => {
      nowMs += ms;
    },
  };
  return { host, killed, elapsedMs: () => nowMs };
}
const card = (name: string, index: number) => ({
  [`/sys/class/net/${name}/type`]: "1\n",
  [`/sys/class/net/${name}/address`]: `${mac(index)}\n`,
  [`/sys/class/net/${name}/flags`]: "0x1003\n",
});
const never: Process = { poll: () => undefined, kill: () => {} };
const done: Process = { poll: () => 0, kill: () => {} };

test("whatever hangs, the whole phase ends within 15 seconds and a little", () => {
  const { host, killed, elapsedMs } = fakeMachine(card("eth0", 1), () => never);
  const interfaces = [state({ mac: mac(1), dhcp4: true, dhcp6: "stateful", slaac: true }), state({ mac: mac(9) })];
  const said: string[] = [];
  const { problems, nics } = configureNetwork(host, { interfaces, nameservers: [], search: [] }, "probe", (text) =>
    said.push(text),
  );
  expect(elapsedMs()).toBeLessThan(15_200);
  expect(killed).toEqual(["sh"]);
  expect(said).toEqual([`waiting for network card ${mac(9)}`]);
  expect(nics).toEqual([{ name: "eth0", mac: mac(1), method: "dhcp+dhcp6+slaac", addresses: [] }]);
  expect(problems).toEqual([
    "setting up the network takes too long",
    "eth0: no DHCP server has answered yet",
    "eth0: no DHCPv6 server has answered yet",
    "eth0: no router has answered yet",
    `this machine has no network card ${mac(9)}`,
  ]);
});

test("nothing is waited for when all is static, or only what is optional is missing", () => {
  const { host, elapsedMs } = fakeMachine(card("eth0", 1), () => done);
  const interfaces = [
    state({ mac: mac(1), addresses: ["10.0.0.5/24"] }),
    state({ mac: mac(2), isOptional: true }),
    state({ mac: mac(1), dhcp4: true, isOptional: true }),
  ];
  const { problems } = configureNetwork(host, { interfaces, nameservers: [], search: [] }, undefined);
  expect([elapsedMs(), problems]).toEqual([0, []]);
});

test("programs that cannot be started, and a disk that is full, are reported; nothing is thrown", () => {
  const { host } = fakeMachine(card("eth0", 1), ({ argv }) => {
    if (argv[0] !== "sh") throw new Error(`cannot start ${argv[0]}`);
    return done;
  });
  const full: Host = {
    ...host,
    writeFile: (path) => {
      throw new Error(`cannot write ${path}: No space left on device`);
    },
  };
  const interfaces = [state({ mac: mac(1), dhcp4: true, nameservers: ["192.0.2.53"] })];
  const { problems } = configureNetwork(full, { interfaces, nameservers: [], search: [] }, undefined);
  expect(problems).toEqual([
    "cannot write /run/cloudimg/network.json: No space left on device",
    "cannot write /run/cloudimg/dns/00-document: No space left on device",
    "eth0: cannot start udhcpc",
    "eth0: no DHCP server has answered yet",
  ]);
});

test("a plan too long for one argument goes through a file", () => {
  const commands: Command[] = [];
  const files: Record<string, string> = card("eth0", 1);
  const { host } = fakeMachine(files, (command) => {
    commands.push(command);
    return done;
  });
  const addresses = Array.from({ length: 3000 }, (_, index) => `10.${index >> 8}.${index & 255}.1/24`);
  configureNetwork(host, { interfaces: [state({ mac: mac(1), addresses })], nameservers: [], search: [] }, undefined);
  expect(commands.map(({ argv }) => argv)).toEqual([["sh", "/run/cloudimg/network.sh"]]);
  expect(files["/run/cloudimg/network.sh"]).toContain("10.11.183.1/24");
});
