// Ends an element's drawing before it is drawn anew. Streamlit ends a component only when it leaves
// the page: what an earlier drawing still watches would draw old data over new.
const drawingEnds = new WeakMap();

export default function (component) {
  drawingEnds.get(component.parentElement)?.();
  const end = drawComponent(component) ?? (() => {});
  drawingEnds.set(component.parentElement, end);
  return end;
}
