// The server's answers. Every address of the HTTP API stands in this file.

const base = "api/v1";

/** An answer that says no: `code` is stable, `message` is for people. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function request(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch (reason) {
    if (reason.name === "AbortError") throw reason;
    throw new Refused(0, "unreachable", "The server does not answer. Is “anaglyph serve” still running?");
  }
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, body.code ?? "unknown", body.message ?? `The server answered ${answer.status}.`);
}

const json = async (path, options) => (await request(path, options)).json();
const send = (path, body, options = {}) =>
  json(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...options,
  });

const singular = { formats: "format", categories: "category", tags: "tag", problems: "problem", states: "state" };

/** Filters as parameters of an address. */
function parameters(filters, rest = {}) {
  const query = new URLSearchParams(rest);
  for (const [name, value] of Object.entries(filters)) {
    if (name === "ranges")
      for (const [key, [least, most]] of Object.entries(value)) query.append(key, `${least ?? ""}:${most ?? ""}`);
    else for (const each of [value].flat()) query.append(singular[name] ?? name, each);
  }
  return query;
}

/** The parts of a query as a form: field `query`, and one field per file. */
function form({ parts, filters }, extra, fileOf) {
  const body = new FormData();
  const described = parts.map((part, row) => {
    const shared = { kind: part.kind, weight: part.weight, negative: part.negative };
    if (part.kind === "text") return { ...shared, text: part.value };
    if (part.kind === "like") return { ...shared, id: Number(part.value) };
    const file = fileOf(part);
    body.append(`file${row}`, file, file.name || "picture.png");
    return { ...shared, file: `file${row}`, ...(part.box ? { box: part.box } : {}) };
  });
  body.append("query", JSON.stringify({ parts: described, filters, ...extra }));
  return body;
}

export const status = () => json(`${base}/status`);
export const thumbnail = (id) => `${base}/items/${id}/thumbnail`;
export const item = (id) => json(`${base}/items/${id}`);
export const items = (filters, { limit, offset, facets }, signal) =>
  json(`${base}/items?${parameters(filters, { limit, offset, facets })}`, { signal });
export const search = (state, { limit, offset, facets }, fileOf, signal) =>
  json(`${base}/search`, { method: "POST", body: form(state, { limit, offset, facets }, fileOf), signal });
/** All items that pass the filters, or the nearest hits, as a file. */
export const exported = async (state, format, fileOf, limit) =>
  (
    await (state.parts.length
      ? request(`${base}/search/export?as=${format}`, { method: "POST", body: form(state, { limit }, fileOf) })
      : request(`${base}/export?${parameters(state.filters, { as: format })}`))
  ).blob();
export const duplicates = ({ kind, limit, offset }) =>
  json(`${base}/duplicates?${new URLSearchParams({ kind, limit, offset })}`);
export const problems = ({ limit, offset }) => json(`${base}/problems?${new URLSearchParams({ limit, offset })}`);
export const mesh = async (address, signal) => (await request(address, { signal })).arrayBuffer();
export const tag = (ids, { add = [], remove = [] }) => send(`${base}/tags`, { ids, add, remove });
export const ignore = (ids, ignored) => send(`${base}/ignored`, { ids, ignored });
export const startJob = (root) => send(`${base}/jobs`, { root });
export const job = (id) => json(`${base}/jobs/${id}`);
export const cancelJob = (id) => json(`${base}/jobs/${id}/cancel`, { method: "POST" });
export const openSession = (token) =>
  json(`${base}/session`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
