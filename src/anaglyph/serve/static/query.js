// What is searched for and by what it is filtered: the page's one piece of state. It lies in the address, so
// that back, reload and bookmarks work; files that were dropped live as long as the page.

const files = new Map();
let nextFile = 1;

const lists = ["formats", "categories", "tags", "problems"];
const flags = ["watertight", "coloured", "textured"];

/** Nothing asked, nothing filtered. */
export const empty = () => ({ parts: [], filters: {} });

/** A part that brings a file; `kind` is "image" or "model". */
export function filePart(kind, file) {
  const key = String(nextFile++);
  files.set(key, file);
  return { kind, value: key, label: file.name || "picture", weight: 1, negative: false };
}

export const textPart = (text, negative = false) => ({ kind: "text", value: text, label: text, weight: 1, negative });
export const likePart = (item) => ({
  kind: "like",
  value: String(item.id),
  label: item.name,
  weight: 1,
  negative: false,
});
export const fileOf = (part) => files.get(part.value);

/** "chair -arms" -> towards "chair", away from "arms"; quotes keep words together: -"four legs". */
export function textParts(text) {
  const away = [];
  const rest = text.replace(/(^|\s)-(?:"([^"]+)"|([^\s"-]\S*))/gu, (_, space, quoted, word) => {
    away.push(textPart(quoted ?? word, true));
    return space;
  });
  const towards = rest.replace(/\s+/gu, " ").trim();
  return [...(towards ? [textPart(towards)] : []), ...away];
}

/** The address of a state, without "#". */
export function toAddress({ parts, filters }) {
  const query = new URLSearchParams();
  for (const part of parts) {
    query.append(
      "p",
      [part.kind, (part.negative ? -1 : 1) * part.weight, part.value, part.label, ...(part.box ?? [])]
        .map(encodeURIComponent)
        .join(","),
    );
  }
  for (const name of lists) for (const value of filters[name] ?? []) query.append(name, value);
  for (const name of flags) if (filters[name] !== undefined) query.set(name, filters[name]);
  for (const name of ["folder", "name"]) if (filters[name] !== undefined) query.set(name, filters[name]);
  for (const [name, [least, most]] of Object.entries(filters.ranges ?? {}))
    query.append("range", `${name},${least ?? ""},${most ?? ""}`);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/** The state in an address; what cannot be read or is no longer there is left out. */
export function fromAddress(text) {
  const query = new URLSearchParams(text);
  const state = empty();
  for (const entry of query.getAll("p")) {
    const part = readPart(entry);
    if (part) state.parts.push(part);
  }
  for (const name of lists) if (query.has(name)) state.filters[name] = query.getAll(name);
  for (const name of flags) if (query.has(name)) state.filters[name] = query.get(name) === "true";
  for (const name of ["folder", "name"]) if (query.has(name)) state.filters[name] = query.get(name);
  for (const entry of query.getAll("range")) {
    const [name, least, most] = entry.split(",");
    const bound = (value) => (value && Number.isFinite(Number(value)) ? Number(value) : null);
    state.filters.ranges = { ...state.filters.ranges, [name]: [bound(least), bound(most)] };
  }
  return state;
}

function readPart(entry) {
  let fields;
  try {
    fields = entry.split(",").map(decodeURIComponent);
  } catch {
    return null;
  }
  const [kind, weight, value, label, ...box] = fields;
  const size = Number(weight);
  if (!["text", "like", "image", "model"].includes(kind) || !value || !size) return null;
  if ((kind === "image" || kind === "model") && !files.has(value)) return null;
  const part = { kind, value, label: label || value, weight: Math.abs(size), negative: size < 0 };
  return box.length === 4 ? { ...part, box: box.map(Number) } : part;
}

/** A copy of filters with one of them changed; undefined and empty lists take it out. */
export function withFilter(filters, name, value) {
  const copy = { ...filters };
  const gone =
    value === undefined || (Array.isArray(value) && !value.length) || (name === "ranges" && !Object.keys(value).length);
  if (gone) delete copy[name];
  else copy[name] = value;
  return copy;
}

/** How many filters are set. */
export const filterCount = (filters) =>
  Object.values(filters).reduce(
    (sum, value) =>
      sum + (Array.isArray(value) ? value.length : typeof value === "object" ? Object.keys(value).length : 1),
    0,
  );
