"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const { nodes, groups, nodeWidth, nodeHeight } = data;
const byId = new Map(nodes.map((node, index) => [`${node.kind}:${node.name}`, index]));
const below = nodes.map(() => []), above = nodes.map(() => []);
nodes.forEach((node, index) => {
  for (const [kind, names] of [["image", node.images], ["crate", node.crates]])
    for (const name of names ?? []) {
      const other = byId.get(`${kind}:${name}`);
      below[index].push(other);
      above[other].push(index);
    }
});
const edges = nodes.flatMap((_, head) => below[head].map((tail) => [tail, head]));
const $ = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const inSvg = ["g", "rect", "text", "path", "circle", "title"].includes(tag);
  const element = inSvg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function showSize(size) {
  if (size === undefined) return "?";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  for (; size >= 999.5 && unit < 4; unit++) size /= 1000;
  return `${unit && size < 9.95 ? size.toFixed(1) : size.toFixed(0)} ${units[unit]}`;
}

const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;

// All that can be reached from some nodes, less these nodes themselves.
function reach(starts, next) {
  const found = new Set(), waiting = [...starts];
  while (waiting.length)
    for (const other of next[waiting.pop()])
      if (!found.has(other)) { found.add(other); waiting.push(other); }
  for (const start of starts) found.delete(start);
  return found;
}

// --- Drawing -----------------------------------------------------------------------------

const left = 24, top_ = 46;
const nodeElements = [], edgeElements = [];

function draw() {
  const layers = new Map();
  for (const node of nodes) {
    const layer = layers.get(node.layer) ?? { from: Infinity, to: -Infinity };
    layers.set(node.layer, {
      from: Math.min(layer.from, node.x - nodeWidth / 2), to: Math.max(layer.to, node.x + nodeWidth / 2),
    });
  }
  for (const [layer, { from, to }] of layers) {
    $("layers").append(
      make("rect", { x: from - 14, y: -top_, width: to - from + 28, height: data.height + top_ + 20, rx: 12 }),
      make("text", { x: (from + to) / 2, y: -top_ + 24 }, layer ? `layer ${layer}` : "base"));
  }
  for (const [tail, head] of edges) {
    const [x, y] = [nodes[tail].x + nodeWidth / 2, nodes[tail].y];
    const [toX, toY] = [nodes[head].x - nodeWidth / 2, nodes[head].y];
    const bend = Math.max(40, (toX - x) / 2);
    edgeElements.push(make("path", { d: `M${x},${y}C${x + bend},${y} ${toX - bend},${toY} ${toX},${toY}` }));
    $("edges").append(edgeElements.at(-1));
  }
  const largest = Math.max(1, ...nodes.map((node) => node.size ?? 0));
  const room = Math.floor((nodeWidth - 78) / 7);
  nodes.forEach((node, index) => {
    const classes = [node.kind];
    if (node.publish === false) classes.push("unpublished");
    if (node.error) classes.push("failed");
    const name = node.name.length > room + 1 ? `${node.name.slice(0, room)}…` : node.name;
    const element = make("g", {
      class: classes.join(" "), tabindex: 0, role: "button", "data-name": node.name,
      "data-kind": node.kind, "aria-label": `${node.kind} ${node.name}`,
      transform: `translate(${node.x - nodeWidth / 2},${node.y - nodeHeight / 2})`,
    },
      make("rect", { class: "card", width: nodeWidth, height: nodeHeight, rx: 7 }),
      make("rect", { class: "bar", x: 8, y: nodeHeight - 4, height: 2, rx: 1,
        width: Math.max(2, Math.sqrt((node.size ?? 0) / largest) * (nodeWidth - 16)) }),
      make("circle", { class: "dot", cx: 13, cy: nodeHeight / 2 - 1, r: 4,
        style: node.status ? `--dot: var(--${node.status})` : "" }),
      make("text", { class: "name", x: 24, y: nodeHeight / 2 - 1 }, name),
      make("text", { class: "size", x: nodeWidth - 9, y: nodeHeight / 2 - 1 }, showSize(node.size)),
      make("title", {}, `${node.name}\n${node.place}`));
    element.addEventListener("click", () => choose([index]));
    element.addEventListener("keydown", (event) => { if (event.key === "Enter") choose([index]); });
    nodeElements.push(element);
    $("nodes").append(element);
  });
  const images = nodes.filter((node) => node.kind === "image");
  const paths = new Set(groups.flatMap((group) => group.files.map((file) => group.directory + file)));
  $("summary").textContent = [count(images.length, "image"),
    ...(images.length < nodes.length ? [count(nodes.length - images.length, "crate")] : []),
    count(layers.size, "layer"), count(paths.size, "file")].join(" · ");
  for (const status of Object.keys(data.colours)) {
    const number = images.filter((node) => node.status === status).length;
    if (number) $("legend").append(make("span", { style: `--dot: var(--${status})` }, `${number} ${status}`));
  }
  const unpublished = images.filter((node) => node.publish === false).length;
  if (unpublished) $("legend").append(make("span", { class: "unpublished" }, `${unpublished} not for registries`));
}

