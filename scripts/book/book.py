"""The two parts of building the book that mdBook leaves to others.

book.py stage ROOT FOLDER   lays the documents, and the files that they link to, into FOLDER as they lie in
                            the repository, with the table of contents where mdBook looks for it
book.py check FOLDER        looks whether every link of the book that was built leads somewhere
"""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# A link in a document. What stands between back-ticks is none.
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def fail(message):
    sys.exit(f"error: {message}")


def targets(document):
    """The files that a document links to."""
    text = CODE.sub("", document.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        parts = urlsplit(target)
        if not parts.scheme and parts.path:
            yield target, (document.parent / unquote(parts.path)).resolve()


def stage(root, folder):
    root = root.resolve()
    contents = root / "docs" / "SUMMARY.md"
    chapters = {file for _, file in targets(contents)}
    files = set(chapters)
    for chapter in sorted(chapters):
        if not chapter.is_file():
            fail(f"{contents.relative_to(root)}: names {chapter.relative_to(root)}, which is not there")
        for target, file in targets(chapter):
            place = f"{chapter.relative_to(root)}: links to {target}"
            if not file.is_relative_to(root) or not file.is_file():
                fail(f"{place}, which is no file of the repository")
            if file.suffix == ".md" and file not in chapters:
                fail(f"{place}, which docs/SUMMARY.md does not name; add it there")
            files.add(file)
    shutil.rmtree(folder, ignore_errors=True)
    for file in files:
        copy = folder / file.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    # mdBook wants the table of contents at the top. In the repository its links start from docs/.
    text = contents.read_text(encoding="utf-8")
    text = LINK.sub(lambda link: f"]({(Path('docs') / link[1]).as_posix()})", text).replace("](docs/../", "](")
    (folder / "SUMMARY.md").write_text(text, encoding="utf-8")


class Page(HTMLParser):
    """The anchors of a page, and where it links to."""

    def __init__(self, file):
        super().__init__()
        self.anchors = set()
        self.links = []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if attributes.get("id"):
            self.anchors.add(attributes["id"])
        link = attributes.get("href" if tag in ("a", "link") else "src")
        if link:
            self.links.append(link)


def check(folder):
    # What serves an unknown address stands at any of them, and names its own place by the site's.
    pages = {file.resolve(): Page(file) for file in folder.rglob("*.html") if file.name != "404.html"}
    broken = []
    for file, page in sorted(pages.items()):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            lacks_file = not target.is_file()
            anchors = pages[target].anchors if target in pages else set()
            if lacks_file or (parts.fragment and unquote(parts.fragment) not in anchors):
                broken.append(f"{file.relative_to(folder.resolve())}: leads to {link}, which is not there")
    if broken:
        fail("\n".join(["the book has links that lead nowhere", *broken]))
    print(f"{len(pages)} pages, every link leads somewhere", file=sys.stderr)


if len(sys.argv) == 4 and sys.argv[1] == "stage":
    stage(Path(sys.argv[2]), Path(sys.argv[3]))
elif len(sys.argv) == 3 and sys.argv[1] == "check":
    check(Path(sys.argv[2]))
else:
    fail(__doc__)
