import { fail } from "../../core/errors.ts";
import { instanceUserData } from "../instance-user-data.ts";

/** `RunInstances.UserData`: before base64. */
export const mostUserDataBytes = 16 * 1024;

/** Tencent's key pairs are RSA ones only (`ImportKeyPair.PublicKey`). */
export function isKeyForKeyPair(publicKeyLine: string): boolean {
  return publicKeyLine.startsWith("ssh-rsa ");
}

/**
 * User data that also carries a key which no key pair can hold, as a part of its own.
 * Errors: `cloud/refused`: longer than Tencent takes.
 */
export function userDataWith(given: Uint8Array | undefined, publicKeyLine: string): Uint8Array | undefined {
  const authorizedKeys = isKeyForKeyPair(publicKeyLine) ? [] : [publicKeyLine];
  const all = instanceUserData({ given, authorizedKeys });
  if (all !== undefined && all.length > mostUserDataBytes)
    fail("cloud/refused", `cannot launch the instance: its user data has ${all.length} bytes`, {
      hint: `Tencent Cloud takes ${mostUserDataBytes}; let the guest fetch the rest`,
    });
  return all;
}
