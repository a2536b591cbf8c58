// The server's catalogue of what is said in the protocols, in the language that is spoken.

import { language } from "./text.js";
import * as server from "./server.js";

export class Catalogue {
  #read = new Map(); // by language

  // load reads the catalogue of the language that is spoken, once.
  async load() {
    const lang = language();
    if (this.#read.has(lang)) return;
    const c = await server.catalogue(lang);
    this.#read.set(lang, { entries: new Map((c.entries || []).map((e) => [e.key, e])), codes: c.codes || [], rows: c.rows || [], any: c.any_command || [] });
  }

  get #now() { return this.#read.get(language()); }

  get codes() { return this.#now?.codes ?? []; }
  get rows() { return this.#now?.rows ?? []; }
  get any() { return this.#now?.any ?? []; }
  entry(key) { return this.#now?.entries.get(key); }
  row(command) { return this.rows.find((r) => r.command === command); }
}
