// Numbers, sizes and dates as people read them; in the browser's own language.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const scale = ["B", "kB", "MB", "GB", "TB"];

export const count = (value) => whole.format(value);
export const number = (value) => (Math.abs(value) >= 1000 ? whole.format(value) : short.format(value));
export const score = (value) => value.toFixed(2);
/** 0.9973 -> "99.7 %", never rounded up to all of it. */
export const percent = (share) => `${Math.floor(Math.min(share, 1) * 1000) / 10} %`;
export const models = (total) => `${count(total)} ${total === 1 ? "model" : "models"}`;

/** 1536 -> "1.54 kB". */
export function bytes(value) {
  const step = value < 1 ? 0 : Math.min(scale.length - 1, Math.floor(Math.log10(value) / 3));
  return `${short.format(value / 1000 ** step)} ${scale[step]}`;
}

/** UTC seconds as a day. */
export const day = (seconds) => new Date(seconds * 1000).toLocaleDateString(undefined, { dateStyle: "medium" });

/** Width, height and depth of a box, in the file's units. */
export const box = (size) => size.map(number).join(" × ");

/** "no_faces" -> "no faces". */
export const words = (name) => name.replaceAll("_", " ");

/** What is known of an item beside its name, in a few words. */
export function details(item) {
  const { category, format, faces } = item.facets;
  return [category, `${format} file`, faces ? `${count(faces)} faces` : null].filter(Boolean).join(", ");
}

/** What a picture of an item shows, for those who do not see it. */
export const describe = (item) => `${item.name}, ${details(item)}`;
