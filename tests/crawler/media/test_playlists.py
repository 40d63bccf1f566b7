"""Playlists in the spellings that players accept."""

import pytest

from crawler.media.dash import read_mpd
from crawler.media.hls import read_master, read_media
from crawler.media.outcome import RejectedFileError
from crawler.media.playlist import MediaSegment, Rendition, Track

URL = "https://cdn.example/v/7/list.m3u8?token=a%2Fb"
AT = "https://cdn.example/v/7/"


def whole(*names: str, seconds: float) -> Track:
    return Track(tuple(MediaSegment(AT + name) for name in names), seconds)


HLS: dict[str, tuple[str, Track]] = {
    "line ends of Windows, a mark of the byte order": (
        "\ufeff#EXTM3U\r\n#EXTINF:2.5,\r\na.ts\r\n#EXT-X-ENDLIST\r\n",
        whole("a.ts", seconds=2.5),
    ),
    "a title, and no comma": (
        "#EXTM3U\n#EXTINF:2,Mug\na.ts\n#EXTINF:1\nb.ts\n#EXT-X-ENDLIST",
        whole("a.ts", "b.ts", seconds=3),
    ),
    "a comment before the URL": (
        "#EXTM3U\n#EXTINF:2,\n# mug\n#EXT-X-BITRATE:9\na.ts\n#EXT-X-ENDLIST",
        whole("a.ts", seconds=2),
    ),
    "relative URLs": (
        "#EXTM3U\n#EXTINF:1,\n../8/a b.ts?x=%2F\n#EXTINF:1,\n/c.ts\n#EXTINF:1,\n//b.example/d.ts\n#EXT-X-ENDLIST",
        Track(
            (
                MediaSegment("https://cdn.example/v/8/a%20b.ts?x=%2F"),
                MediaSegment("https://cdn.example/c.ts"),
                MediaSegment("https://b.example/d.ts"),
            ),
            3,
        ),
    ),
    "type VOD without an end": ("#EXTM3U\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:2,\na.ts", whole("a.ts", seconds=2)),
    "no key": ("#EXTM3U\n#EXT-X-KEY:METHOD=NONE\n#EXTINF:2,\na.ts\n#EXT-X-ENDLIST", whole("a.ts", seconds=2)),
    "a discontinuity before the first segment and after the last": (
        "#EXTM3U\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\na.ts\n#EXT-X-DISCONTINUITY\n#EXT-X-ENDLIST",
        whole("a.ts", seconds=2),
    ),
    "ranges without starts": (
        "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:100\na.ts\n#EXTINF:1,\n#EXT-X-BYTERANGE:50\na.ts\n#EXT-X-ENDLIST",
        Track((MediaSegment(AT + "a.ts", 0, 150),), 2),
    ),
    "an initialisation section in the file of its segments": (
        '#EXTM3U\n#EXT-X-MAP:URI="a.mp4",BYTERANGE="20@0"\n#EXTINF:1,\n#EXT-X-BYTERANGE:30@40\na.mp4\n#EXT-X-ENDLIST',
        Track((MediaSegment(AT + "a.mp4", 0, 20), MediaSegment(AT + "a.mp4", 40, 30)), 1),
    ),
}


@pytest.mark.parametrize(("text", "track"), HLS.values(), ids=HLS)
def test_hls_lists_are_read_as_players_read_them(text: str, track: Track) -> None:
    assert read_media(text, URL) == track


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("#EXTINF:1,\na.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST", "bad_playlist"),
        ("#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:1,\na.ts", "live"),
        ('#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://k"\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST', "encrypted"),
        ('#EXTINF:1,\na.ts\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST', "encrypted"),
    ],
)
def test_hls_lists_that_make_no_one_file_are_refused(lines: str, reason: str) -> None:
    with pytest.raises(RejectedFileError) as caught:
        read_media(f"#EXTM3U\n{lines}", URL)
    assert caught.value.reason == reason


