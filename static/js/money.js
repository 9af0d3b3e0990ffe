// Amounts as whole numbers of ten-thousandths (BigInt): exact, unlike floats. The server's rules have the last word.
const PLACES = 4;
const UNIT = 10n ** BigInt(PLACES);

// "1,450.00", "1.450,00", "$ 12", "(5.00)", "12.50-" -> BigInt, or null if it is no amount.
export function parseAmount(text) {
  let plain = text.replace(/[\s\u00a0\u202f'’]/g, "").replace(/^[A-Z]{0,3}[$€£¥]?|[$€£¥]?[A-Z]{0,3}$/gi, "");
  let sign = 1n;
  if (/^\(.*\)$/.test(plain)) [plain, sign] = [plain.slice(1, -1), -1n];
  if (/^[-−]|[-−]$/.test(plain)) [plain, sign] = [plain.replace(/^[-−]|[-−]$/, ""), -sign];
  plain = plain.replace(/^[$€£¥]/, "");
  const point = Math.max(plain.lastIndexOf("."), plain.lastIndexOf(","));
  if (point >= 0) {
    const mark = plain[point];
    const once = plain.indexOf(mark) === point;
    const both = plain.includes(".") && plain.includes(",");
    const tail = plain.length - point - 1;
    // One kind of mark before exactly three digits, or repeated, groups thousands; a lone point is a decimal point.
    const groups = !both && (!once || (tail === 3 && mark === ","));
    plain = groups
      ? plain.replaceAll(mark, "")
      : `${plain.slice(0, point).replace(/[.,]/g, "")}.${plain.slice(point + 1)}`;
  }
  const parts = /^(\d*)(?:\.(\d*))?$/.exec(plain);
  if (!parts || !(parts[1] || parts[2])) return null;
  const digits = (parts[2] || "").padEnd(PLACES, "0").slice(0, PLACES);
  return sign * (BigInt(parts[1] || "0") * UNIT + BigInt(digits));
}

// Round half up to cents and write with commas: 14500000n -> "1,450.00".
export function showAmount(amount) {
  const size = amount < 0n ? -amount : amount;
  const cents = (size + 50n) / 100n;
  const whole = (cents / 100n).toString().replace(/\B(?=(\d{3})+$)/g, ",");
  return `${amount < 0n && cents ? "-" : ""}${whole}.${(cents % 100n).toString().padStart(2, "0")}`;
}

export const CENT = UNIT / 100n;
