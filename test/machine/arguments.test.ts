import { expect, test } from "vitest";
import { findArchitecture } from "../../src/machine/architectures.ts";
import { type MachineArguments, qemuArguments } from "../../src/machine/arguments.ts";

const machine: MachineArguments = {
  name: "a,b",
  architecture: findArchitecture("amd64"),
  acceleration: "tcg",
  emulatorVersion: "10.0.3",
  cpus: 2,
  memoryBytes: 512 * 1024 * 1024,
  bootFrom: "disk",
  diskPath: "/i/disk.qcow2",
  nics: [],
  controlSocketPath: "/i/control.sock",
  visitorSocketPath: "/i/visitor.sock",
  consoleSocketPath: "/i/console.sock",
  consoleLogPath: "/i/with,comma.log",
};

/** The values that follow an option. */
function valuesOf(option: string, words: readonly string[]): string[] {
  return words.flatMap((word, index) => (words[index - 1] === option ? [word] : []));
}

test("a machine is paused, headless, ends when it reboots, and has one emulation thread", () => {
  const words = qemuArguments(machine);
  for (const word of ["-S", "-no-reboot", "-nodefaults"]) expect(words).toContain(word);
  expect(valuesOf("-display", words)).toEqual(["none"]);
  expect(valuesOf("-accel", words)).toEqual(["tcg,thread=single"]);
  expect(valuesOf("-cpu", words)).toEqual(["max"]);
  expect(valuesOf("-smp", words)).toEqual(["2"]);
  expect(valuesOf("-m", words)).toEqual(["size=524288k"]);
  expect(valuesOf("-gdb", words)).toEqual([]);
});

test("on the host's processor it has that processor's features", () => {
  const words = qemuArguments({ ...machine, acceleration: "kvm" });
  expect(valuesOf("-accel", words)).toEqual(["kvm"]);
  expect(valuesOf("-cpu", words)).toEqual(["host"]);
});

test("commas in names and paths are doubled", () => {
  const words = qemuArguments(machine);
  expect(valuesOf("-name", words)).toEqual(["a,,b,process=cloudimg-machine"]);
  expect(valuesOf("-chardev", words).at(-1)).toBe(
    "socket,id=console,path=/i/console.sock,server=on,wait=off,logfile=/i/with,,comma.log",
  );
});

test("each card has its own network; forwards bind loopback only", () => {
  const nic = { mac: "52:54:00:00:00:01", network: "10.0.2.0/24", router: "10.0.2.2", dns: "10.0.2.3" };
  const forwards = [
    { hostPort: 2222, guestAddress: "10.0.2.15", guestPort: 22 },
    { hostPort: 9080, guestAddress: "10.0.2.15", guestPort: 80 },
  ];
  const words = qemuArguments({
    ...machine,
    nics: [
      { ...nic, dhcpStart: "10.0.2.15", forwards },
      { ...nic, mac: "52:54:00:00:00:02", network: "192.0.2.0/24", dhcpStart: "192.0.2.15", forwards: [] },
    ],
  });
  const [first, second] = valuesOf("-netdev", words);
  expect(first).toBe(
    "user,id=net0,net=10.0.2.0/24,host=10.0.2.2,dns=10.0.2.3,dhcpstart=10.0.2.15," +
      "hostfwd=tcp:127.0.0.1:2222-10.0.2.15:22,hostfwd=tcp:127.0.0.1:9080-10.0.2.15:80",
  );
  expect(second).toMatch(/^user,id=net1,net=192\.0\.2\.0\/24,/);
  expect(words).toContain("virtio-net-pci,netdev=net1,mac=52:54:00:00:00:02,romfile=");
});

test("the config drive is a read-only CD-ROM; a debugger listens on loopback", () => {
  const words = qemuArguments({ ...machine, configDrivePath: "/i/config.iso", debugPort: 1234 });
  const node = valuesOf("-blockdev", words).map((text) => JSON.parse(text))[1];
  expect(node).toMatchObject({ driver: "raw", "read-only": true, file: { filename: "/i/config.iso" } });
  expect(valuesOf("-device", words)).toContain("scsi-cd,drive=config");
  expect(valuesOf("-gdb", words)).toEqual(["tcp:127.0.0.1:1234"]);
});

test("UEFI is in flash memory: code that is only read, variables that are the machine's own", () => {
  const flash = { codePath: "/f/code.fd", variablesPath: "/i/variables.fd", needsManagementMode: false };
  const words = qemuArguments({ ...machine, flash });
  expect(valuesOf("-machine", words)).toEqual(["q35,sata=off,pflash0=code,pflash1=variables"]);
  const [code, variables] = valuesOf("-blockdev", words).map((text) => JSON.parse(text));
  expect(code).toMatchObject({ "node-name": "code", "read-only": true, file: { filename: "/f/code.fd" } });
  expect(variables).toMatchObject({
    "node-name": "variables",
    "read-only": false,
    file: { filename: "/i/variables.fd" },
  });
  expect(valuesOf("-global", words)).toEqual([]);
});

test("under Secure Boot only code in system management mode writes the variables", () => {
  const flash = { codePath: "/f/code.fd", variablesPath: "/i/variables.fd", needsManagementMode: true };
  const words = qemuArguments({ ...machine, flash });
  expect(valuesOf("-machine", words)).toEqual(["q35,sata=off,smm=on,pflash0=code,pflash1=variables"]);
  expect(valuesOf("-global", words)).toEqual(["driver=cfi.pflash01,property=secure,value=on"]);
});

