// Reads what payload.py packs: [u32 header length][JSON header][raw values], little-endian.
function unpack(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  // slice() copies, so that a Float32Array over the values is aligned.
  const values = data.buffer.slice(data.byteOffset + 4 + length, data.byteOffset + data.byteLength);
  return { header, values };
}

// Whether a payload is the one that was drawn before: many reruns send the same again.
function sameBytes(a, b) {
  return a?.length === b.length && a.every((byte, i) => byte === b[i]);
}