// --- Pan and zoom ------------------------------------------------------------------------

let view = { x: 0, y: 0, scale: 1 };
// Whether all is shown, and is to stay so when there is more or less room for it.
let fitted = true;

function move(next) {
  view = next;
  $("view").setAttribute("transform", `translate(${view.x},${view.y}) scale(${view.scale})`);
}

function fit() {
  const { width, height } = $("graph").getBoundingClientRect();
  const wide = data.width + 2 * left, high = data.height + top_ + 40;
  const scale = Math.min(1.4, width / wide, height / high);
  fitted = true;
  move({ scale, x: (width - data.width * scale) / 2, y: (height - high * scale) / 2 + (top_ + 10) * scale });
}

// Brings a node to where it can be seen and read, if it is not there.
function reveal(index) {
  const { width, height } = $("graph").getBoundingClientRect(), node = nodes[index];
  const scale = Math.max(view.scale, 0.6), x = node.x * view.scale + view.x, y = node.y * view.scale + view.y;
  const inside = x > 80 && y > 60 && x < width - 80 && y < height - 40;
  if (scale === view.scale && inside) return;
  fitted = false;
  move({ scale, x: width / 2 - node.x * scale, y: height / 2 - node.y * scale });
}

function zoom(factor, x, y) {
  const scale = Math.min(4, Math.max(0.05, view.scale * factor));
  const ratio = scale / view.scale;
  fitted = false;
  move({ scale, x: x - (x - view.x) * ratio, y: y - (y - view.y) * ratio });
}

function watchPointer() {
  const graph = $("graph");
  let start = null;
  graph.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = graph.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
  }, { passive: false });
  graph.addEventListener("pointerdown", (event) => { start = { ...view, px: event.clientX, py: event.clientY }; });
  addEventListener("pointermove", (event) => {
    if (!start) return;
    const dx = event.clientX - start.px, dy = event.clientY - start.py;
    if (Math.hypot(dx, dy) < 4) return;
    graph.classList.add("dragging");
    fitted = false;
    move({ scale: view.scale, x: start.x + dx, y: start.y + dy });
  });
  addEventListener("pointerup", () => { start = null; graph.classList.remove("dragging"); });
  graph.addEventListener("dblclick", (event) => { if (event.target === graph) fit(); });
}

// --- Choosing ----------------------------------------------------------------------------