test("a CD is read-only and the first to boot, and shares its controller with the config drive", () => {
  const words = qemuArguments({ ...machine, bootFrom: "cdrom", configDrivePath: "/i/config.iso" });
  const [disk] = valuesOf("-blockdev", words).map((text) => JSON.parse(text));
  expect(disk).toMatchObject({ driver: "qcow2", "read-only": true, file: { filename: "/i/disk.qcow2" } });
  const devices = valuesOf("-device", words);
  expect(devices).toContain("scsi-cd,drive=disk,id=disk0,bootindex=0");
  expect(devices.filter((device) => device.startsWith("virtio-scsi-pci"))).toHaveLength(1);
  expect(devices.filter((device) => device.startsWith("virtio-blk-pci"))).toEqual([]);
});

test("a kernel on this host is handed to the machine, which has its disk all the same", () => {
  const bootFrom = { kernelPath: "/k,1", initrdPath: "/i", cmdline: "root=/dev/vda quiet" };
  const words = qemuArguments({ ...machine, bootFrom });
  expect([valuesOf("-kernel", words), valuesOf("-initrd", words)]).toEqual([["/k,1"], ["/i"]]);
  expect(valuesOf("-append", words)).toEqual(["root=/dev/vda quiet"]);
  expect(valuesOf("-device", words)).toContain("virtio-blk-pci,drive=disk,id=disk0");
  const bare = qemuArguments({ ...machine, bootFrom: { kernelPath: "/k", cmdline: "" } });
  expect(bare).not.toContain("-initrd");
});

test("an emulated processor is one that this emulator plays well", () => {
  const of = (arch: Parameters<typeof findArchitecture>[0], emulatorVersion: string) =>
    valuesOf("-cpu", qemuArguments({ ...machine, architecture: findArchitecture(arch), emulatorVersion }))[0];
  expect(of("amd64", "7.2.22")).toBe("max,cx16=off");
  expect(of("amd64", "11.0.0")).toBe("max");
  expect(of("arm64", "10.0.3")).toBe("neoverse-n1");
  expect(of("arm64", "6.2.0")).toBe("cortex-a57");
  expect(of("riscv64", "10.0.3")).toBe("rv64");
});

test("what the firmware tells of the machine", () => {
  const smbios = {
    system: { manufacturer: "Tencent Cloud", product: "CVM", serial: "ds=nocloud;s=http://10.0.2.2/,x" },
    chassis: { asset: "HUAWEICLOUD" },
    board: {},
  };
  expect(valuesOf("-smbios", qemuArguments({ ...machine, smbios }))).toEqual([
    "type=1,manufacturer=Tencent Cloud,product=CVM,serial=ds=nocloud;s=http://10.0.2.2/,,x",
    "type=3,asset=HUAWEICLOUD",
  ]);
  expect(qemuArguments(machine)).not.toContain("-smbios");
});

test.each([
  ["virtio", "virtio-blk-pci,drive=disk,id=disk0,bootindex=0", []],
  ["nvme", "nvme,drive=disk,id=disk0,serial=disk0,bootindex=0", []],
  ["scsi", "scsi-hd,drive=disk,id=disk0,bus=scsi0.0,bootindex=0", ["virtio-scsi-pci,id=scsi0"]],
  ["ide", "ide-hd,drive=disk,id=disk0,bus=ahci0.0,bootindex=0", ["ich9-ahci,id=ahci0"]],
] as const)("a boot disk on %s", (diskBus, device, controllers) => {
  const devices = valuesOf("-device", qemuArguments({ ...machine, diskBus }));
  expect(devices).toContain(device);
  expect(devices).toEqual(expect.arrayContaining([...controllers]));
  expect(devices.some((words) => words.includes("scsi-pci"))).toBe(diskBus === "scsi");
});

test("further disks are only read unless they are for writing; CDs come on one virtio-scsi", () => {
  const extraDisks = [{ path: "/a" }, { path: "/b", writable: true }, { path: "/c", writable: true, cdrom: true }];
  const words = qemuArguments({ ...machine, configDrivePath: "/config", extraDisks });
  const nodes = valuesOf("-blockdev", words).map((text) => JSON.parse(text));
  expect(nodes.slice(1).map((node) => [node["node-name"], node["read-only"], node.file.filename])).toEqual([
    ["config", true, "/config"],
    ["extra0", true, "/a"],
    ["extra1", false, "/b"],
    ["extra2", true, "/c"],
  ]);
  const devices = valuesOf("-device", words);
  expect(devices.filter((device) => device.startsWith("virtio-scsi"))).toHaveLength(1);
  expect(devices.slice(-4)).toEqual([
    "scsi-cd,drive=config",
    "virtio-blk-pci,drive=extra0",
    "virtio-blk-pci,drive=extra1",
    "scsi-cd,drive=extra2",
  ]);
});

test("a card on a socket, slots for late ones, and a machine that may reboot", () => {
  const nics = [{ mac: "52:54:00:00:00:01", socketPath: "/n,1" }];
  const words = qemuArguments({ ...machine, nics, spareNicSlots: 1, mayReboot: true });
  expect(JSON.parse(valuesOf("-netdev", words)[0] as string)).toEqual({
    type: "stream",
    id: "net0",
    server: false,
    addr: { type: "unix", path: "/n,1" },
  });
  expect(valuesOf("-device", words).slice(-2)).toEqual([
    "virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile=",
    "pcie-root-port,id=spare0,chassis=1",
  ]);
  expect(words).not.toContain("-no-reboot");
});
