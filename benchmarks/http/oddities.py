"""What stands in the places of a request where something else belongs, or the same in an odd way."""

from __future__ import annotations


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


#: What stands for the length, as a text into which it is put.
LENGTHS = _list(
    "+%d|-%d|0x%x|%d | %d|%d,%d|%d, 9|0%d|%d;|%de0|%d_0||x|%d\r\nContent-Length: 5|"
    "5\r\nContent-Length: %d|%d\r\ncontent-length: %d|%d\t1|"
    "%d\r\nTransfer-Encoding: chunked|000000000000000000000000%d|18446744073709551635|"
    "%d\r\nTransfer-Encoding: identity|99999999999999999999999999999999%d|4294967315|"
    "%d\r\nTransfer-Encoding:|%d\r\nTransfer-Encoding : chunked|%d\r\n x|\x0b%d|%d\x0c"
)

#: What stands for the transfer coding.
CODINGS = _list(
    "chunked\r\nContent-Length: %d|chunked\r\nTransfer-Encoding: chunked|xchunked||"
    "chunked\r\nTransfer-Encoding: identity|identity\r\nTransfer-Encoding: chunked|"
    "identity, chunked|chunked, identity|chunked,|gzip, chunked|chunked;q=1|x|Chunked|"
    'chunked\t|\r\n chunked|"chunked"|chun\x00ked|\x0bchunked|identity'
)

#: What stands for the size of a chunk.
SIZES = _list(
    f"%x;{300 * 'e'}|"
    '%xg|0x%x|+%x|-%x| %x|%x |%x\t||0000000%x|000000000000%x|%x;a=b|%x ; a|%x;a="\r\n"|'
    "%x;\x00|%x\n|%x\r|g|f%07x|ffffffff|fffffffffffffffff%x|7fffffffffffffff|%x;\n|"
    "100000000000000%02x"
)

#: What stands for the method.
METHODS = _list(
    f"{300 * 'X'}|"
    "post|P OST||POST |POS\x00T|PO\tST|POST\r\n|FOO|TRACE|CONNECT|PRI|\xffPOST|P(ST|"
    "SOURCE|M-SEARCH|PROPFIND|\nPOST|\r\nPOST"
)

#: What stands for the version.
VERSIONS = _list(
    "HTTP/2.0|HTTP/0.9|HTTP/1.2|HTTP/1.10|http/1.1|HTTP/1.1 x||HTTP/11|HTTP/1.0|"
    "HTTP/1.0\r\nConnection: keep-alive|HTTP /1.1|HTTP/1.1\t|ICE/1.0|HTTP/|"
    "HTTP/1.0\r\nTransfer-Encoding: chunked|HTTP/1.1 HTTP/1.1|HTTP/1,1|RTSP/1.0|HTTP/-1.1"
)

#: What stands for the path.
TARGETS = _list(
    f"/{3000 * 'a'}|"
    "*||park|//park|/park/|http://garage/park|HTTP://garage/park|/par k|/\xff|/%70ark|/./park|"
    "/park#x|/park?x|http://|https://garage|/%|/%00|/\x01|garage:80|/park;x|?|/\\park|"
    "http://garage:x/park|/{"
)

#: What stands for the header Host.
HOSTS = _list("|Host: a\r\nHost: b\r\n|Host:\r\n|Host: a b\r\n|Host: a/b\r\n|Host : a\r\n")

#: What stands for the header Connection.
CONNECTIONS = _list(
    "close|Close|close, x|x, close|keep-alive, close|Upgrade\r\nUpgrade: h2c|x|"
    "close\r\nConnection: keep-alive|Upgrade\r\nUpgrade: websocket|keep-alive|,|"
)
