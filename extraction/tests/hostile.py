"""Files that hurt programs which open documents, made on the spot (docs/operations.md, "Upload safety").

Each function returns the bytes of one file. They are also used to go through the site with.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable

from PIL import Image


def pdf_of(objects: Iterable[bytes], *, root: int = 1, trailer: bytes = b"") -> bytes:
    """Return a PDF of the given objects, numbered from 1, with a proper cross-reference table."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root %d 0 R %s >>\n" % (len(offsets) + 1, root, trailer)
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def stream(data: bytes, *, compress: bool = False, extra: bytes = b"") -> bytes:
    """Return the body of a stream object."""
    if compress:
        data, extra = zlib.compress(data, 9), extra + b" /Filter /FlateDecode"
    return b"<< /Length %d %s >>\nstream\n" % (len(data), extra) + data + b"\nendstream"


def plain_pdf(
    content: bytes = b"BT /F1 18 Tf 72 700 Td (Invoice number 4711 of Miller Roofing, total due 1,234.56) Tj ET",
    *,
    media_box: bytes = b"0 0 612 792",
    pages: int = 1,
    catalog: bytes = b"",
    page: bytes = b"",
    compress: bool = False,
) -> bytes:
    """Return a PDF whose pages all show one content stream."""
    kids = b" ".join(b"%d 0 R" % (5 + i) for i in range(pages))
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
            b"<< /Type /Pages /Kids [%s] /Count %d >>" % (kids, pages),
            stream(content, compress=compress),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            *[
                b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 3 0 R "
                b"/Resources << /Font << /F1 4 0 R >> >> %s >>" % (media_box, page)
            ]
            * pages,
        ]
    )


def huge_content_pdf(megabytes: int = 294) -> bytes:
    """Return a PDF of under 1 MB whose one page has a content stream of hundreds of megabytes."""
    line = b"0 0 m 600 700 l S\n"
    return plain_pdf(line * (megabytes * 1_000_000 // len(line)), compress=True)


def huge_page_pdf(points: int = 288_000) -> bytes:
    """Return a PDF with a page of 4,000 inches a side."""
    return plain_pdf(media_box=b"0 0 %d %d" % (points, points))


def many_pages_pdf(pages: int = 20_000) -> bytes:
    """Return a PDF with very many pages."""
    return plain_pdf(pages=pages)


def endless_page_tree_pdf() -> bytes:
    """Return a PDF whose page tree contains itself and claims a million pages."""
    return pdf_of([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [2 0 R] /Count 1000000 >>"])


def nested_forms_pdf(levels: int = 12) -> bytes:
    """Return a PDF whose forms draw each other ten times each, 10 ** levels drawings in all."""
    forms = [
        stream(
            b"/X Do " * 10,
            extra=b"/Type /XObject /Subtype /Form /BBox [0 0 612 792] /Resources << /XObject << /X %d 0 R >> >>"
            % (5 + level),
        )
        for level in range(levels)
    ]
    last = stream(b"0 0 m 600 700 l S", extra=b"/Type /XObject /Subtype /Form /BBox [0 0 612 792]")
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources << /XObject << /X 5 0 R >> >> >>",
            stream(b"/X Do"),
            *forms[: levels - 1],
            last,
        ]
    )


def encrypted_pdf(password: str = "secret") -> bytes:
    """Return a PDF that can't be opened without its password."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    page = Canvas(out, encrypt=StandardEncryption(password, strength=128))
    page.drawString(72, 700, "Invoice number 4711")
    page.save()
    return out.getvalue()


def truncated_pdf() -> bytes:
    """Return a PDF that ends before any of its pages."""
    whole = plain_pdf()
    return whole[: whole.index(b"2 0 obj")]


def javascript_pdf() -> bytes:
    """Return a good PDF that asks the reader to run JavaScript when it is opened."""
    script = b"<< /S /JavaScript /JS (while\\(true\\) {}) >>"
    return plain_pdf(catalog=b"/OpenAction %s" % script, page=b"/AA << /O %s >>" % script)


def html_before_pdf() -> bytes:
    """Return a polyglot: a web page with a script to a browser, a PDF to a PDF reader."""
    return b"<html><script>alert(document.domain)</script><!-- " + plain_pdf() + b" -->"


def html_page() -> bytes:
    """Return a web page."""
    return b"<!DOCTYPE html><html><body><script>alert(1)</script>Invoice</body></html>"


def bomb_png(side: int = 13_000) -> bytes:
    """Return a PNG of about 160 kB with 169 megapixels (13,000 a side)."""
    row = b"\x00" + b"\x00" * (side * 3)
    packer = zlib.compressobj(9)
    data = b"".join([packer.compress(row) for _ in range(side)]) + packer.flush()
    return _png(side, side, data)


def lying_png() -> bytes:
    """Return a small PNG whose pixel data unpack to far more than its header says."""
    return _png(64, 64, zlib.compress(b"\x00" * 200_000_000, 9))


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def many_frames_tiff(frames: int = 300) -> bytes:
    """Return a TIFF with very many frames."""
    out = io.BytesIO()
    page = Image.new("1", (200, 260), 1)
    page.save(out, "TIFF", save_all=True, append_images=[page] * (frames - 1))
    return out.getvalue()


def looping_tiff() -> bytes:
    """Return a TIFF whose list of frames runs in a circle."""
    out = io.BytesIO()
    Image.new("L", (8, 8), 255).save(out, "TIFF")
    data = bytearray(out.getvalue())
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    return bytes(data)


def truncated_jpeg() -> bytes:
    """Return the first third of a JPEG."""
    whole = jpeg()
    return whole[: len(whole) // 3]


def jpeg(width: int = 1200, height: int = 1600) -> bytes:
    """Return a good JPEG with some texture."""
    out = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(out, "JPEG", quality=80)
    return out.getvalue()


def zip_bomb() -> bytes:
    """Return a ZIP archive whose one member unpacks to 100 MB."""
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("invoice.pdf", b"\x00" * 100_000_000)
    return out.getvalue()


def xml_bomb() -> bytes:
    """Return an XML e-invoice with entities that multiply."""
    entities = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10 if i else "x" * 100}">' for i in range(10))
    return f'<?xml version="1.0"?><!DOCTYPE Invoice [{entities}]><Invoice>&e9;</Invoice>'.encode()
