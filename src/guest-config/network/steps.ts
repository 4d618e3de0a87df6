import { quote } from "../initializer/processes.ts";

/** One thing to be done to this machine's network. Each can be done again: what is so already stays, without an interruption. */
export interface Step {
  /** For people: `add 192.0.2.7/24 to eth1`. */
  readonly title: string;
  /** A line of sh, which may call the functions below. */
  readonly shell: string;
  /** A line of sh that takes it back, for when a later document no longer wants it. */
  readonly undo?: string | undefined;
  /** What it is known by when it is looked for among the steps of another document; default: `shell`. */
  readonly key?: string | undefined;
}

/** A line of sh whose words are taken as they are. */
export function words(...list: readonly string[]): string {
  return list.map(quote).join(" ");
}

export function ip(...list: readonly string[]): string {
  return words("ip", ...list);
}

/** `put VALUE FILE` writes a setting of the kernel unless it has that value; some settings read as a word and a number, of which either will do. */
export function put(value: string | number, file: string): string {
  return words("put", String(value), file);
}

/** As `put`, for a setting that this kernel may lack. */
export function putIfThere(value: string | number, file: string): string {
  return words("try", String(value), file);
}

/**
 * What the lines of steps may call. Built into the shell, so that nothing has to be started to find that all is well.
 * `up NAME` starts an interface (IFF_UP of linux/if.h is 1), `setmac NAME MAC` sets the MAC address, for which some cards must be down; `heed NAME` router advertisements, as a router too, or `ignore NAME` them and forget what they have brought; `module NAME…` loads one if need be.
 */
const functions = `put() { a= b=; read -r a b 2>/dev/null <"$2"; [ "$a" = "$1" ] || [ "$b" = "$1" ] || echo "$1" >"$2"; }
try() { [ ! -e "$2" ] || put "$@"; }
up() { read -r a <"/sys/class/net/$1/flags" && echo $((a | 1)) >"/sys/class/net/$1/flags"; }
setmac() { a=; read -r a <"/sys/class/net/$1/address"; [ "$a" = "$2" ] || ip link set dev "$1" address "$2" 2>/dev/null || { ip link set dev "$1" down; ip link set dev "$1" address "$2"; }; }
heed() { a="/proc/sys/net/ipv6/conf/$1"; [ -e "$a" ] || return 0; read -r b <"$a/forwarding"; if [ "$b" = 0 ]; then put 1 "$a/accept_ra"; else put 2 "$a/accept_ra"; fi; }
ignore() { a="/proc/sys/net/ipv6/conf/$1"; [ -e "$a" ] || return 0; read -r b <"$a/accept_ra"; [ "$b" = 0 ] || { read -r b <"$a/disable_ipv6"; echo 0 >"$a/accept_ra"; echo 1 >"$a/disable_ipv6"; echo "$b" >"$a/disable_ipv6"; }; }
module() { [ -e "/sys/module/$1" ] || modprobe "$@"; }
among() { case " $2 " in *" $1 "*) ;; *) return 1 ;; esac; }
`;

/** All in one shell, since each program costs milliseconds to start. A step that fails does not stop the others. */
export function shellScript(steps: readonly Step[]): string {
  const lines = steps.map(({ shell }, index) => `{ ${shell}; } || echo "failed ${index}"\n`).join("");
  return /\b(put|try|up|setmac|heed|ignore|module|among) /.test(lines) ? functions + lines : lines;
}

/** Each failure is preceded by what the program said. That something is there already is what we want. */
export function failures(steps: readonly Step[], output: string): string[] {
  const problems: string[] = [];
  let said: string[] = [];
  for (const line of output.split("\n")) {
    const index = /^failed (\d+)$/.exec(line)?.[1];
    if (index === undefined) {
      if (line.trim() !== "") said.push(line.trim());
      continue;
    }
    const text = said.join("; ");
    if (!/File exists/.test(text)) problems.push(`cannot ${steps[Number(index)]?.title}: ${text || "failed"}`);
    said = [];
  }
  return problems;
}
