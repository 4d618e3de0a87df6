import { z } from "zod";

/** The kinds of text that several sections use. `title` is the type's name in docs/profile.md. */
export const absolutePath = z
  .string()
  .regex(
    /^\/(?!.*(^|\/)\.{1,2}(\/|$))(?!.*\/\/)(.*[^/])?$/,
    "must be an absolute path without `.`, `..` or a trailing slash",
  )
  .meta({ title: "absolute path" });

/** What shadow's useradd accepts by default: NAME_REGEX of Debian's adduser, without the trailing `$` for Samba. */
export const userName = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, "must be a user name: lower-case letters, digits, - and _")
  .meta({ title: "name" });

export const hostName = z
  .string()
  .regex(/^[a-zA-Z0-9]([a-zA-Z0-9.-]{0,251}[a-zA-Z0-9])?$/, "must be a host name: letters, digits, dots and dashes");

/** Debian Policy, section 5.6.1. */
export const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9+.-]+$/, "must be a package name: lower-case letters, digits, +, - and .")
  .meta({ title: "package name" });

export const moduleName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, "must be the name of a kernel module, without directory and .ko")
  .meta({ title: "module name" });

export const archiveWord = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]*$/, "must be a word: letters, digits, dots and dashes");

export const mirrorUrl = z
  .url({ protocol: /^https?$/, error: "must be a URL that starts with http:// or https://" })
  .meta({ title: "URL" });

export const port = z.int().min(1).max(65535).meta({ title: "port" });

/** A port on loopback; 0 leaves the choice to the system. */
export const hostPort = z.int().min(0).max(65535).meta({ title: "port" });

/** 2^32 - 1 means "nobody said" to Linux. */
export const owner = z
  .union(
    [
      userName,
      z
        .int()
        .min(0)
        .max(2 ** 32 - 2),
    ],
    { error: "must be a name or a number" },
  )
  .meta({ title: "name or number" });

export const pattern = z.string().meta({ title: "regular expression" });
