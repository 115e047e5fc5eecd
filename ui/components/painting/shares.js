// Arithmetic of one row of shares. Keys before `first` may not be looked at and stay 0; the rest sums to 1.

// Key `at` is given this share. The others keep their proportions in what is left; where they
// had nothing, those of `otherwise`, and where that is nothing either, they share alike.
function withShare(row, first, at, share, otherwise) {
  const others = (weights) => weights.reduce((sum, weight, s) => (s < first || s === at ? sum : sum + weight), 0);
  const left = row.length - first - 1;
  const given = left ? Math.min(1, Math.max(0, share)) : 1;
  const from = [row, otherwise].find((weights) => others(weights) > 1e-9);
  const rest = from ? others(from) : left;
  return row.map((_, s) => (s < first ? 0 : s === at ? given : ((from ? from[s] : 1) / rest) * (1 - given)));
}

const evenRow = (length, first) => Array.from({ length }, (_, s) => (s < first ? 0 : 1 / (length - first)));

const allTo = (length, at) => Array.from({ length }, (_, s) => (s === at ? 1 : 0));
