"""A search whose answer comes as batches of BSON, without a document being made of any event on the way.

pymongo's own cursor of raw batches (4.20: ``_OpMsg.raw_response``, by ``bson._decode_selective``) makes a
``RawBSONDocument`` of each element of a batch, throws these away, and then takes the bytes: half of the time in which
100,000 events are read.
"""

from __future__ import annotations

from typing import Any

from pymongo.cursor import RawBatchCursor


class RawBatches(RawBatchCursor[Any]):
    """What ``find_raw_batches`` returns, sooner.

    It relies on names that pymongo keeps for itself. Where these are gone or mean something else, pymongo's own way is
    taken, which is slower.
    """

    def _unpack_response(self, response: Any, *args: Any, **options: Any) -> list[Any]:
        reply = _reply_of(response)
        return super()._unpack_response(response, *args, **options) if reply is None else [reply]


def _reply_of(response: Any) -> dict[str, Any] | None:
    """Return the reply of a server, its batch one string of bytes, or None where this pymongo is another."""
    try:
        from bson import _convert_raw_document_lists_to_streams, decode
        from bson.raw_bson import _RAW_ARRAY_BSON_OPTIONS

        # With these options an array stays as it is, and with it all that is in it.
        reply: dict[str, Any] = dict(decode(response.payload_document, _RAW_ARRAY_BSON_OPTIONS))
        reply["cursor"] = dict(reply["cursor"])
        _convert_raw_document_lists_to_streams(reply)
    except (ImportError, AttributeError, TypeError, KeyError):
        return None
    return reply