// Shows some nodes, what they build on, and what builds on them.
function mark(selves, belows, aboves) {
  document.body.classList.toggle("chosen", selves.size > 0);
  const sides = nodes.map((_, index) =>
    selves.has(index) ? "self" : belows.has(index) ? "below" : aboves.has(index) ? "above" : "");
  nodeElements.forEach((element, index) => {
    element.classList.remove("self", "below", "above");
    if (sides[index]) element.classList.add(sides[index]);
  });
  edgeElements.forEach((element, index) => {
    const [tail, head] = edges[index].map((end) => sides[end]);
    element.classList.toggle("below", tail === "below" && (head === "below" || head === "self"));
    element.classList.toggle("above", head === "above" && (tail === "above" || tail === "self"));
  });
}

function forget() {
  mark(new Set(), new Set(), new Set());
  showPanel(false);
  history.replaceState(null, "", location.pathname + location.search);
}

function panel(title, ...children) {
  const close = make("button", { id: "close", type: "button", "aria-label": "Close" }, "×");
  close.addEventListener("click", forget);
  $("panel").replaceChildren(close, make("h2", {}, title), ...children);
  $("panel").scrollTop = 0;
  showPanel(true);
}

function showPanel(shown) {
  $("panel").hidden = !shown;
  if (fitted) fit();
}

function list(title, indexes, tone) {
  if (!indexes.length) return [];
  const items = [...indexes].sort((one, other) => nodes[one].name.localeCompare(nodes[other].name)).map((index) => {
    const link = make("a", { href: `#${nodes[index].kind}:${nodes[index].name}` }, nodes[index].name);
    const kind = nodes[index].kind === "crate" ? "crate · " : "";
    return make("li", {}, link, make("span", { class: "quiet" }, kind + showSize(nodes[index].size)));
  });
  return [make("h3", { style: `--tone: var(--${tone})` }, `${title} (${indexes.length})`), make("ul", {}, ...items)];
}

function directFirst(direct, all, tone, title, inTurn) {
  const further = [...all].filter((index) => !direct.includes(index));
  return [...list(title, direct, tone), ...list(inTurn, further, tone)];
}

function choose([index]) {
  const node = nodes[index];
  const belows = reach([index], below), aboves = reach([index], above);
  const facts = [["address", node.place], ["fingerprint", node.fingerprint], ["status", node.status],
    ["inputs", node.inputs === undefined ? undefined : `${count(node.inputs, "file")}, ${showSize(node.size)}`],
    ["published", node.publish === false ? "no" : undefined], ["mainline", node.mainline === false ? "no" : undefined]];
  if (node.kind === "crate") facts[0][0] = "directory";
  panel(node.name,
    ...(node.description ? [make("p", {}, node.description)] : []),
    ...(node.error ? [make("p", { class: "error" }, node.error)] : []),
    make("dl", {}, ...facts.filter(([, value]) => value).flatMap(([name, value]) =>
      [make("dt", {}, name), make("dd", {}, name === "fingerprint" ? make("code", {}, value) : value)])),
    ...directFirst(below[index], belows, "below", "Builds on", "… and so on"),
    ...directFirst(above[index], aboves, "above", "Built on by", "… and so, in turn, by"),
    ...inputList(node));
  mark(new Set([index]), belows, aboves);
  history.replaceState(null, "", `#${node.kind}:${node.name}`);
  reveal(index);
}

function inputList(node) {
  if (!node.groups.length) return [];
  const items = node.groups.map((number) => {
    const group = groups[number];
    const what = group.kind === "crate" ? make("a", { href: `#change:crate:${group.name}` }, `crate ${group.name}`)
      : `${group.kind} ${group.name}`;
    return make("li", {}, make("span", {}, what), make("span", { class: "quiet" }, count(group.files.length, "file")));
  });
  return [make("h3", {}, "What goes into it"), make("ul", {}, ...items)];
}

// What a change to the files of some groups of inputs would rebuild.
function chooseChange(what, changed) {
  const direct = nodes.map((_, index) => index).filter((index) => nodes[index].groups.some((number) => changed.has(number)));
  const further = [...reach(direct, above)].filter((index) => nodes[index].kind === "image");
  panel(what,
    make("p", {}, `A change to it rebuilds ${count(direct.length + further.length, "image")}.`),
    ...list("It goes into", direct, "self"), ...list("… and these build on them", further, "above"));
  mark(new Set(direct), new Set(), new Set(further));
  history.replaceState(null, "", `#change:${what.replace(/^crate /, "crate:")}`);
}

