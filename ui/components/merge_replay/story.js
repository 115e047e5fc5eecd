// What the payload tells, made quick to ask: which token begins where at which stage.
// A stage is a count of listed merges; stage 0 is the bytes alone.

function readStory(data) {
  const { header, values } = unpack(data);
  const { listed, joins, bytes } = header;
  let read = 0;
  const take = (n) => { const part = new Int32Array(values, 4 * read, n); read += n; return part; };
  const numbers = take(listed), pairs = take(2 * listed), counts = take(listed);
  const places = take(3 * joins), middles = take(joins);
  const text = new Uint8Array(values, 4 * read, bytes);

  const closedAt = new Int32Array(bytes);          // the stage that closes the cut here, 0 for never
  const isChunk = new Uint8Array(bytes + 1);
  for (const start of header.chunks) isChunk[start] = 1;
  isChunk[bytes] = 1;
  const pieceOf = new Map();                       // by first byte and length
  const changes = [0];                             // the stages at which this text changes, from bytes on
  const firstJoin = new Map();                     // where a stage's joins begin in the list
  const tokens = [bytes];                          // how many there are after each change
  for (let j = 0; j < joins; j++) {
    const [stage, start, end] = places.subarray(3 * j, 3 * j + 3);
    closedAt[middles[j]] = stage;
    pieceOf.set(start * 65536 + end - start, 255 + stage);
    if (stage !== changes.at(-1)) {
      changes.push(stage);
      tokens.push(tokens.at(-1));
      firstJoin.set(stage, j);
    }
    tokens[tokens.length - 1]--;
  }

  const story = {
    header, numbers, counts, changes, tokens, bytes,
    begins: (at, stage) => at === 0 || closedAt[at] === 0 || closedAt[at] > stage,
    piece: (start, end) => (end - start === 1 ? text[start] : pieceOf.get(start * 65536 + end - start)),
    pair: (stage) => [pairs[2 * stage - 2], pairs[2 * stage - 1]],
    // Where the merge of this stage joined: [first byte, last byte + 1, whether it made a chunk whole].
    joined(stage) {
      const found = [];
      for (let j = firstJoin.get(stage) ?? joins; j < joins && places[3 * j] === stage; j++) {
        const start = places[3 * j + 1], end = places[3 * j + 2];
        found.push([start, end, Boolean(isChunk[start] && isChunk[end])]);
      }
      return found;
    },
    merges: (stage) => (stage ? numbers[stage - 1] : 0),
    // The last stage that knows no more than this many merges.
    stageOf(merges) {
      let low = 0, high = listed;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (numbers[middle - 1] <= merges) low = middle; else high = middle - 1;
      }
      return low;
    },
    // How many of the changes have happened at a stage.
    changesBy(stage) {
      let low = 0, high = changes.length - 1;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (changes[middle] <= stage) low = middle; else high = middle - 1;
      }
      return low;
    },
    last: listed,
  };
  return story;
}
