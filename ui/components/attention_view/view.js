// Both halves of the view: all heads small, one head in full. The payload holds one after the other.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header, values } = unpack(data);
  const parts = new Uint8Array(values);
  const root = parentElement.querySelector(".root");
  root.classList.toggle("few", header.beside === "few");
  root.classList.toggle("beside", header.beside !== "");
  const pick = (value) => setTriggerValue("pick", value);
  const arrange = (value) => setTriggerValue("arrange", value);
  const overview = unpack(parts.subarray(0, header.overview));
  const head = unpack(parts.subarray(header.overview));
  const endings = [renderOverview(root, overview, head.header.query, { pick, arrange }), renderHead(root, head, pick)];
  return () => endings.forEach((end) => end());
}
