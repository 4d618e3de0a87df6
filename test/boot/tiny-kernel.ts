/**
 * A kernel of a few bytes in Linux's format (The Linux/x86 Boot Protocol, version 2.06): prints its command line and its initrd on the serial port,
 * and powers off.
 */
export function tinyKernel(): Uint8Array {
  const code = [
    ...[0x89, 0xf3], // mov ebx, esi: the boot parameters
    ...[0x8b, 0xb3, 0x28, 0x02, 0x00, 0x00], // mov esi, [ebx + 0x228]: cmd_line_ptr
    ...[0xba, 0xf8, 0x03, 0x00, 0x00, 0xfc], // mov edx, 0x3f8; cld
    ...[0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8], // lodsb; test al, al; jz end; out dx, al; jmp
    ...[0xb0, 0x0a, 0xee], // mov al, '\n'; out dx, al
    ...[0x8b, 0xb3, 0x18, 0x02, 0x00, 0x00], // mov esi, [ebx + 0x218]: ramdisk_image
    ...[0x8b, 0x8b, 0x1c, 0x02, 0x00, 0x00, 0xf3, 0x6e], // mov ecx, [ebx + 0x21c]: ramdisk_size; rep outsb
    ...[0xba, 0x04, 0x06, 0x00, 0x00, 0xb8, 0x00, 0x20, 0x00, 0x00, 0x66, 0xef], // PM1_CNT (0x604): enter S5
    ...[0xf4, 0xeb, 0xfd], // hlt, for ever
  ];
  const sector = 512;
  const file = Buffer.alloc(3 * sector);
  file.writeUInt8(1, 0x1f1); // setup_sects
  file.writeUInt32LE(sector / 16, 0x1f4); // syssize, in paragraphs
  file.writeUInt16LE(0xaa55, 0x1fe); // boot_flag
  file.writeUInt16LE(0x3aeb, 0x200); // jump: its distance says where the header ends
  file.write("HdrS", 0x202, "latin1");
  file.writeUInt16LE(0x0206, 0x206); // version
  file.writeUInt8(1, 0x211); // loadflags: LOADED_HIGH
  file.writeUInt32LE(0x100000, 0x214); // code32_start
  file.writeUInt32LE(0x7fffffff, 0x22c); // initrd_addr_max
  file.writeUInt32LE(2047, 0x238); // cmdline_size
  file.set(code, 2 * sector);
  return file;
}
