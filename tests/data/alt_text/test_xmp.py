"""Captions in packets of XMP: readers find them, and all other bytes stay."""

from xml.etree import ElementTree

import pytest

from data.alt_text.xmp import CannotAddCaption, _fit_length, add_caption_to_packet, has_caption

CAPTION = "개 & <고양이> \"둘\" '말'"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = "http://purl.org/dc/elements/1.1/"
IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
PROPERTIES = (f"{{{DC}}}description", f"{{{IPTC}}}AltTextAccessibility")

# As Photoshop writes it, and as nobody does: values in attributes, a > among them, other prefixes,
# a comment, and a property of the same name inside another.
OLD = """<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Adobe XMP Core 5.6">
 <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" ><!-- kept -->
  <r:Description r:about="uuid:1"
   xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City='a > b' />
  <r:Description r:about="uuid:1"
   xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:s="urn:struct">
   BEFORE<d:description id="x>y"><r:Alt><r:li xml:lang="x-default">old</r:li>
    <r:li xml:lang="de">Hund &amp; Ball</r:li>
    <r:li xml:lang="en-GB">old</r:li></r:Alt></d:description>AFTER
   <d:title><r:Alt><r:li xml:lang="x-default">제목</r:li></r:Alt></d:title>
   <s:part><r:Description><d:description>
    <r:Alt><r:li xml:lang="x-default">of a part</r:li></r:Alt></d:description>
   </r:Description></s:part>
  </r:Description>
  <r:Description/>
 </r:RDF>
</x:xmpmeta>
<?xpacket end='w'?>""".encode()


def read_texts(packet):
    """Return the texts by language of both properties, as readers of XML find them."""
    found = {}
    root = ElementTree.fromstring(packet.decode())
    for description in root.findall(f"{{{RDF}}}RDF/{{{RDF}}}Description"):
        for name in PROPERTIES:
            for texts in description.findall(name):
                assert name not in found, "a property is there once"
                found[name] = {}
                for item in texts.findall(f"{{{RDF}}}Alt/{{{RDF}}}li"):
                    found[name][item.get(LANGUAGE)] = item.text
    return tuple(found.get(name) for name in PROPERTIES)


def test_a_new_packet_has_the_caption_in_two_languages():
    packet = add_caption_to_packet(None, CAPTION, "ko")
    assert read_texts(packet) == ({"x-default": CAPTION, "ko": CAPTION},) * 2
    assert packet.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert b"<dc:description>\n<rdf:Alt>" in packet  # for programs that search the text
    assert read_texts(add_caption_to_packet(None, "a dog", None)) == ({"x-default": "a dog"},) * 2
    assert read_texts(add_caption_to_packet(None, "a dog", "zh_Hant"))[0].keys() == {
        "x-default",
        "zh-Hant",
    }


def test_all_other_bytes_of_a_packet_stay():
    new = add_caption_to_packet(OLD, CAPTION, "en")
    before, old = OLD.split(b"BEFORE")
    begin, rest = before.split(b"<!--")
    end = old[old.index(b"AFTER") :]
    assert new.startswith(begin)
    assert b"<!--" + rest + b"BEFORE" + end.removesuffix(b"\n<?xpacket end='w'?>") in new
    assert read_texts(new) == (
        {"x-default": CAPTION, "en": CAPTION, "de": "Hund & Ball"},
        {"x-default": CAPTION, "en": CAPTION},
    )
    assert new.count(b"uuid:1") == 3  # all are about the same
    assert b"old" not in new


def test_captions_in_other_languages_stay():
    both = add_caption_to_packet(add_caption_to_packet(None, "개", "ko"), "a dog", "en")
    assert read_texts(both) == ({"x-default": "a dog", "en": "a dog", "ko": "개"},) * 2
    assert read_texts(add_caption_to_packet(both, "a cat", "en-US"))[1] == {
        "x-default": "a cat",
        "en-US": "a cat",
        "ko": "개",
    }


@pytest.mark.parametrize(
    "inner",
    [
        "<rdf:RDF xmlns:rdf='{RDF}'/>",
        "<rdf:RDF xmlns:rdf='{RDF}' ><rdf:Description rdf:about=''/></rdf:RDF>",
        "<rdf:RDF xmlns:rdf='{RDF}'><rdf:Description xmlns:dc='{DC}'>"
        "<dc:description/></rdf:Description></rdf:RDF>",
        "<rdf:RDF xmlns:rdf='{RDF}'><rdf:Description xmlns:dc='{DC}'>"
        "<dc:description>plain</dc:description></rdf:Description></rdf:RDF>",
    ],
)
def test_empty_packets_take_a_caption(inner):
    packet = (
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{inner.format(RDF=RDF, DC=DC)}</x:xmpmeta>".encode()
    )
    assert read_texts(add_caption_to_packet(packet, "a dog", None)) == ({"x-default": "a dog"},) * 2
    assert b"plain" not in add_caption_to_packet(packet, "a dog", None)


def test_a_packet_with_room_keeps_its_length():
    padded = OLD.replace(b"\n<?xpacket end", b" " * 1500 + b"\n<?xpacket end")
    new = add_caption_to_packet(padded, CAPTION, "en")
    assert len(new) == len(padded)
    assert len(add_caption_to_packet(new, "a", "en")) == len(padded)
    assert len(add_caption_to_packet(OLD, CAPTION, "en")) > len(OLD)
    assert _fit_length(b"<a/> <?xpacket end='w'?>", 30) == b"<a/>      \n<?xpacket end='w'?>"
    assert _fit_length(b"<a/>", 9) == b"<a/>"


def test_zeros_at_the_end_are_no_damage():
    assert read_texts(add_caption_to_packet(OLD + b"\0", "a", None).rstrip(b"\0"))[1] == {
        "x-default": "a"
    }


def test_characters_outside_xml_become_spaces():
    assert read_texts(add_caption_to_packet(None, "a\x0bdog\ud800 \U0001f415\n.", None))[0] == {
        "x-default": "a dog  \U0001f415\n."
    }


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (OLD[:-60], "damaged"),
        (b"", "damaged"),
        (OLD.decode().encode("utf-16"), "not in UTF-8"),
        (b"<a/>", "no rdf:RDF"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + OLD[OLD.index(b"<x:") :], "a document type"),
        (
            OLD.replace(b"photoshop:City", b"d:description").replace(
                b'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"', f'xmlns:d="{DC}"'.encode()
            ),
            "has no language",
        ),
    ],
)
def test_unknown_xmp_is_rejected(packet, reason):
    with pytest.raises(CannotAddCaption, match=reason):
        add_caption_to_packet(packet, "a dog", "en")


def test_has_caption():
    assert has_caption(OLD)
    assert not has_caption(OLD.replace(b"d:description", b"d:rights"))
