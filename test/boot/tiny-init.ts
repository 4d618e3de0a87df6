/** A static x86-64 program for Linux that prints a line and powers the machine off: all that an /init needs. */
export function tinyInit(line: string): Uint8Array {
  const text = Buffer.from(`${line}\n`);
  const loadAddress = 0x400000;
  const headerBytes = 64 + 56;
  const code = Buffer.from([
    ...[0xb8, 1, 0, 0, 0, 0xbf, 1, 0, 0, 0], // mov eax, 1 (write); mov edi, 1
    ...[0x48, 0x8d, 0x35, 0, 0, 0, 0], // lea rsi, [rip + distance of the text]
    ...[0xba, ...le32(text.length), 0x0f, 0x05], // mov edx, length; syscall
    ...[0xb8, 169, 0, 0, 0], // mov eax, 169 (reboot)
    ...[0xbf, ...le32(0xfee1dead), 0xbe, ...le32(672274793), 0xba, ...le32(0x4321fedc)], // its magic numbers; LINUX_REBOOT_CMD_POWER_OFF
    ...[0x0f, 0x05, 0xeb, 0xfe], // syscall; jmp, for ever
  ]);
  code.writeInt32LE(code.length - 17, 13);
  const file = Buffer.alloc(headerBytes);
  file.write("\x7fELF\x02\x01\x01", 0, "latin1");
  file.writeUInt16LE(2, 16); // ET_EXEC
  file.writeUInt16LE(62, 18); // EM_X86_64
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

function le32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}