def test_renditions_are_read_past_comments() -> None:
    text = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="g",NAME="A, B",URI="en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900, RESOLUTION=64x48, CODECS="avc1.64000b, mp4a.40.2",AUDIO="g"
# small

small.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=90,CODECS="mp4a.40.2"
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI="still.m3u8"
sound.m3u8
"""
    assert read_master(text, URL) == [Rendition(f"{AT}small.m3u8", f"{AT}en.m3u8", 64 * 48, 900)]


def mpd(inside: str, attributes: str = "", length: str = 'mediaPresentationDuration="PT4S"') -> bytes:
    return f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {length}><Period>
        <AdaptationSet mimeType="video/mp4">{inside}<Representation id="v" bandwidth="9" {attributes}/></AdaptationSet>
        </Period></MPD>""".encode()


BY_NUMBER = '<SegmentTemplate media="$Number$.m4s" initialization="i.mp4" duration="2"/>'
BY_TIME = '<SegmentTemplate media="$Time$.m4s" initialization="i.mp4" timescale="2"><SegmentTimeline>{}</SegmentTimeline></SegmentTemplate>'  # noqa: E501

DASH: dict[str, tuple[bytes, Track]] = {
    "numbers": (mpd(BY_NUMBER), whole("i.mp4", "1.m4s", "2.m4s", seconds=4)),
    "numbers from zero": (
        mpd(BY_NUMBER.replace("/>", ' startNumber="0"/>')),
        whole("i.mp4", "0.m4s", "1.m4s", seconds=4),
    ),
    "numbers up to the last": (
        mpd(BY_NUMBER.replace("/>", ' startNumber="5" endNumber="6"/>'), length=""),
        Track((MediaSegment(AT + "i.mp4"), MediaSegment(AT + "5.m4s"), MediaSegment(AT + "6.m4s")), None),
    ),
    "padded numbers, names and rates": (
        mpd('<SegmentTemplate media="$RepresentationID$/$Bandwidth$-$Number%04d$-$$.m4s" duration="4"/>'),
        whole("v/9-0001-$.m4s", seconds=4),
    ),
    "years and months of a duration": (
        mpd(BY_NUMBER, length='mediaPresentationDuration="P0Y0M0DT0H0M4.000S"'),
        whole("i.mp4", "1.m4s", "2.m4s", seconds=4),
    ),
    "a timeline with repeats": (
        mpd(BY_TIME.format('<S t="0" d="2" r="1"/><S d="4"/>')),
        whole("i.mp4", "0.m4s", "2.m4s", "4.m4s", seconds=4),
    ),
    "a timeline up to the end": (
        mpd(BY_TIME.format('<S t="0" d="4" r="-1"/>')),
        whole("i.mp4", "0.m4s", "4.m4s", seconds=4),
    ),
    "nested bases": (
        mpd("<BaseURL>a/</BaseURL>")
        .replace(b"<Period>", b"<BaseURL>https://b.example/x/</BaseURL><Period><BaseURL>../y/</BaseURL>")
        .replace(b'bandwidth="9" />', b'bandwidth="9"><BaseURL>v%2F1.mp4</BaseURL></Representation>'),
        Track((MediaSegment("https://b.example/y/a/v%2F1.mp4"),), 4),
    ),
    "a prefix, and a template that is inherited": (
        mpd("").replace(b"<Period>", b"<Period>" + BY_NUMBER.encode()).replace(b"xmlns=", b"xmlns:d=")
        .replace(b"</", b"</d:").replace(b"<", b"<d:").replace(b"<d:/d:", b"</d:").replace(b"<d:?", b"<?"),
        whole("i.mp4", "1.m4s", "2.m4s", seconds=4),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "track"), DASH.values(), ids=DASH)
def test_dash_presentations_are_read_as_players_read_them(body: bytes, track: Track) -> None:
    assert read_mpd(body, f"{AT}list.mpd") == [Rendition(track, None, 0, 9)]
