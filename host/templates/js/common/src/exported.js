// Stands around every function that the host calls: what goes wrong is logged with its stack before the
// instance is lost, so that its author sees more than a trap.

import { write } from "wardline:plugin/log@0.1.0";

/** A fault of the contract, to be thrown: `rejected`, `transient`, `unsupported` ... with a text. */
export function fault(tag, text) {
  return { tag, val: text };
}

/** The functions of an interface, guarded. */
export function exported(functions) {
  const guarded = {};
  for (const [name, body] of Object.entries(functions)) {
    guarded[name] = (...parameters) => {
      try {
        return body(...parameters);
      } catch (error) {
        if (error instanceof Error) {
          write("error", `${name}: ${error}\n${error.stack}`, []);
        }
        throw error;
      }
    };
  }
  return guarded;
}
