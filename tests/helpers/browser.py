"""Open the pages of a site in headless Chromium, and report what a reader would find broken."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import threading
from pathlib import Path

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

# This comes before the first script of each page, and keeps what the page writes to the console,
# throws or fails to load.
_WATCH = rb"""<script>
window.faults = [];
addEventListener("error", event => faults.push(event.message ||
  "not loaded: " + (event.target.src || event.target.href)), true);
addEventListener("unhandledrejection", event => faults.push("rejected: " + event.reason));
console.error = (...words) => faults.push("console: " + words.join(" "));
</script>"""

# This opens one page after another in a frame of the given width, with its scripts.
_WALK = r"""<!doctype html><meta charset="utf-8"><title>walk</title><body><script>
const PAGES = %s, WIDTHS = %s, faults = [];
function look(view, tell) {
  const page = view.document;
  view.faults.forEach(tell);
  for (const image of page.images)
    if (image.complete && !image.naturalWidth) tell("no image: " + image.src);
  for (const entry of view.performance.getEntriesByType("resource"))
    if (new URL(entry.name).origin !== view.location.origin) tell("not local: " + entry.name);
  for (const formula of page.querySelectorAll("math"))
    if (!formula.getBoundingClientRect().width) tell("no formula: " + formula.textContent);
  const text = page.querySelector("article");
  const walker = page.createTreeWalker(text || page.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walker.nextNode();) {
    if (node.parentElement.closest("pre, code, script, style")) continue;
    const raw = node.data.match(/\$[^$]+\$|\\\(|\\\[|\\[a-z]{2,}/);
    if (raw) tell("raw formula: " + node.data.trim().slice(0, 60));
  }
  const blocks = "article :is(h1, h2, h3, h4, p, li, dt, dd), .bd-sidebar-secondary li";
  for (const block of page.querySelectorAll(blocks))
    if (block.scrollWidth > block.clientWidth + 2 && block.clientWidth)
      tell("cut off: " + block.textContent.trim().slice(0, 60));
  const extra = page.documentElement.scrollWidth - view.innerWidth;
  if (extra > 1) tell("wider than the window by " + extra + " pixels");
}
function open(path, width) {
  return new Promise(done => {
    const frame = document.createElement("iframe");
    const tell = what => faults.push([path, width, what]);
    frame.style.cssText = "border:0;height:900px;width:" + width + "px";
    frame.onload = () => {
      // All images at once, however far down they are.
      for (const image of frame.contentDocument.images) image.loading = "eager";
      setTimeout(() => { look(frame.contentWindow, tell); frame.remove(); done(); }, 150);
    };
    frame.src = path;
    document.body.append(frame);
  });
}
(async () => {
  const waiting = WIDTHS.flatMap(width => PAGES.map(path => [path, width]));
  const lane = async () => { while (waiting.length) await open(...waiting.shift()); };
  await Promise.all([lane(), lane(), lane(), lane()]);
  await fetch("/walked", {method: "POST", body: JSON.stringify(faults)});
  document.title = "walked";
})();
</script>"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """A server of the site and of the script that opens its pages, which collects the faults."""

    def __init__(self, *args, walk, found, **kwargs):
        self.walk, self.found = walk, found
        super().__init__(*args, **kwargs)

    def do_GET(self):
        if self.path == "/walk":
            return self.send_page(self.walk.encode())
        if not self.path.endswith(".html"):
            return super().do_GET()
        page = Path(self.translate_path(self.path)).read_bytes()
        doctype, _, rest = page.partition(b">")
        return self.send_page(doctype + b">" + _WATCH + rest)

    def send_page(self, page):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(page)

    def do_POST(self):
        self.found.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def faults_of_pages(folder, profile, widths=(400, 1300), timeout=300):
    """Return path, width and fault of what is broken in the pages below a folder."""
    folder = Path(folder)
    pages = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))
    pages = [page for page in pages if not page.startswith("_")]
    found = []
    handler = functools.partial(
        _Handler,
        directory=str(folder),
        walk=_WALK % (json.dumps(pages), json.dumps(widths)),
        found=found,
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
        url = f"http://127.0.0.1:{server.server_port}/walk"
        browser = subprocess.Popen(
            [BROWSER, *options, "--window-size=1400,1000", "--no-first-run", url],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(10 * timeout):
                if found or browser.poll() is not None:
                    break
                threading.Event().wait(0.1)
        finally:
            browser.kill()
            browser.wait()
            server.shutdown()
    if not found:
        raise RuntimeError(f"the browser did not come to the end of {len(pages)} pages")
    return [tuple(fault) for fault in found[0]]


def broken_links(folder):
    """Return page and target of links within a site that lead nowhere."""
    folder, broken = Path(folder), []
    names = {}
    for path in folder.rglob("*.html"):
        names[path.resolve()] = set(re.findall(r'\bid="([^"]+)"', path.read_text("utf-8")))
    for path in names:
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', path.read_text("utf-8")):
            target, _, anchor = link.partition("#")
            # Browsers take what follows ":~:" as text to search for, not as an anchor.
            anchor = anchor.partition(":~:")[0]
            if re.match(r"[a-z]+:", target) or target.startswith("//"):
                continue
            whole = (path.parent / target).resolve() if target else path
            if whole.is_dir():
                whole = whole / "index.html"
            missing = not whole.exists()
            if missing or (anchor and whole in names and anchor not in names[whole]):
                broken.append((str(path.relative_to(folder.resolve())), link))
    return broken
