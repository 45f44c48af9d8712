// Shows catalogs and runs in Tiled's page, which loads this file for their specs and hands it its React.
// What it mends is listed in docs/reference/tileds-page.rst. Whatever is stored reaches the page as text alone.
(() => {
  const { createElement: h, Fragment, useEffect, useState } = window.React;
  const ROWS = 20, PIXELS = 1024, PLOTS = 4, DOTS = 60, SECONDS = 5, DAY = 86400;

  const STYLE = `
    .dbm { --ink: #1b1f24; --faint: #57606a; --line: #d0d7de; --accent: #0b57b0; --good: #116329; --bad: #b3261e;
      color: var(--ink); font: 14px/1.5 Roboto, system-ui, sans-serif; container-type: inline-size; }
    .dbm h1 { font-size: 1.4rem; font-weight: 500; line-height: 1.3; margin: 0 0 12px; overflow-wrap: anywhere; }
    .dbm h2 { font-size: 1.1rem; font-weight: 500; margin: 28px 0 8px; border-bottom: 1px solid var(--line); }
    .dbm h3 { font-size: 1rem; font-weight: 500; margin: 16px 0 4px; overflow-wrap: anywhere; }
    .dbm a { color: var(--accent); }
    .dbm :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
    .dbm button, .dbm select, .dbm input[type=search] { font: inherit; color: inherit; background: transparent;
      border: 1px solid var(--faint); border-radius: 4px; padding: 4px 10px; min-height: 34px; max-width: 100%; }
    .dbm option { color: #1b1f24; background: #fff; }
    .dbm button:disabled { opacity: .4; }
    .dbm input[type=search] { flex: 1 1 14em; min-width: 0; }
    .dbm input[type=range] { flex: 1 1 10em; accent-color: var(--accent); }
    .dbm .bar { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: center; margin: 8px 0; }
    .dbm .faint { color: var(--faint); }
    .dbm .good { color: var(--good); }
    .dbm .bad { color: var(--bad); font-weight: 500; }
    .dbm .wide { overflow-x: auto; }
    .dbm table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    .dbm th, .dbm td { text-align: left; font-weight: 400; padding: 5px 12px 5px 0; vertical-align: top;
      overflow-wrap: anywhere; border-bottom: 1px solid var(--line); }
    .dbm .runs th, .dbm .runs td:nth-child(2), .dbm .wide th { white-space: nowrap; }
    .dbm .wide table { width: max-content; min-width: 100%; }
    .dbm .wide td { max-width: 30em; }
    .dbm thead th { color: var(--faint); font-size: .85rem; }
    .dbm dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; }
    .dbm dt { color: var(--faint); }
    .dbm dd { margin: 0; overflow-wrap: anywhere; }
    .dbm dd ul { margin: 0; padding-left: 1.2em; }
    .dbm .plots { display: grid; gap: 12px 24px;
      grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); }
    .dbm figure { margin: 0; }
    .dbm svg { width: 100%; height: auto; font-size: 12px; fill: var(--faint); }
    .dbm svg path { fill: none; stroke: var(--line); }
    .dbm svg .curve { stroke: var(--accent); stroke-width: 1.5; }
    .dbm svg circle { fill: var(--accent); }
    .dbm img { display: block; width: 100%; max-height: 70vh; object-fit: contain; object-position: left;
      image-rendering: pixelated; }
    .dbm pre { overflow: auto; max-height: 24em; font-size: 12px; border: 1px solid var(--line); padding: 8px; }
    @container (max-width: 640px) {
      .dbm .runs thead { position: absolute; clip-path: inset(50%); }
      .dbm .runs tr { display: flex; flex-wrap: wrap; gap: 0 12px; padding: 8px 0;
        border-bottom: 1px solid var(--line); }
      .dbm .runs th, .dbm .runs td { border: 0; padding: 1px 0; }
      .dbm .runs td:empty { display: none; }
      .dbm .runs td:nth-child(2) { margin-left: auto; }
      .dbm .runs td:nth-child(3), .dbm .runs td:nth-child(4) { flex-basis: 100%; }
      .dbm .runs td:last-child { margin-left: auto; }
    }
    @media (max-width: 640px) {
      [role=tabpanel] > .MuiBox-root:has(.dbm) { padding: 8px 0; }
      .MuiPaper-root:has(.dbm) { padding: 12px; }
      .MuiTab-root.MuiTab-root { min-width: 0; padding: 12px; }
      .dbm svg { font-size: 14px; }
    }
    @media (prefers-color-scheme: dark) {
      :root { color-scheme: dark; }
      .dbm { --ink: #e6edf3; --faint: #9da7b3; --line: #3d444d; --accent: #74b3ff; --good: #57c46a; --bad: #ff8f85; }
      body, .MuiPaper-root.MuiPaper-root:not(.MuiAppBar-root) { background: #12161c; color: #e6edf3; }
      .MuiTab-root.MuiTab-root, .MuiBreadcrumbs-root, .MuiBreadcrumbs-root a.MuiLink-root { color: #c4ccd5; }
      .MuiTab-root.Mui-selected { color: #74b3ff; }
    }`;

  // Answers over HTTP

  const headers = () => {
    const token = window.__TILED_ACCESS_TOKEN__;
    return token ? { Authorization: `Bearer ${token}` } : {};
  };

  async function ask(url, signal) {
    const answer = await fetch(url, { headers: headers(), signal });
    if (answer.ok) return answer;
    const { detail } = await answer.json().catch(() => ({}));
    throw new Error(typeof detail === "string" ? detail : `The server answered ${answer.status}.`);
  }

  const asJson = answer => answer.json();
  const asPicture = async answer => URL.createObjectURL(await answer.blob());

  /* What is answered, again and again if there are seconds; until then what was answered before, of another URL. */
  function useAnswer(url, { seconds = 0, read = asJson } = {}) {
    const [state, setState] = useState({});
    const [turn, setTurn] = useState(0);
    useEffect(() => {
      if (!url) return undefined;
      const control = new AbortController();
      ask(url, control.signal).then(read).then(
        found => control.signal.aborted || setState({ found, of: url }),
        error => control.signal.aborted || setState(before => ({ ...before, error })),
      );
      const timer = seconds && setTimeout(() => setTurn(turn + 1), 1000 * seconds);
      return () => { clearTimeout(timer); control.abort(); };
    }, [url, seconds, turn]);
    return state;
  }

  const Trouble = ({ error }) => (error ? h("p", { role: "alert", className: "bad" }, error.message) : null);

  const apiOf = item => item.data.links.self.split("/metadata/")[0];
  const pathOf = (...segments) => segments.map(encodeURIComponent).join("/");

  async function save(event, url, name) {
    if (!window.__TILED_ACCESS_TOKEN__) return; // a cookie goes with the link
    event.preventDefault();
    const source = await asPicture(await ask(url));
    Object.assign(document.createElement("a"), { href: source, download: name }).click();
    URL.revokeObjectURL(source);
  }

  const Choice = ({ label, value, values, onChoice }) => h("label", null, `${label} `,
    h("select", { value, onChange: event => onChoice(event.target.value) },
      values.map(each => h("option", { key: each }, each))));

  const Download = ({ url, name, children }) =>
    h("a", { href: url, download: name, onClick: event => save(event, url, name) }, children);

  // Values as words

  const localTime = seconds =>
    Number.isFinite(seconds) ? new Date(1000 * seconds).toLocaleString("sv-SE") : String(seconds ?? "");

  function duration(seconds) {
    if (!Number.isFinite(seconds)) return "";
    if (seconds < 60) return `${seconds.toFixed(1)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }

  function Status({ start, stop }) {
    const isOld = Date.now() / 1000 - start.time > DAY;
    if (!stop) return isOld ? h("span", { className: "bad" }, "no end recorded") : h("span", null, "in progress");
    const className = stop.exit_status === "success" ? "good" : "bad";
    return h("span", { className }, inWords(stop.exit_status) || "ended");
  }

  const inWords = value => {
    if (typeof value === "number") return Number.isInteger(value) ? `${value}` : `${+value.toPrecision(6)}`;
    return typeof value === "string" ? value : value == null ? "" : JSON.stringify(value);
  };

  const sampleOf = start => inWords(start.sample?.name ?? start.sample ?? start.sample_name);
  const scanOf = (start, uid) => inWords(start.scan_id) || uid.slice(0, 8);

  const inShort = number => {
    const short = +number.toPrecision(5), size = Math.abs(short);
    return size >= 1e6 || (size && size < 1e-3) ? short.toExponential() : `${short}`;
  };

  // Several catalogs

  function Folder({ segments, item }) {
    const { found, error } = useAnswer(`${apiOf(item)}/search/${pathOf(...segments)}?fields=structure&page[limit]=300`);
    return h("div", { className: "dbm" },
      h("h1", null, "Catalogs"),
      h(Trouble, { error }),
      h("table", null, h("tbody", null, found?.data.map(({ id, attributes: { structure } }) => h("tr", { key: id },
        h("th", { scope: "row" }, h("a", { href: `/ui/browse/${pathOf(...segments, id)}` }, id)),
        h("td", null, structure ? `runs: ${structure.count}` : ""))))));
  }

  // A catalog

  const fieldsOf = (kind, names) => `${kind}:${kind}&&${kind}.{${names.map(each => `${each}:${each}`)}}`;
  const SELECTED = `{${fieldsOf("start", ["scan_id", "time", "plan_name", "sample", "sample_name"])},` +
    `${fieldsOf("stop", ["time", "exit_status", "num_events"])}}`;

  function Catalog({ segments, item }) {
    const [asked, setAsked] = useState(() => new URLSearchParams(location.search));
    const words = asked.get("q") ?? "", begin = +asked.get("begin") || 0, size = +asked.get("size") || 25;
    const change = values => {
      const next = new URLSearchParams({ q: words, begin, size, ...values });
      history.replaceState(history.state, "", `?${next}`);
      setAsked(next);
    };
    const url = `${apiOf(item)}/search/${pathOf(...segments)}?` + new URLSearchParams([
      ["sort", "-time"], ["page[offset]", begin], ["page[limit]", size], ["select_metadata", SELECTED],
      ["fields", "metadata"], ["fields", "structure"], ["fields", "count"],
      ...(words ? [["filter[databroker_mongo_words][condition][text]", words]] : []),
    ]);
    const { found, of, error } = useAnswer(url, { seconds: begin ? 0 : 2 * SECONDS });
    const runs = found?.data ?? [], place = `Runs ${begin + 1} to ${begin + runs.length} of ${found?.meta.count}`;
    const said = of !== url ? "Looking…" : runs.length ? `${place}, the newest first` : "No run.";
    useEffect(() => { document.title = `${segments.at(-1) ?? "Runs"} - Tiled`; }, [segments]);
    return h("div", { className: "dbm" },
      h("h1", null, segments.at(-1) ?? "Runs"),
      h("form", {
        role: "search", className: "bar",
        onSubmit: event => { event.preventDefault(); change({ q: event.target.q.value.trim(), begin: 0 }); },
      },
      h("input", { type: "search", name: "q", defaultValue: words, "aria-label": "Search runs", placeholder:
        "scan id, uid, plan or sample; plan_name=count, scan_id>=100" }),
      h("button", null, "Search")),
      h(Trouble, { error }),
      h("p", { role: "status", className: "faint" }, error ? "" : said),
      h("table", { className: "runs" },
        h("thead", null, h("tr", null, ["Scan", "Time", "Plan", "Sample", "Duration", "Status", "Streams"].map(
          title => h("th", { key: title, scope: "col" }, title)))),
        h("tbody", null, runs.map(run => h(RunRow, { key: run.id, segments, run })))),
      h("nav", { className: "bar", "aria-label": "Pages" },
        h("button", { disabled: !begin, onClick: () => change({ begin: 0 }) }, "Newest"),
        h("button", { disabled: !begin, onClick: () => change({ begin: Math.max(0, begin - size) }) }, "Newer"),
        h("button", { disabled: !found?.links?.next, onClick: () => change({ begin: begin + size }) }, "Older"),
        h(Choice, {
          label: "Runs a page", value: size, values: [10, 25, 50, 100],
          onChoice: each => change({ size: each, begin: 0 }),
        })));
  }

  function RunRow({ segments, run }) {
    const { start, stop } = run.attributes.metadata.selected, streams = Object.keys(stop?.num_events ?? {});
    const n = run.attributes.structure?.count ?? streams.length;
    return h("tr", null,
      h("th", { scope: "row" },
        h("a", { href: `/ui/browse/${pathOf(...segments, run.id)}` }, scanOf(start, run.id))),
      h("td", null, localTime(start.time)),
      h("td", null, inWords(start.plan_name)),
      h("td", null, sampleOf(start)),
      h("td", null, duration(stop?.time - start.time)),
      h("td", null, h(Status, { start, stop })),
      h("td", { className: "faint" }, streams.length ? streams.join(", ") : n === 1 ? "1 stream" : `${n} streams`));
  }

  // A run

  function Run({ segments, item }) {
    const api = apiOf(item), path = pathOf(...segments);
    const [isLive, setLive] = useState(!item.data.attributes.metadata.stop), seconds = isLive ? SECONDS : 0;
    const run = useAnswer(isLive && `${api}/metadata/${path}?fields=metadata`, { seconds });
    const { start, stop } = (run.found ?? item).data.attributes.metadata;
    const streams = useAnswer(`${api}/search/${path}?fields=metadata&page[limit]=100`, { seconds });
    const health = useAnswer(`${api}/health/${path}`, { seconds: 6 * seconds });
    const [chosen, choose] = useState(null);
    const names = streams.found?.data.map(each => each.id) ?? [];
    const name = chosen ?? (names.includes("primary") ? "primary" : names[0]);
    const stream = streams.found?.data.find(each => each.id === name);
    const title = [`Scan ${scanOf(start, item.data.id)}`, inWords(start.plan_name)].filter(Boolean).join(": ");
    const file = `${scanOf(start, "run")}-${item.data.id.slice(0, 8)}`;
    const facts = {
      Sample: sampleOf(start), Began: localTime(start.time), Took: stop && duration(stop.time - start.time),
      Status: [h(Status, { key: 0, start, stop }), stop?.reason && `: ${inWords(stop.reason)}`],
      Health: h(Health, health), Uid: item.data.id,
    };
    useEffect(() => { document.title = `${title} - Tiled`; }, [title]);
    useEffect(() => { if (stop) setLive(false); }, [stop]);
    return h("div", { className: "dbm" },
      h("h1", null, title),
      h("dl", null, Object.entries(facts).map(([term, value]) =>
        value && h(Fragment, { key: term }, h("dt", null, term), h("dd", null, value)))),
      h(Trouble, run), h(Trouble, streams),
      streams.found && !names.length && h("p", null, "It has no streams."),
      names.length > 1 && h("p", { className: "bar" },
        h(Choice, { label: "Stream", value: name, values: names, onChoice: choose })),
      stream && h(Stream, { key: name, api, path: `${path}/${pathOf(name)}`, name, stream, start, seconds, file }),
      h("h2", null, "Documents"),
      [["Start", start], ["Stop", stop], [`Stream ${name}`, stream?.attributes.metadata]].map(([each, document]) =>
        document && h("details", { key: each }, h("summary", null, each),
          h("pre", { tabIndex: 0, role: "region", "aria-label": each }, JSON.stringify(document, null, 2)))),
      h("p", { className: "bar" }, "Download the run:",
        h(Download, { url: `${api}/container/full/${path}?format=application/x-hdf5`, name: `${file}.h5` }, "HDF5"),
        h(Download, { url: `${api}/documents/${path}`, name: `${file}.json-seq` }, "documents"),
        h(Download, { url: `${api}/metadata/${path}`, name: `${file}.json` }, "metadata (JSON)")));
  }

  function Health({ found, error }) {
    if (error) return h(Trouble, { error });
    if (!found) return h("span", { className: "faint" }, "looking at its documents and files…");
    if (!found.findings.length) return h("span", { className: "good" }, "nothing is wrong with it");
    return h("ul", null, found.findings.map((each, number) =>
      h("li", { key: number, className: each.is_fault ? "bad" : "" }, each.message)));
  }

  // A stream

  function Stream({ api, path, name, stream, start, seconds, file }) {
    const { descriptors, data_keys: keys = descriptors?.[0]?.data_keys ?? {} } = stream.attributes.metadata;
    const place = descriptors ? `${path}/data` : path; // as databroker 2 has it: no table, but arrays in `data`
    const fields = "fields=metadata&fields=structure&fields=structure_family";
    const { found, error } = useAnswer(`${api}/search/${place}?${fields}&page[limit]=300`, { seconds });
    const arrays = found?.data.filter(each => each.attributes.structure_family === "array") ?? [];
    const table = found?.data.find(each => each.attributes.structure_family === "table");
    const isFrames = ({ attributes: { structure: { shape, data_type: type }, metadata } }) =>
      metadata.unreadable || (shape.length > 1 && "buif".includes(type.kind));
    const single = arrays.filter(each => each.attributes.structure.shape.length === 1 && !isFrames(each));
    const whole = table ? `${api}/table/full/${place}/${pathOf(table.id)}?`
      : `${api}/container/full/${place}?${new URLSearchParams(single.map(each => ["field", each.id]))}&`;
    return h(Fragment, null,
      h(Trouble, { error }),
      !found && !error && h("p", { role: "status", className: "faint" }, "Opening its columns…"),
      (table || single.length > 0) && h(Rows, {
        whole, nParts: table?.attributes.structure.npartitions ?? 0, name, seconds, file: `${file}-${name}`,
        hints: hintsOf(stream, start, name), keys,
        label: key => (keys[key]?.units ? `${key} (${keys[key].units})` : key),
      }),
      h("div", { className: "plots" }, arrays.filter(isFrames).map(each =>
        h(Frames, { key: each.id, url: `${api}/array/full/${place}/${pathOf(each.id)}`, array: each, file }))));
  }

  /* The fields to plot, and those of the scanned motors, as the documents recommend. */
  function hintsOf(stream, start, name) {
    const { descriptors, hints = descriptors?.[0]?.hints ?? {} } = stream.attributes.metadata;
    const dimensions = (start.hints?.dimensions ?? []).filter(each => each[1] === name).map(each => [each[0]].flat());
    const moved = dimensions.length ? dimensions.flat() : [start.motors ?? []].flat();
    return {
      motors: dimensions.length ? dimensions.map(each => each[0]) : moved,
      fields: Object.values(hints).flatMap(each => each?.fields ?? []).filter(each => !moved.includes(each)),
    };
  }

  function Rows({ whole, nParts, name, hints, keys, label, seconds, file }) {
    const [part, setPart] = useState(1), [page, setPage] = useState(0);
    const [x, setX] = useState(null), [ys, setYs] = useState(null);
    const rows = nParts ? `${whole.replace("/table/full/", "/table/partition/")}partition=${part - 1}&` : whole;
    const { found, error } = useAnswer(`${rows}format=application/json`, { seconds });
    if (!found) return h(Trouble, { error });
    const names = Object.keys(found).filter(each => !each.startsWith("ts_") || each in keys);
    const numeric = names.filter(each => found[each].some(Number.isFinite));
    const [first, second] = hints.motors.filter(each => numeric.includes(each));
    const against = x ?? first ?? (numeric.includes("time") ? "time" : numeric[0]);
    const others = numeric.filter(each => !["seq_num", "time", ...hints.motors].includes(each));
    const hinted = hints.fields.filter(each => others.includes(each));
    const plotted = ys ?? (hinted.length ? hinted : others).slice(0, PLOTS);
    const toggle = each => setYs(plotted.includes(each) ? plotted.filter(other => other !== each) : [...plotted, each]);
    const nRows = found[names[0]]?.length ?? 0, begin = page * ROWS < nRows ? page * ROWS : 0;
    const end = Math.min(begin + ROWS, nRows);
    const cell = (key, row) => (key === "time" ? localTime(found.time[row]) : inWords(found[key][row]));
    return h(Fragment, null,
      h(Trouble, { error }),
      others.length > 0 && h("h2", null, `Plots of ${name}`),
      others.length > 0 && h("div", { className: "bar" },
        nParts > 1 && h(Choice, {
          label: `Part of the rows, of ${nParts}`, value: part, values: Array.from({ length: nParts }, (_, n) => n + 1),
          onChoice: each => { setPart(+each); setPage(0); },
        }),
        h(Choice, { label: "Against", value: against, values: numeric, onChoice: setX }),
        h("details", null, h("summary", null, "What to plot"), others.map(each =>
          h("label", { key: each, className: "bar" },
            h("input", { type: "checkbox", checked: plotted.includes(each), onChange: () => toggle(each) }), each)))),
      h("div", { className: "plots" }, plotted.map(each => h(Plot, {
        key: each, title: label(each), ...(second && x === null
          ? { x: label(first), xs: found[first], y: label(second), ys: found[second], zs: found[each] }
          : { x: label(against), xs: found[against], ys: found[each] }),
      }))),
      h("h2", null, `Table of ${name}`),
      h("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": `Table of ${name}` }, h("table", null,
        h("thead", null, h("tr", null, names.map(each => h("th", { key: each, scope: "col" }, label(each))))),
        h("tbody", null, found[names[0]]?.slice(begin, end).map((_, n) =>
          h("tr", { key: n }, names.map(each => h("td", { key: each }, cell(each, begin + n)))))))),
      h("div", { className: "bar" },
        h("button", { disabled: !begin, onClick: () => setPage(page - 1) }, "Rows before"),
        h("button", { disabled: end >= nRows, onClick: () => setPage(page + 1) }, "Rows after"),
        h("span", { role: "status", className: "faint" },
          nRows ? `Rows ${begin + 1} to ${end} of ${nRows}` : "No rows.")),
      h("p", { className: "bar" }, "Download the table:", Object.entries(TABLES).map(([ending, format]) => h(Download, {
        key: ending, url: `${whole}format=${format}`, name: `${file}.${ending}`,
      }, ending.toUpperCase()))));
  }

  const TABLES = {
    csv: "text/csv", xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    parquet: "application/x-parquet", json: "application/json", h5: "application/x-hdf5",
  };

  // Plots

  const WIDTH = 460, HEIGHT = 260, LEFT = 62, BOTTOM = 36, TOP = 8, RIGHT = 10;

  function ticksOf([low, high]) {
    const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * ([1, 2, 5].find(each => each * power >= rough) ?? 10);
    const begin = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - begin + 1 }, (_, n) => (begin + n) * step);
  }

  function rangeOf(values) {
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    return low < high ? [low, high] : [low - 0.5, high + 0.5];
  }

  /* A curve in the order of the rows; with zs, points in their colours. */
  function Plot({ title, x, xs, y, ys, zs }) {
    const rows = [...xs.keys()].filter(row => [xs, ys, zs ?? ys].every(each => Number.isFinite(each[row])));
    if (!rows.length) return h("p", { className: "faint" }, `${title}: no values to plot`);
    const isTime = x.split(" ")[0] === "time", origin = isTime ? xs[rows[0]] : 0;
    const places = rows.map(row => [xs[row] - origin, ys[row], (zs ?? ys)[row]]);
    const [rangeX, rangeY, rangeZ] = [0, 1, 2].map(axis => rangeOf(places.map(each => each[axis])));
    const px = value => LEFT + ((value - rangeX[0]) / (rangeX[1] - rangeX[0])) * (WIDTH - LEFT - RIGHT);
    const py = value => HEIGHT - BOTTOM - ((value - rangeY[0]) / (rangeY[1] - rangeY[0])) * (HEIGHT - BOTTOM - TOP);
    const colour = value => {
      const part = (value - rangeZ[0]) / (rangeZ[1] - rangeZ[0]);
      return `hsl(${260 - 205 * part} 75% ${35 + 25 * part}%)`;
    };
    const points = places.map(([a, b]) => `${px(a).toFixed(1)} ${py(b).toFixed(1)}`);
    const label = isTime ? "seconds since the first row" : x;
    const [low, high] = zs ? rangeZ : rangeY;
    return h("figure", null,
      h("h3", null, zs ? `${title}, ${inWords(low)} (violet) to ${inWords(high)} (yellow)` : title),
      h("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label":
        `${title} against ${label}${y ? ` and ${y}` : ""}: ${rows.length} rows, ${inWords(low)} to ${inWords(high)}` },
      ticksOf(rangeX).map(each => h("g", { key: `x${each}` },
        h("path", { d: `M${px(each)} ${TOP}V${HEIGHT - BOTTOM}` }),
        h("text", { x: px(each), y: HEIGHT - BOTTOM + 15, textAnchor: "middle" }, inShort(each)))),
      ticksOf(rangeY).map(each => h("g", { key: `y${each}` },
        h("path", { d: `M${LEFT} ${py(each)}H${WIDTH - RIGHT}` }),
        h("text", { x: LEFT - 5, y: py(each) + 4, textAnchor: "end" }, inShort(each)))),
      h("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 4, textAnchor: "middle" }, y ? `${label}, ${y} upwards` : label),
      !zs && h("path", { className: "curve", d: `M${points.join("L")}` }),
      (zs || places.length <= DOTS) && places.map(([a, b, c], n) =>
        h("circle", { key: n, cx: px(a), cy: py(b), r: zs ? 4 : 2.5, style: zs && { fill: colour(c) } }))));
  }

  // Frames

  /* The frames of an array, whose last axes are the pixels or channels of each; the middle one first. */
  function Frames({ url, array, file }) {
    const { structure: { shape }, metadata: { unreadable } } = array.attributes, [chosen, choose] = useState(null);
    const n = nOfAxes(shape), leading = shape.slice(0, -n), pixels = shape.slice(-n);
    const count = leading.reduce((a, b) => a * b, 1), number = Math.min(chosen ?? Math.floor(count / 2), count - 1);
    const place = leading.map((size, axis) =>
      Math.floor(number / leading.slice(axis + 1).reduce((a, b) => a * b, 1)) % size);
    const step = Math.ceil(Math.max(...pixels) / PIXELS), thinned = n > 1 && step > 1 ? [`::${step}`, `::${step}`] : [];
    const asked = (format, slice) => `${url}?format=${format}&slice=${slice.join(",")}`;
    const formats = n > 1 ? { tiff: "image/tiff", png: "image/png", csv: "text/csv" }
      : { csv: "text/csv", json: "application/json" };
    if (unreadable || !count) {
      return h("section", null, h("h2", null, array.id),
        h("p", { className: unreadable ? "bad" : "" }, unreadable ? inWords(unreadable) : "No frames yet."));
    }
    return h("section", null,
      h("h2", null, array.id),
      n === 1 ? h(Curve, { url: asked("application/json", place), title: array.id }) : h(Picture, {
        url: asked("image/png", [...place, ...thinned]), title: `${array.id}, frame ${number + 1} of ${count}`,
      }),
      count > 1 && h("label", { className: "bar" }, "Frame", h("input", {
        type: "range", min: 0, max: count - 1, value: number, onChange: event => choose(+event.target.value),
        "aria-valuetext": `${number + 1} of ${count}`,
      }), h("output", null, `${number + 1} of ${count}`)),
      h("p", { className: "bar" }, `Download the frame (${pixels.join(" × ")}):`,
        Object.entries(formats).map(([ending, format]) => h(Download, {
          key: ending, url: asked(format, place), name: `${file}-${array.id}-${number + 1}.${ending}`,
        }, ending.toUpperCase()))));
  }

  const nOfAxes = shape => (shape.length < 3 ? 1 : shape.length > 3 && [3, 4].includes(shape.at(-1)) ? 3 : 2);

  function Picture({ url, title }) {
    const { found, error } = useAnswer(url, { read: asPicture });
    useEffect(() => () => found && URL.revokeObjectURL(found), [found]);
    return h(Fragment, null, h(Trouble, { error }), found && h("img", { src: found, alt: title }));
  }

  function Curve({ url, title }) {
    const { found, error } = useAnswer(url);
    return h(Fragment, null, h(Trouble, { error }),
      found && h(Plot, { title, x: "channel", xs: [...found.keys()], ys: found }));
  }

  document.head.append(Object.assign(document.createElement("style"), { textContent: STYLE }));
  const views = { DatabrokerMongoFolder: Folder, DatabrokerMongoCatalog: Catalog, DatabrokerMongoRun: Run };
  window.__TILED_SPEC_VIEWS__ = { ...window.__TILED_SPEC_VIEWS__, ...views };
})();
