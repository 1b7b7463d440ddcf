// Prints amounts of money as this Node's Intl.NumberFormat writes them, one a
// line: locale, currency, minor units, text. README.md says how it is run.
// The draw is seeded, so the same Node prints the same file.

// The locales that ship or are named in the golden table, each with its own
// currencies; every one of them meets every currency of `all` too.
const shipped = {
  "en-US": ["USD"], "en-GB": ["GBP"], "de-DE": ["EUR"], "fr-FR": ["EUR"], "sv-SE": ["SEK"],
  "ja-JP": ["JPY"], "en-IN": ["INR"], "hi-IN": ["INR"], "en-SG": ["SGD"],
};
const others = [
  "ar-KW", "da-DK", "de-AT", "en-AU", "en-CA", "en-JP", "en-NZ", "es-ES", "es-MX", "es-US",
  "fi-FI", "fr-BE", "fr-CA", "fr-CH", "it-IT", "ko-KR", "nb-NO", "nl-NL", "pl-PL", "pt-BR", "pt-PT",
];
const all = [
  "USD", "GBP", "EUR", "JPY", "INR", "SEK", "SGD", "CHF", "DKK", "NOK", "KWD", "AUD", "BRL", "CAD", "CNY", "CZK",
  "HKD", "ILS", "KRW", "MXN", "MYR", "NZD", "PHP", "PLN", "RON", "THB", "TRY", "TWD", "VND", "XCD", "ZAR",
];
const decimals = { JPY: 0, KRW: 0, VND: 0, KWD: 3 };
const edges = [0n, 1n, -1n, 99n, -100n, 100n, 1000n, 123456750n, -123456750n, 9223372036854775807n, -9223372036854775808n];
const shippedRows = 10000, othersRows = 4000;

let state = 0x4d657269n; // any seed; changing it changes the whole file
function draw() { // 64 bits of splitmix64
  state = (state + 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn;
  let z = state;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & 0xffffffffffffffffn;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & 0xffffffffffffffffn;
  return z ^ (z >> 31n);
}
const below = (n) => Number(draw() % BigInt(n));

// Every size of number is as likely as any other, and one in eleven is an edge.
function minor() {
  if (below(11) === 0) return edges[below(edges.length)];
  const size = draw() >> BigInt(1 + below(63));
  return below(3) === 0 ? -size : size;
}

function decimal(minor, digits) {
  const sign = minor < 0n ? "-" : "";
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, "0");
  return digits === 0 ? sign + text : sign + text.slice(0, -digits) + "." + text.slice(-digits);
}

const formats = new Map();
function print(locale, currency, minor) {
  const key = locale + currency;
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(locale, { style: "currency", currency }));
  const text = formats.get(key).format(decimal(minor, decimals[currency] ?? 2));
  console.log([locale, currency, minor, text].join("\t"));
}

const names = Object.keys(shipped);
for (let i = 0; i < shippedRows; i++) {
  const locale = names[i % names.length], own = shipped[locale];
  print(locale, below(2) === 0 ? own[below(own.length)] : all[below(all.length)], minor());
}
for (let i = 0; i < othersRows; i++) print(others[i % others.length], all[below(all.length)], minor());
