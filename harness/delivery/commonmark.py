"""Writing Markdown: from the tree that was read back to text in which every character means what it meant.

What is written holds no raw HTML, no reference definitions, no image and no open fence, so that a piece
of it can stand anywhere in a larger document and change nothing around it. An address that nobody
linked is put in code marks, because most readers would turn it into a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it.tree import SyntaxTreeNode

_SPECIAL = re.compile(r"[\\`*\[\]<]|(?<![^\W_])_|_(?![^\W_])|~(?=~)|(?<=~)~|%(?=%)|(?<=%)%|&(?=#?\w+;)|!(?=$|\[)")
_LINE_START = re.compile(r"^(?:[#>+\-=:|]|(?P<number>\d{1,9})(?=[.)](?:\s|$)))")
ADDRESS = re.compile(r"(?:\b[a-z][a-z0-9+.\-]*://|\bwww\.)[^\s<>]*[^\s<>.,;:!?'\")\]]", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_UNSAFE_IN_URL = re.compile(r"[\s<>\\\x00-\x1f\x7f]")
_MAX_NUMBER = 999_999_999


def escape(text: str) -> str:
    """Return the text as Markdown that shows exactly these characters, on one line."""
    return _SPECIAL.sub(lambda match: "\\" + match.group(), _CONTROL.sub(" ", text))


def escape_with_addresses(text: str) -> str:
    """Return the text as Markdown that shows it and links nothing, also where a reader links bare addresses."""
    return "".join(_write_pieces(_pieces(text)))


def link_target(url: str) -> str:
    """Return the URL as the target of a Markdown link."""
    target = _UNSAFE_IN_URL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), url)
    target = re.sub(r"&(?=#?\w+;)", r"\\&", target)
    return f"<{target}>" if not target or "(" in target or ")" in target else target


def write_blocks(nodes: Sequence[SyntaxTreeNode], *, tight: bool = False) -> str:
    """Return the blocks as Markdown, without a line break at the end."""
    written = [text for node in nodes if (text := _write_block(node))]
    return ("\n" if tight else "\n\n").join(written)


def write_inline(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Return inline content as Markdown that can stand at the start of a line."""
    return guard_lines(write_span(nodes))


