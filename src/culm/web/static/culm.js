// All that the page does by itself: keeps ages current, takes newer versions of itself, follows logs, answers keys.
// Everything works without it; it only saves a reload.

const main = () => document.getElementById("main");
const skew = { seconds: 0 };

// ---- ages: `<time>` holds the moment, the text is how long ago that was
const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];

function age(seconds) {
  for (const [size, unit] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.max(0, Math.floor(seconds))} s`;
}

function ages(root = document) {
  const now = Date.now() / 1000 - skew.seconds;
  for (const time of root.querySelectorAll("time[data-suffix]")) {
    const text = age(now - Date.parse(time.dateTime) / 1000) + time.dataset.suffix;
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(ages, 1000);

// ---- a newer version of the page, laid over this one so that focus, selection and what is unfolded stay
const keep = {
  beforeNodeMorphed(old, fresh) {
    if (old.nodeName === "TIME" && old.dateTime === fresh.dateTime) return false;
    return !(old.id === "log" || old === document.activeElement && /INPUT|SELECT|TEXTAREA/.test(old.nodeName));
  },
  beforeAttributeUpdated(name, node) {
    return !(name === "open" && node.nodeName === "DETAILS") && !(name === "class" && node.classList?.contains("at"));
  },
};

function take(html) {
  globalThis.Idiomorph.morph(document.getElementById("page"), html, {
    morphStyle: "innerHTML", ignoreActiveValue: true, callbacks: keep,
  });
  ages();
}

const lost = document.getElementById("lost");

function stream(address, listeners) {
  const source = new EventSource(address);
  let since = "";
  source.onopen = () => { since = ""; lost.hidden = true; };
  source.onerror = () => {
    since ||= new Date().toLocaleTimeString();
    lost.textContent = `▲ culm open does not answer since ${since}; trying again`;
    lost.hidden = false;
  };
  for (const [name, listener] of Object.entries(listeners)) source.addEventListener(name, (event) => listener(event.data));
  return source;
}

if (document.body.dataset.live) stream(document.body.dataset.live, { page: take });

// ---- logs follow until somebody scrolls up, and hold no more lines than a person can look through
const MOST_LINES = 5000;
const log = document.getElementById("log");

let following = true, top = 0;

function atEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}

// lines get their height when they come into sight, so the end moves away while one goes there
function toEnd(tries = 10) {
  log.scrollTop = log.scrollHeight;
  if (tries) requestAnimationFrame(() => { if (following) toEnd(tries - 1); });
}

if (log) {
  const note = document.getElementById("follow");
  const here = log.querySelector(".here");
  if (here) here.scrollIntoView({ block: "center" });
  else toEnd();
  if (log.dataset.follow) {
    let waiting = 0;
    const say = () => { note.textContent = waiting ? `${waiting} new below` : "follows"; };
    stream(log.dataset.follow, {
      lines(html) {
        const follow = following || atEnd();
        const fresh = new DOMParser().parseFromString(html, "text/html").body.children;
        waiting = follow ? 0 : waiting + fresh.length;
        log.append(...fresh);
        for (let extra = log.children.length - MOST_LINES; extra > 0 && follow; extra--) log.firstElementChild.remove();
        if (follow) toEnd();
        document.querySelectorAll("#main > .logs-columns .empty").forEach((empty) => empty.remove());
        say();
      },
    });
    log.addEventListener("scroll", () => {
      if (atEnd()) following = true;
      else if (log.scrollTop < top) following = false;
      top = log.scrollTop;
      if (following && waiting) { waiting = 0; say(); }
    }, { passive: true });
  }
}

// ---- small things
document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.classList.add("done");
    setTimeout(() => copy.classList.remove("done"), 1200);
  }
  if (event.target.closest("[data-keys]")) document.getElementById("keys").showModal();
});
document.addEventListener("change", (event) => {
  if (event.target.matches(".filter select")) event.target.form.requestSubmit();
});
// a slider answers while it is moved: the page of its address is laid over this one, and the slider keeps its focus
let moved = 0;
document.addEventListener("input", async (event) => {
  const form = event.target.closest("form.what-if");
  if (!form) return;
  const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
  const turn = ++moved;
  const answer = await fetch(address);
  const text = await answer.text();
  if (turn !== moved || !answer.ok) return;
  history.replaceState(null, "", address);
  take(new DOMParser().parseFromString(text, "text/html").getElementById("page").innerHTML);
});
for (const theme of document.querySelectorAll(".switch")) theme.addEventListener("click", () => {
  theme.href += `&back=${encodeURIComponent(location.pathname + location.search)}`;
});

// ---- keys
let go = 0;

function step(by) {
  const rows = [...main().querySelectorAll("tr.row, .events li, #log > .line")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  rows[at]?.classList.remove("at");
  next.classList.add("at");
  next.scrollIntoView({ block: "nearest" });
  (next.querySelector("a[data-row], a, summary") ?? next).focus({ preventScroll: true });
}

const KEYS = {
  "/": () => document.querySelector("main input[type=search], main #path, .filter input")?.focus() ?? location.assign("/logs"),
  "?": () => document.getElementById("keys").showModal(),
  j: () => step(1),
  k: () => step(-1),
  d: () => document.getElementById("deploys")?.scrollIntoView() ?? location.assign("/#deploys"),
  Escape: () => {
    if (document.activeElement !== document.body && document.activeElement !== main()) main().focus();
    else if (location.pathname !== "/") history.length > 1 ? history.back() : location.assign("/");
  },
};

document.addEventListener("keydown", (event) => {
  const typing = /INPUT|SELECT|TEXTAREA/.test(event.target.nodeName);
  if (event.ctrlKey || event.metaKey || event.altKey || document.getElementById("keys").open) return;
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (Date.now() - go < 1500) {
    const place = document.querySelector(`.rail a[data-key="${CSS.escape(event.key)}"]`);
    go = 0;
    if (place) { event.preventDefault(); location.assign(place.href); return; }
  }
  if (event.key === "g") { go = Date.now(); return; }
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});

ages();
