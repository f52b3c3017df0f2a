"""Inputs made of good ones: a corpus, and what may go wrong with its bytes on the way."""

from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"
TOKENS = (
    b'', b'\x00', b'\r\n', b'\n', b'\r\n\r\n', b' ', b'\t', b'/', b'../', b'%00', b'%2e%2e/', b'%zz', b'%', b'\xff',
    b'\x80', b'\xed\xa0\x80', b'\xc3\xa9', b'\xef\xbb\xbf', b'\x1b[0m', b'"', b"'", b'\\', b'{', b'}', b'[', b']',
    b"[" * 2000, b"{" * 2000, b'<', b'&', b'*', b'${', b'${A:-', b'$(', b'#', b':', b': ', b'- ',
    b'!!python/object:os.system x', b'&a [*a]', b'0', b'-1', b'999999999999999999999999999999', b"9" * 5000, b'1e999',
    b'NaN', b'null', b'true', b'0x10', b'1_0', b'\xc2\xb2', b"a" * 300, b'Content-Length: -1\r\n',
    b'Content-Length: 5\r\n', b'Transfer-Encoding: chunked\r\n', b'Expect: 100-continue\r\n',
    b'Content-Encoding: gzip\r\n', b'Upgrade: h2c\r\n', b'Upgrade: websocket\r\nConnection: Upgrade\r\n',
    b'Host: \r\n', b'Origin: http://evil.example\r\n', b'X-Amz-Date: 20269901T000000Z\r\n', b'?X-Amz-Credential=',
    b'Authorization: Basic ====\r\n', b'Authorization: AWS4-HMAC-SHA256 \r\n', b'Range: bytes=5-1\r\n', b'FROM ',
    b'FROM scratch AS ', b'COPY --from=', b'RUN <<EOF\n', b'ARG A\n', b'\\\n', b'ONBUILD ', b'# escape=`\n', b'.wh.',
    b'.wh..wh..opq', b'sha256:', b'sha256:0000000000000000000000000000000000000000000000000000000000000000',
)  # fmt: skip
"""What has a meaning somewhere."""


def corpus(edge: str) -> list[bytes]:
    """The files of one edge, by name."""
    return [path.read_bytes() for path in sorted((CORPUS / edge).iterdir())]


@st.composite
def mutated(draw: st.DrawFn, edge: str) -> bytes:
    """An input of the corpus with up to six edits: bytes taken out, put in, changed, repeated, or of another input."""
    known = corpus(edge)
    data = bytearray(draw(st.sampled_from(known)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from((0, 0, 1, 2, 4, 8, 32, 512)))
        match draw(st.integers(0, 5)):
            case 0:
                del data[at : at + length]
            case 1:
                data[at : at + length] = draw(st.sampled_from(TOKENS))
            case 2:
                data[at : at + length] = draw(st.binary(max_size=8))
            case 3:
                data[at:at] = data[at : at + length] * draw(st.sampled_from((1, 2, 300)))
            case 4:
                data[at : at + 1] = bytes(each ^ 1 << draw(st.integers(0, 7)) for each in data[at : at + 1])
            case 5:
                other = draw(st.sampled_from(known))
                begin = draw(st.integers(0, len(other)))
                data[at : at + length] = other[begin : begin + draw(st.integers(0, 512))]
    return bytes(data)
