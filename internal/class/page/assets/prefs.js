// What the browser keeps for this person: language, colours and size for long, the token for the tab's life.

const read = (area, key) => { try { return area()[key] ?? null; } catch { return null; } };
const write = (area, key, value) => { try { area()[key] = value; } catch { /* private windows may refuse */ } };
const long = () => localStorage;
const tab = () => sessionStorage;

export const languages = ["en", "vi"];

export function language() {
  const kept = read(long, "language");
  if (languages.includes(kept)) return kept;
  return navigator.languages.some((l) => l.toLowerCase().startsWith("vi")) ? "vi" : "en";
}

export const keepLanguage = (lang) => write(long, "language", lang);

export const theme = () => document.documentElement.dataset.theme;
export const size = () => document.documentElement.dataset.size;

export function keepTheme(name) { write(long, "theme", name); dispatchEvent(new Event("theme")); }
export function keepSize(name) { write(long, "size", name); dispatchEvent(new Event("theme")); }

// token is what opens the switches: given in the address (#token=…) or typed once.
export function token() { return read(tab, "token") || ""; }
export function keepToken(word) { write(tab, "token", word); }

// A notice is for the page after it has loaded itself again.
export const keepNotice = (key) => write(tab, "notice", key);

export function takeNotice() {
  const key = read(tab, "notice") || "";
  keepNotice("");
  return key;
}

export function takeTokenFromAddress() {
  const found = /^#(?:token=)?([^=]+)$/.exec(location.hash);
  if (!found) return;
  keepToken(decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname + location.search);
}
