type Arch = "amd64" | "arm64" | "riscv64";

/** Each program ends where the text begins. */
const programs: Readonly<Record<Arch, { readonly elfMachine: number; code(textBytes: number): Buffer }>> = {
  amd64: { elfMachine: 62, code: amd64Code },
  arm64: { elfMachine: 183, code: arm64Code },
  riscv64: { elfMachine: 243, code: riscv64Code },
};

// reboot(2): its magic numbers, and LINUX_REBOOT_CMD_POWER_OFF.
const rebootArguments = [0xfee1dead, 672274793, 0x4321fedc] as const;

/** A static program for Linux that prints a line and powers the machine off: all that an /init needs. */
export function tinyInit(line: string, arch: Arch = "amd64"): Uint8Array {
  const text = Buffer.from(`${line}\n`);
  const loadAddress = 0x400000;
  const headerBytes = 64 + 56;
  const { elfMachine } = programs[arch];
  const code = programs[arch].code(text.length);
  const file = Buffer.alloc(headerBytes);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(elfMachine, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(loadAddress + headerBytes), 24); // entry
  file.writeBigUInt64LE(64n, 32); // program headers
  file.writeUInt16LE(64, 52);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, 64); // PT_LOAD
  file.writeUInt32LE(5, 68); // readable, executable
  file.writeBigUInt64LE(BigInt(loadAddress), 80);
  file.writeBigUInt64LE(BigInt(loadAddress), 88);
  const sizeBytes = BigInt(headerBytes + code.length + text.length);
  file.writeBigUInt64LE(sizeBytes, 96);
  file.writeBigUInt64LE(sizeBytes, 104);
  file.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([file, code, text]);
}

function amd64Code(textBytes: number): Buffer {
  const [magic1, magic2, command] = rebootArguments;
  const code = Buffer.from([
    ...[0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0], // mov eax, 1 (write); mov edi, 1
    ...[0x48, 0x8d, 0x35, 0, 0, 0, 0], // lea rsi, [rip + distance of the text]
    ...[0xba, ...le32(textBytes), 0x0f, 0x05], // mov edx, length; syscall
    ...[0xb8, 169, 0, 0, 0], // mov eax, 169 (reboot)
    ...[0xbf, ...le32(magic1), 0xbe, ...le32(magic2), 0xba, ...le32(command)], // mov edi, …; mov esi, …; mov edx, …
    ...[0x0f, 0x05, 0xeb, 0xfe], // syscall; jmp, for ever
  ]);
  code.writeInt32LE(code.length - 17, 13);
  return code;
}

function arm64Code(textBytes: number): Buffer {
  const set = (register: number, value: number) => [
    (0xd2800000 | ((value & 0xffff) << 5) | register) >>> 0, // movz
    (0xf2a00000 | ((value >>> 16) << 5) | register) >>> 0, // movk, lsl 16
  ];
  const svc = 0xd4000001;
  const after = [...set(2, textBytes), ...set(8, 64), svc];
  for (const [register, value] of rebootArguments.entries()) after.push(...set(register, value));
  after.push(...set(8, 142), svc, 0x14000000); // b, for ever
  const adr = 0x10000001 | ((after.length + 1) << 5);
  return words([...set(0, 1), adr, ...after]);
}

function riscv64Code(textBytes: number): Buffer {
  // lui and addiw: the latter's part is signed.
  const set = (register: number, value: number) => [
    (((value + 0x800) & 0xfffff000) | (register << 7) | 0x37) >>> 0,
    (((value & 0xfff) << 20) | (register << 15) | (register << 7) | 0x1b) >>> 0,
  ];
  const [a0, a1, a2, a7, ecall] = [10, 11, 12, 17, 0x73];
  const after = [...set(a2, textBytes), ...set(a7, 64), ecall];
  for (const [index, value] of rebootArguments.entries()) after.push(...set(a0 + index, value));
  after.push(...set(a7, 142), ecall, 0x6f); // j, for ever
  const distance = (after.length + 2) * 4;
  const address = [(a1 << 7) | 0x17, (distance << 20) | (a1 << 15) | (a1 << 7) | 0x13]; // auipc; addi
  return words([...set(a0, 1), ...address, ...after]);
}

function words(values: readonly number[]): Buffer {
  const code = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) code.writeUInt32LE(value >>> 0, index * 4);
  return code;
}

function le32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