def write_span(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Return inline content as Markdown for the middle of a line; it may hold line breaks."""
    return "".join(_write_pieces([piece for atom in _atoms(nodes) for piece in _split(atom)]))


def write_line(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Return inline content as one line of Markdown."""
    return " ".join(write_span(nodes).replace("\\\n", " ").split())


def write_list(entries: Sequence[str], *, markup: str = "-", start: int = 1, tight: bool = True) -> str:
    """Return the entries, each Markdown of its own, as a list; `markup` is `-`, `*`, `+`, `.` or `)`."""
    written = []
    for number, entry in enumerate(entries, start=start):
        marker = f"{min(number, _MAX_NUMBER)}{markup}" if markup in (".", ")") else markup
        written.append(f"{marker} {indent(entry, ' ' * (len(marker) + 1))}".rstrip())
    return ("\n" if tight else "\n\n").join(written)


def indent(text: str, prefix: str) -> str:
    """Return the text with every line but the first moved in; empty lines stay empty."""
    return "\n".join(line if number == 0 or not line else prefix + line for number, line in enumerate(text.split("\n")))


def _write_block(node: SyntaxTreeNode) -> str:
    match node.type:
        case "paragraph":
            return write_inline(node.children[0].children)
        case "heading":
            return f"{'#' * int(node.tag[1])} {guard_heading(write_line(node.children[0].children))}".rstrip()
        case "bullet_list" | "ordered_list":
            return _write_list_node(node)
        case "blockquote":
            return write_quote(write_blocks(node.children))
        case "fence" | "code_block":
            return _write_code(node)
        case "hr":
            return "___"  # any other sign would end a list, or make a heading of the line above
        case "table":
            return _write_table(node)
        case _:
            raise ValueError(f"a block of type {node.type} was not expected")


def write_quote(text: str) -> str:
    """Return the Markdown as a block quote."""
    return "\n".join(f"> {line}" if line else ">" for line in text.split("\n"))


def guard_heading(line: str) -> str:
    """Return the line so that a # at its end is not taken for the heading's own."""
    return f"{line[:-1]}\\#" if line.endswith("#") and not line.endswith("\\#") else line


def is_tight(node: SyntaxTreeNode) -> bool:
    """Whether the list's entries stand together without empty lines."""
    paragraphs = [child for entry in node.children for child in entry.children if child.type == "paragraph"]
    if not paragraphs:
        return all(len(entry.children) <= 1 for entry in node.children)
    return all(child.hidden for child in paragraphs)


def _write_list_node(node: SyntaxTreeNode) -> str:
    tight = is_tight(node)
    entries = [write_blocks(entry.children, tight=tight) for entry in node.children]
    return write_list(entries, markup=node.markup or "-", start=int(node.attrs.get("start", 1)), tight=tight)


def _write_code(node: SyntaxTreeNode) -> str:
    content = node.content.removesuffix("\n")
    fence = "`" * max(3, _longest_run(content) + 1)
    info = re.sub(r"[^\w+#.\-]", "", node.info.split()[0]) if node.info.strip() else ""
    return f"{fence}{info}\n{content}\n{fence}" if content else f"{fence}{info}\n{fence}"


def _write_table(node: SyntaxTreeNode) -> str:
    rows = [row for part in node.children for row in part.children]
    heads = rows[0].children
    rules = [_RULES.get(str(head.attrs.get("style", "")), "---") for head in heads]
    lines = [_write_row(rows[0]), f"| {' | '.join(rules)} |", *(_write_row(row) for row in rows[1:])]
    return "\n".join(lines)


_RULES = {"text-align:left": ":--", "text-align:center": ":-:", "text-align:right": "--:"}


def _write_row(row: SyntaxTreeNode) -> str:
    cells = (write_line(cell.children[0].children if cell.children else ()) for cell in row.children)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# A piece is ("text" | "code" | "markup", content); pieces of the same kind that touch are joined, because
# two code spans side by side, or an address in two halves, would be read as something else.
_Piece = tuple[str, str]


def _write_pieces(pieces: Sequence[_Piece]) -> Iterator[str]:
    for kind, content in _joined(pieces):
        if kind == "text":
            yield escape(content)
        elif kind == "code":
            yield _write_code_span(content)
        else:
            yield content


def _atoms(nodes: Sequence[SyntaxTreeNode]) -> list[_Piece]:
    return _joined([piece for node in nodes for piece in _node_pieces(node)])


def _node_pieces(node: SyntaxTreeNode) -> list[_Piece]:
    match node.type:
        case "text":
            return [("text", node.content)]
        case "code_inline":
            return [("code", node.content)]
        case "softbreak":
            return [("markup", "\n")]
        case "hardbreak":
            return [("markup", "\\\n")]
        case "em" | "strong" | "s":
            return _emphasis(node)
        case "link":
            return _link(node)
        case _:
            raise ValueError(f"inline content of type {node.type} was not expected")


def _emphasis(node: SyntaxTreeNode) -> list[_Piece]:
    inner = write_span(node.children)
    bare = inner.strip()
    if not bare:
        return [("text", " ")] if inner else []
    if node.markup == "~~" and bare.startswith("~~"):
        return [("markup", inner)]  # four of them at the start of a line would open a fence
    before, after = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return [("markup", f"{before}{node.markup}{bare}{node.markup}{after}")]


def _link(node: SyntaxTreeNode) -> list[_Piece]:
    if not node.meta.get("is_allowed"):
        return _atoms(node.children)
    url = str(node.attrs["href"])
    if node.markup in ("autolink", "auto", "linkify"):
        return [("markup", f"[{escape(plain_text(node.children))}]({link_target(url)})")]
    hint = str(node.attrs.get("title", ""))
    title = f' "{escape(hint).replace(chr(34), chr(92) + chr(34))}"' if hint else ""
    return [("markup", f"[{write_span(node.children)}]({link_target(url)}{title})")]


def _split(piece: _Piece) -> list[_Piece]:
    return _pieces(piece[1]) if piece[0] == "text" else [piece]


def _pieces(text: str) -> list[_Piece]:
    """Return the text cut at addresses, which become code."""
    pieces: list[_Piece] = []
    position = 0
    for match in ADDRESS.finditer(text):
        pieces += [("text", text[position : match.start()]), ("code", match.group())]
        position = match.end()
    return [*pieces, ("text", text[position:])]


def _joined(pieces: Sequence[_Piece]) -> list[_Piece]:
    joined: list[_Piece] = []
    for kind, content in pieces:
        if not content:
            continue
        if joined and joined[-1][0] == kind != "markup":
            joined[-1] = (kind, joined[-1][1] + content)
        else:
            joined.append((kind, content))
    return joined


def plain_text(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Return the words of inline content, without any mark."""
    written = []
    for node in nodes:
        if node.type in ("softbreak", "hardbreak"):
            written.append(" ")
        elif node.type in ("text", "code_inline"):
            written.append(node.content)
        else:
            written.append(plain_text(node.children))
    return "".join(written)


def _write_code_span(content: str) -> str:
    content = _CONTROL.sub(" ", content)
    fence = "`" * (_longest_run(content) + 1)
    pad = " " if content.startswith(("`", " ")) or content.endswith(("`", " ")) else ""
    return f"{fence}{pad}{content}{pad}{fence}"


def _longest_run(content: str) -> int:
    return max((len(run) for run in re.findall(r"`+", content)), default=0)


def guard_lines(span: str) -> str:
    """Return inline Markdown so that none of its lines is taken for the start of a block."""
    return "\n".join(_guard_line(line) for line in span.split("\n") if line.strip())


def _guard_line(line: str) -> str:
    line = line.strip(" \t")
    match = _LINE_START.match(line)
    if match is None:
        return line
    number = match["number"]
    return f"{number}\\{line[len(number) :]}" if number else f"\\{line}"