const groupsOf = (test) => new Set(groups.map((group, number) => (test(group) ? number : -1)).filter((number) => number >= 0));
const chooseCrate = (name) => chooseChange(`crate ${name}`, groupsOf((group) => group.kind === "crate" && group.name === name));
const chooseFile = (path) => chooseChange(path, groupsOf((group) =>
  path.startsWith(group.directory) && group.files.includes(path.slice(group.directory.length))));

function followHash() {
  const target = decodeURIComponent(location.hash.slice(1));
  if (byId.has(target)) choose([byId.get(target)]);
  else if (target.startsWith("change:crate:")) chooseCrate(target.slice(13));
  else if (target.startsWith("change:")) chooseFile(target.slice(7));
}

// --- Searching ---------------------------------------------------------------------------

const MOST = 14;
const candidates = [
  ...nodes.filter((node) => node.kind === "image").map((node) => ["image", node.name]),
  ...[...new Set(groups.filter((group) => group.kind === "crate").map((group) => group.name))].sort().map((name) => ["crate", name]),
];
let allFiles = null, matches = [], selected = 0;

function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (name) => words.every((word) => name.toLowerCase().includes(word));
  // A path that is what was typed, or ends with it, comes first; then what is short.
  const rank = (name) => (name === text ? 0 : name.endsWith(text) ? 1 : 2);
  const order = ([, one], [, other]) => rank(one) - rank(other) || one.length - other.length || one.localeCompare(other);
  allFiles ??= [...new Set(groups.flatMap((group) => group.files.map((file) => group.directory + file)))];
  const named = candidates.filter(([, name]) => fits(name)).sort(order);
  const files = allFiles.filter(fits).map((path) => ["file", path]).sort(order);
  return [...named.slice(0, files.length ? MOST - 4 : MOST), ...files].slice(0, MOST);
}

function take([kind, name]) {
  $("query").blur();
  showMatches([]);
  if (kind === "image") choose([byId.get(`image:${name}`)]);
  else if (kind === "crate") chooseCrate(name);
  else chooseFile(name);
}

function showMatches(found, none = false) {
  matches = found;
  selected = 0;
  const items = found.map((match, number) => {
    const item = make("li", { role: "option", "aria-selected": number === 0 },
      make("span", { class: "kind" }, match[0]), make("span", { class: "what" }, match[1]));
    item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(match); });
    return item;
  });
  if (none) items.push(make("li", { class: "none" }, "No image, crate or file has that in its name."));
  $("matches").replaceChildren(...items);
  $("matches").hidden = !items.length;
  $("query").setAttribute("aria-expanded", String(items.length > 0));
}

function watchSearch() {
  const query = $("query");
  const search = () => {
    const found = query.value.trim() ? find(query.value.trim()) : [];
    showMatches(found, query.value.trim() !== "" && !found.length);
  };
  query.addEventListener("input", search);
  query.addEventListener("focus", search);
  query.addEventListener("blur", () => showMatches([]));
  query.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && matches.length) take(matches[selected]);
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    selected = (selected + (event.key === "ArrowDown" ? 1 : -1) + matches.length) % Math.max(1, matches.length);
    [...$("matches").children].forEach((item, number) => item.setAttribute("aria-selected", number === selected));
  });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== query) { event.preventDefault(); query.select(); query.focus(); }
    if (event.key === "Escape") { query.blur(); forget(); }
  });
}

draw();
watchPointer();
watchSearch();
$("fit").addEventListener("click", () => { forget(); fit(); });
addEventListener("hashchange", followHash);
addEventListener("resize", () => { if (fitted) fit(); });
fit();
followHash();
