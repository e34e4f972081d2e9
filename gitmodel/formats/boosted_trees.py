"""Models of XGBoost (JSON and UBJSON) and LightGBM (text), from their first and last bytes.

Sources: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and
https://github.com/microsoft/LightGBM/blob/master/src/boosting/gbdt_model_text.cpp

They have no tensors, so nothing is counted. `arch` is the booster: `gbtree`, `gblinear`, `dart`; `gbdt`, `rf`.
`code` is `none`: these files are trees and weights as numbers, and their readers run nothing of them. Models of
both that were saved by pickle or joblib are pickles, which are described as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gitmodel.domain.text.lazy_regex import lazy_compile
from gitmodel.formats.description import Description
from gitmodel.formats.header import UnrecognizedFormatError

if TYPE_CHECKING:
    from gitmodel.formats.header import HeaderReader

_HEAD: Final = 256  # bytes
_TAIL: Final = 64 << 10
_JSON_HEAD: Final = lazy_compile(rb'\{\s{0,99}+"learner"\s{0,99}+:\s{0,99}+\{\s{0,99}+"')
_JSON_TAIL: Final = lazy_compile(
    rb'"version"\s{0,99}+:\s{0,99}+\[\s{0,99}+\d+\s{0,99}+,\s{0,99}+\d+\s{0,99}+,\s{0,99}+\d+\s{0,99}+\]\s{0,99}+\}\s{0,99}+\Z'
)
_JSON_BOOSTER: Final = lazy_compile(
    rb'"name":"([a-z]{1,20}+)"(?:,"weight_drop":\[[^\]]*+\])?\},"learner_model_param":\{'
)
_UBJSON_HEAD: Final = b"{L\0\0\0\0\0\0\0\7learner{L\0\0\0\0\0\0\0"
_UBJSON_BOOSTER: Final = lazy_compile(
    rb"L\0{7}\x04nameSL\0{7}[\x01-\x14]([a-z]{1,20}+)"
    rb"(?:L\0{7}\x0bweight_drop|\}L\0{7}\x13learner_model_param)"
)
_TEXT_HEAD: Final = lazy_compile(rb"tree\r?\nversion=v\d{1,3}\r?\n(?:[a-z_]+=|[a-z_]+\r?\n)")
_TEXT_BOOSTER: Final = lazy_compile(rb"\n\[boosting: ([a-z]{1,20}+)\]\r?\n")


def describe_xgboost_json(source: HeaderReader, _name: str) -> Description:
    """Describe a model that XGBoost saved as JSON. Raises ValueError if it is none."""
    head, tail = _ends(source)
    if not _JSON_HEAD.match(head) or not _JSON_TAIL.search(tail[-_HEAD:]):
        raise UnrecognizedFormatError("no model of XGBoost")
    found = _JSON_BOOSTER.search(tail)
    return Description("xgboost", arch=found[1].decode("ascii") if found else None, code="none")


def describe_xgboost_ubjson(source: HeaderReader, _name: str) -> Description:
    """Describe a model that XGBoost saved as UBJSON. Raises ValueError if it is none."""
    head, tail = _ends(source)
    if not head.startswith(_UBJSON_HEAD) or b"version[#L" not in tail[-64:] or tail[-1:] != b"}":
        raise UnrecognizedFormatError("no model of XGBoost")
    found = _UBJSON_BOOSTER.search(tail)
    return Description("xgboost", arch=found[1].decode("ascii") if found else None, code="none")


def describe_lightgbm(source: HeaderReader, _name: str) -> Description:
    """Describe a model that LightGBM saved as text. Raises ValueError if it is none."""
    head, tail = _ends(source)
    if not _TEXT_HEAD.match(head):
        raise UnrecognizedFormatError("no model of LightGBM")
    found = _TEXT_BOOSTER.search(tail)
    return Description("lightgbm", arch=found[1].decode("ascii") if found else None, code="none")


def _ends(source: HeaderReader) -> tuple[bytes, bytes]:
    head = source.take(0, min(_HEAD, source.size))
    length = min(_TAIL, source.size)
    return head, source.take(source.size - length, length)
